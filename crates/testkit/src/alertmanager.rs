//! Alertmanager.

use serde_json::Value;
use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, START, command};
use super::wait::eventually;

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
        // No peers.
        Self::start_with(port, config, &["--cluster.listen-address=".to_owned()]).await
    }

    /// Starts two servers that are one cluster, and waits until each has found the other.
    pub async fn start_pair(config: &str) -> [Self; 2] {
        let gossip = [Port::free(), Port::free()];
        let arguments = |own: usize| {
            let at = |flag: &str, port: &Port| format!("--cluster.{flag}=127.0.0.1:{port}");
            let listen = at("listen-address", &gossip[own]);
            // The second one leaves the first one 15 s to notify, unless it is set.
            [listen, at("peer", &gossip[1 - own]), "--cluster.peer-timeout=2s".to_owned()]
        };
        let (first, second) = (arguments(0), arguments(1));
        let pair = tokio::join!(
            Self::start_with(Port::free(), config, &first),
            Self::start_with(Port::free(), config, &second)
        );
        let pair = [pair.0, pair.1];
        for server in &pair {
            eventually(START, "both are in one cluster", async || {
                let status = http::client().get(format!("{}/api/v2/status", server.url()));
                let cluster = &http::json(status).await["cluster"];
                cluster["status"] == "ready" && cluster["peers"].as_array().is_some_and(|all| all.len() == 2)
            })
            .await;
        }
        pair
    }

    async fn start_with(port: Port, config: &str, cluster: &[String]) -> Self {
        let directory = TempDir::with_prefix("alertmanager-").expect("a temporary directory");
        let path = directory.path().join("alertmanager.yml");
        std::fs::write(&path, config).expect("the directory is writable");
        let mut command = command("prometheus-alertmanager");
        command.arg(format!("--config.file={}", path.display()));
        command.arg(format!("--storage.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(cluster).current_dir(directory.path());
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

    /// How often it has looked up whether a notification was sent before, by itself or by another of its cluster.
    pub async fn lookups(&self) -> f64 {
        let metrics = http::text(http::client().get(format!("{}/metrics", self.url()))).await;
        super::exporter::value(&metrics, "alertmanager_nflog_queries_total").expect("it counts them")
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
