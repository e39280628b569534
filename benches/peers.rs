//! The exporters of Debian 13, each on the service it is made for.

use std::path::Path;

use tempfile::TempDir;

use crate::series;
use testkit::http;
use testkit::platform::Platform;
use testkit::ports::Port;
use testkit::process::{Process, command};

/// A running third-party exporter.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) process: Process,
    /// What Prometheus would scrape.
    pub(crate) url: String,
    /// Where it listens.
    pub(crate) address: String,
    _port: Port,
    _directory: TempDir,
}

impl Peer {
    /// Scrapes it once and returns the response.
    pub(crate) async fn scrape(&self) -> String {
        let answer = http::client().get(&self.url).send().await.expect("it answers");
        answer.text().await.expect("it answers in full")
    }
}

/// All four, on the services of a platform.
pub(crate) async fn all(platform: &Platform) -> Vec<Peer> {
    vec![
        postgres(&platform.postgres.url(), 0).await,
        redis(&platform.redis.url()).await,
        sql(&series::sql_exporter(&without_tls(&platform.postgres.url()), 5, "5s")).await,
        blackbox(&platform.website.url("/")).await,
    ]
}

/// postgres_exporter, with this many rows of a user query.
pub(crate) async fn postgres(url: &str, rows: usize) -> Peer {
    peer("prometheus-postgres-exporter", "/metrics", |command, listen, directory| {
        let queries = directory.join("queries.yml");
        std::fs::write(&queries, series::postgres_exporter(rows)).expect("the directory is writable");
        command.arg(format!("--web.listen-address={listen}")).env("DATA_SOURCE_NAME", without_tls(url));
        command.arg("--extend.query-path").arg(queries);
    })
    .await
}

pub(crate) async fn redis(url: &str) -> Peer {
    peer("prometheus-redis-exporter", "/metrics", |command, listen, _| {
        command.arg(format!("-web.listen-address={listen}")).arg(format!("-redis.addr={url}"));
    })
    .await
}

/// sql_exporter, with this configuration.
pub(crate) async fn sql(config: &str) -> Peer {
    peer("prometheus-sql-exporter", "/metrics", |command, listen, directory| {
        let file = directory.join("sql.yml");
        std::fs::write(&file, config).expect("the directory is writable");
        command.arg(format!("-web.listen-address={listen}")).arg("-config.file").arg(file);
    })
    .await
}

/// blackbox_exporter, with one target.
pub(crate) async fn blackbox(target: &str) -> Peer {
    let path = format!("/probe?module=http_2xx&target={target}");
    peer("prometheus-blackbox-exporter", &path, |command, listen, directory| {
        let file = directory.join("blackbox.yml");
        std::fs::write(&file, "modules: {http_2xx: {prober: http, timeout: 5s}}\n")
            .expect("the directory is writable");
        command.arg(format!("--web.listen-address={listen}")).arg("--config.file").arg(file);
    })
    .await
}

/// The test server has no TLS, and these exporters insist on it.
pub(crate) fn without_tls(url: &str) -> String {
    format!("{url}?sslmode=disable")
}

async fn peer(
    program: &'static str,
    path: &str,
    configure: impl FnOnce(&mut std::process::Command, &str, &Path),
) -> Peer {
    let (port, directory) = (Port::free(), TempDir::with_prefix("peer-").expect("a temporary directory"));
    let address = format!("127.0.0.1:{port}");
    let mut command = command(testkit::dependency("peers/usr/bin").join(program));
    configure(&mut command, &address, directory.path());
    let mut process = Process::spawn(program, command, directory.path());
    let url = format!("http://{address}{path}");
    process.ready(async || http::answers(&url).await).await;
    let name = program.trim_start_matches("prometheus-");
    Peer { name, process, url, address, _port: port, _directory: directory }
}
