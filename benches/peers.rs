//! Debian's exporters, each on the service that it is made for.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::http;
use crate::support::platform::Platform;
use crate::support::ports::Port;
use crate::support::process::{Process, command};

/// A running exporter of somebody else's.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    url: String,
    _port: Port,
    _directory: TempDir,
}

impl Peer {
    /// Scrapes it once.
    pub(crate) async fn scrape(&self) {
        http::client()
            .get(&self.url)
            .send()
            .await
            .expect("it answers")
            .bytes()
            .await
            .expect("it answers in full");
    }
}

/// Starts all four.
pub(crate) async fn start(platform: &Platform) -> Vec<Peer> {
    let postgres = platform.postgres.url() + "?sslmode=disable";
    let website = platform.website.url("/");
    let jobs = format!(
        "jobs: [{{name: users, interval: 15s, connections: ['{postgres}'], queries: [{{name: users, help: Users., \
         labels: [plan], values: [users], query: 'SELECT plan, count(*)::float AS users FROM users GROUP BY plan'}}]}}]\n"
    );
    vec![
        peer("prometheus-postgres-exporter", "/metrics", |command, listen, _| {
            command.arg(format!("--web.listen-address={listen}")).env("DATA_SOURCE_NAME", &postgres);
        })
        .await,
        peer("prometheus-redis-exporter", "/metrics", |command, listen, _| {
            command
                .arg(format!("-web.listen-address={listen}"))
                .arg(format!("-redis.addr={}", platform.redis.url()));
        })
        .await,
        peer("prometheus-sql-exporter", "/metrics", |command, listen, directory| {
            let config = directory.join("sql.yml");
            std::fs::write(&config, &jobs).expect("the directory is writable");
            command.arg(format!("-web.listen-address={listen}")).arg("-config.file").arg(config);
        })
        .await,
        peer(
            "prometheus-blackbox-exporter",
            &format!("/probe?module=http_2xx&target={website}"),
            |command, listen, directory| {
                let config = directory.join("blackbox.yml");
                std::fs::write(&config, "modules: {http_2xx: {prober: http, timeout: 5s}}\n")
                    .expect("the directory is writable");
                command.arg(format!("--web.listen-address={listen}")).arg("--config.file").arg(config);
            },
        )
        .await,
    ]
}

async fn peer(
    name: &'static str,
    path: &str,
    configure: impl FnOnce(&mut std::process::Command, &str, &Path),
) -> Peer {
    let (port, directory) = (Port::free(), TempDir::with_prefix("peer-").expect("a temporary directory"));
    let listen = format!("127.0.0.1:{port}");
    let mut command = command(name);
    configure(&mut command, &listen, directory.path());
    let mut process = Process::spawn(name, command, directory.path());
    let url = format!("http://{listen}{path}");
    process.ready(Duration::from_secs(10), async || http::answers(&url).await).await;
    Peer { name, process, url, _port: port, _directory: directory }
}
