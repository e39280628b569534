//! VictoriaMetrics.

use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};

/// A single VictoriaMetrics.
#[derive(Debug)]
pub struct VictoriaMetrics {
    port: Port,
    _process: Process,
    _directory: TempDir,
}

impl VictoriaMetrics {
    /// Starts a server, and waits until it answers.
    pub async fn start() -> Self {
        let directory = TempDir::with_prefix("victoria-metrics-").expect("a temporary directory");
        let port = Port::free();
        let mut command = command("victoria-metrics");
        command.arg(format!("-storageDataPath={}", directory.path().join("data").display()));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        // By default, it hides the last 30 s, and moves the time of a query to a multiple of five minutes for its cache.
        command.args(["-search.latencyOffset=0s", "-search.disableCache", "-memory.allowedBytes=256MB"]);
        command.current_dir(directory.path());
        let mut process = Process::spawn("victoria-metrics", command, directory.path());
        let url = format!("http://127.0.0.1:{port}/health");
        process.ready(async || http::answers(&url).await).await;
        Self { port, _process: process, _directory: directory }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The same, as `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
