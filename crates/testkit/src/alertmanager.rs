//! Alertmanager.

use serde_json::Value;
use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};

/// An Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    process: Process,
    port: Port,
    _directory: TempDir,
}

impl Alertmanager {
    /// Starts a server with the text of its `alertmanager.yml`, and waits until it answers.
    pub async fn start(config: &str) -> Self {
        Self::start_at(Port::free(), config).await
    }

    /// Starts a server on a port.
    pub async fn start_at(port: Port, config: &str) -> Self {
        let directory = TempDir::with_prefix("alertmanager-").expect("a temporary directory");
        let path = directory.path().join("alertmanager.yml");
        std::fs::write(&path, config).expect("the directory is writable");
        let mut command = command("prometheus-alertmanager");
        command.arg(format!("--config.file={}", path.display()));
        command.arg(format!("--storage.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        // No peers.
        command.arg("--cluster.listen-address=").current_dir(directory.path());
        let process = Process::spawn("alertmanager", command, directory.path());
        let mut server = Self { process, port, _directory: directory };
        let url = format!("{}/-/ready", server.url());
        server.process.ready(async || http::answers(&url).await).await;
        server
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where Prometheus sends alerts, as `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The alerts that it holds, as its API gives them.
    pub async fn alerts(&self) -> Value {
        http::json(http::client().get(format!("{}/api/v2/alerts", self.url()))).await
    }

    /// Freezes the server.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Wakes a frozen server.
    pub fn resume(&self) {
        self.process.resume();
    }
}
