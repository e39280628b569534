//! Prometheus.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};

/// What can be chosen about a server before it starts.
#[derive(Debug, Default)]
pub struct Options {
    config: String,
    files: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Options {
    /// The text of a file beside `prometheus.yml`, such as one of rules.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// For how long a sample without a successor is still an answer.
    pub fn lookback(mut self, lookback: Duration) -> Self {
        self.arguments.push(format!("--query.lookback-delta={}ms", lookback.as_millis()));
        self
    }

    /// Scrapes, evaluates and looks for targets every so many seconds, where the configuration says 15 or 30.
    pub fn every(mut self, seconds: u64) -> Self {
        for shipped in ["_interval: 15s", "_interval: 30s"] {
            self.config = self.config.replace(shipped, &format!("_interval: {seconds}s"));
        }
        self
    }

    /// Starts the server, and waits until it answers.
    pub async fn start(self) -> Prometheus {
        let directory = TempDir::with_prefix("prometheus-").expect("a temporary directory");
        let port = Port::free();
        let config = directory.path().join("prometheus.yml");
        std::fs::write(&config, &self.config).expect("the directory is writable");
        for (name, text) in &self.files {
            std::fs::write(directory.path().join(name), text).expect("the directory is writable");
        }
        let mut command = command("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--web.enable-lifecycle").args(&self.arguments).current_dir(directory.path());
        // Alertmanagers are known only seconds after the start; an alert that fires before is sent again. One that is not
        // sent for four times this long counts as resolved, so it has to outlast a busy machine.
        command.arg("--rules.alert.resend-delay=3s");
        let process = Process::spawn("prometheus", command, directory.path());
        let mut server = Prometheus { process, port, directory };
        let url = format!("{}/-/ready", server.url());
        server.process.ready(async || http::answers(&url).await).await;
        server
    }
}

/// A Prometheus server.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: Port,
    directory: TempDir,
}

impl Prometheus {
    /// Starts a server with the text of its `prometheus.yml`.
    pub async fn start(config: &str) -> Self {
        Self::options(config).start().await
    }

    /// Starts a server with options beside the text of its `prometheus.yml`.
    pub fn options(config: &str) -> Options {
        Options { config: config.to_owned(), ..Options::default() }
    }

    /// A configuration that is shipped, with the addresses that its services have here; rules belong beside it.
    pub fn shipped(config: &str, exporter: &str, alertmanager: &str) -> Options {
        let config = config.replace("exporter:9884", exporter).replace("alertmanager:9093", alertmanager);
        Self::options(&config.replace("../alerts/", "./"))
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The `result` of an instant query; panics when the query is refused.
    pub async fn query(&self, promql: &str) -> Value {
        let request = http::client().get(format!("{}/api/v1/query", self.url()));
        http::json(request.query(&[("query", promql)])).await["data"]["result"].take()
    }

    /// The `data` of a path below `/api/v1/`, such as `targets`, `rules` or `alerts`.
    pub async fn get(&self, path: &str) -> Value {
        http::json(http::client().get(format!("{}/api/v1/{path}", self.url()))).await["data"].take()
    }

    /// Replaces a file of its directory, and has everything read again; panics when that is refused.
    pub async fn reload(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).expect("the directory is writable");
        http::json(http::client().post(format!("{}/-/reload", self.url()))).await;
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
