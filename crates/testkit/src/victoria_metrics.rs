//! VictoriaMetrics, and its vmalert.

use serde_json::Value;
use tempfile::TempDir;

use super::ports::Port;
use super::process::{Process, command};
use super::{dependency, http};

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

/// A vmalert, which evaluates rules against a VictoriaMetrics every second.
#[derive(Debug)]
pub struct Vmalert {
    port: Port,
    _process: Process,
    _directory: TempDir,
}

impl Vmalert {
    /// Starts it with files of rules, each with its name, and waits until it answers.
    pub async fn start(rules: &[(String, String)], storage: &VictoriaMetrics, alertmanager: &str) -> Self {
        let directory = TempDir::with_prefix("vmalert-").expect("a temporary directory");
        for (name, text) in rules {
            std::fs::write(directory.path().join(name), text).expect("the directory is writable");
        }
        let port = Port::free();
        let mut command = command(dependency("victoria-metrics/usr/bin/vmalert"));
        command.arg(format!("-rule={}/*.rules.yml", directory.path().display()));
        for flag in ["datasource", "remoteWrite", "remoteRead"] {
            command.arg(format!("-{flag}.url={}", storage.url()));
        }
        command.arg(format!("-notifier.url={alertmanager}"));
        command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        // By default, it evaluates once a minute, as of half a minute ago.
        command.args(["-evaluationInterval=1s", "-rule.evalDelay=2s", "-remoteWrite.flushInterval=500ms"]);
        command.current_dir(directory.path());
        let mut process = Process::spawn("vmalert", command, directory.path());
        let url = format!("http://127.0.0.1:{port}/health");
        process.ready(async || http::answers(&url).await).await;
        Self { port, _process: process, _directory: directory }
    }

    /// The `data` of a path below `/api/v1/`, such as `rules` or `alerts`.
    pub async fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1/{path}", self.port);
        http::json(http::client().get(url)).await["data"].take()
    }
}
