//! Another configuration while the exporter runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use testkit::exporter::Exporter;
use testkit::http::client;
use testkit::redis::Redis;
use testkit::wait::eventually;

const SOON: Duration = Duration::from_secs(20);
const GOOD: &str = "platform_config_last_reload_successful";

/// Two Redis servers, of which `one` has a query.
struct Servers {
    one: Redis,
    two: Redis,
}

impl Servers {
    async fn start() -> Self {
        Self { one: Redis::start().await, two: Redis::start().await }
    }

    fn config(&self, queries: &str) -> String {
        let (one, two) = (self.one.url(), self.two.url());
        format!(
            "sources:\n  one: {{redis: {{url: \"{one}\"}}, interval: 1s}}\n  two: {{redis: {{url: \"{two}\"}}, interval: 1s}}\n{queries}"
        )
    }
}

fn write(exporter: &Exporter, config: &str) {
    fs::write(exporter.directory().join("platform.yml"), config).unwrap();
}

async fn post(exporter: &Exporter) -> (u16, String) {
    let response = client().post(exporter.url("/-/reload")).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn up(source: &str) -> String {
    format!("platform_source_up{{source=\"{source}\",kind=\"redis\"}}")
}

fn probes(source: &str) -> String {
    format!("platform_probes_total{{source=\"{source}\",kind=\"redis\"}}")
}

/// The connection of a source that is as it was goes on; what is gone leaves, what is new comes.
#[tokio::test]
async fn what_is_as_it_was_goes_on_undisturbed() {
    let servers = Servers::start().await;
    let query = "queries: [{name: keys, source: one, every: 1s, redis: {command: [DBSIZE]}, metrics: [{name: acme_keys, value: value, help: Keys.}]}]\n";
    let exporter = Exporter::start(&servers.config(query)).await;
    exporter.wait_for(&up("one"), 1.0, SOON).await;
    exporter.wait_for(&up("two"), 1.0, SOON).await;
    exporter.wait_for("acme_keys{source=\"one\"}", 0.0, SOON).await;
    // A probe after the query's first answer has seen the connections of both.
    is_probed_after(&exporter, exporter.value(&probes("one")).await.unwrap() + 1.0).await;
    let received = "redis_connections_received_total{source=\"one\"}";
    let (connections, probed) =
        (exporter.value(received).await, exporter.value(&probes("one")).await.unwrap());

    let (one, three) = (servers.one.url(), servers.two.url());
    let config = format!(
        "sources:\n  three: {{redis: {{url: \"{three}\"}}, interval: 1s}}\n  one: {{interval: 1s, redis: {{url: \"{one}\"}}}}\n{}",
        query
            .replace("acme_keys", "acme_entries")
            .replace("1s", "2s")
            .replace("keys, source", "entries, source")
    );
    write(&exporter, &config);
    assert_eq!(post(&exporter).await.0, 200);
    exporter.wait_for(&up("three"), 1.0, SOON).await;
    exporter.wait_for("acme_entries{source=\"one\"}", 0.0, SOON).await;
    let exposition = exporter.get("/metrics").await;
    assert!(!exposition.contains("source=\"two\"") && !exposition.contains("acme_keys"), "{exposition}");
    assert!(exporter.value(&probes("one")).await.unwrap() >= probed, "its counters went on");
    let probed = exporter.value(&probes("one")).await.unwrap();
    is_probed_after(&exporter, probed).await;
    assert_eq!(exporter.value(received).await, connections, "its connections went on");
    assert_eq!(exporter.value(GOOD).await, Some(1.0));
    assert_eq!(exporter.get("/probe?source=two").await, "There is no source \"two\".\n");
}

async fn is_probed_after(exporter: &Exporter, probed: f64) {
    exporter.wait_until(&probes("one"), |probes| probes > probed, SOON).await;
}

/// A source whose configuration changes starts again, and what asks it goes on asking.
#[tokio::test]
async fn a_changed_source_starts_again() {
    let servers = Servers::start().await;
    let queries = "queries:\n- name: keys\n  every: 1s\n  distinct: [{source: two, redis: {scan: '*', id: '(.*)'}}, {source: one, redis: {scan: '*', id: '(.*)'}}]\n  metrics: [{name: acme_keys, value: count, help: Keys.}]\n";
    let config = servers.config(queries);
    let exporter = Exporter::start(&config).await;
    exporter.wait_for("acme_keys{source=\"two\"}", 0.0, SOON).await;
    exporter.wait_for(&up("one"), 1.0, SOON).await;
    servers.two.run::<()>(&["SET", "a", "1"]).await;
    // The name `one` now means the other server.
    write(
        &exporter,
        &config.replace(&servers.one.url(), &format!("{}/0", servers.two.url().trim_end_matches('/'))),
    );
    kill(exporter.pid(), Signal::SIGHUP).unwrap();
    eventually(SOON, "it is read", async || exporter.log().contains("event=config.reloaded cause=SIGHUP"))
        .await;
    exporter.wait_for(&up("one"), 1.0, SOON).await;
    exporter.wait_for("acme_keys{source=\"two\"}", 1.0, SOON).await;
    assert!(!exporter.log().contains("system.analytics"), "{}", exporter.log());
}

/// Nothing changes, and that is reported: in the answer, in the log, in the metrics.
#[tokio::test]
async fn a_bad_file_keeps_the_configuration_in_use() {
    let servers = Servers::start().await;
    let exporter = Exporter::start(&servers.config("")).await;
    exporter.wait_for(&up("one"), 1.0, SOON).await;
    let read = exporter.value("platform_config_last_reload_success_timestamp_seconds").await;
    write(&exporter, &servers.config("").replace("interval", "intervall"));
    let (status, reported) = post(&exporter).await;
    assert_eq!(status, 500, "{reported}");
    assert!(reported.contains("did you mean `interval`?"), "{reported}");
    exporter.wait_for(GOOD, 0.0, SOON).await;
    assert_eq!(exporter.value("platform_config_last_reload_success_timestamp_seconds").await, read);
    assert!(exporter.log().contains("event=config.refused"), "{}", exporter.log());
    let probed = exporter.value(&probes("one")).await.unwrap();
    is_probed_after(&exporter, probed).await;
    write(&exporter, &servers.config(""));
    assert_eq!(post(&exporter).await.0, 200);
    exporter.wait_for(GOOD, 1.0, SOON).await;
    let get = client().get(exporter.url("/-/reload")).send().await.unwrap();
    assert_eq!(get.status().as_u16(), 405);
}

/// Kubernetes changes a mounted file by pointing a link at another directory.
#[tokio::test]
async fn changes_of_files_are_seen_through_links() {
    let servers = Servers::start().await;
    let config =
        "sources: {one: {redis: {url: URL}, interval: 1s}}\npacks: {acme: {file: acme.yml, cache: one}}\n"
            .replace("URL", &format!("\"{}\"", servers.one.url()));
    let pack = "about: Keys.\ninputs: {cache: {kind: redis, help: Keys.}}\nqueries: [{name: keys, source: $(cache), redis: {command: [DBSIZE]}, metrics: [{name: acme_keys, value: value, help: Keys.}]}]\n";
    let mount = tempfile::TempDir::new().unwrap();
    let put = |version: &str, pack: &str| {
        let directory = mount.path().join(version);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("platform.yml"), &config).unwrap();
        fs::write(directory.join("acme.yml"), pack).unwrap();
        let link = mount.path().join("..tmp");
        std::os::unix::fs::symlink(Path::new(version), &link).unwrap();
        fs::rename(link, mount.path().join("..data")).unwrap();
    };
    put("..1", pack);
    for file in ["platform.yml", "acme.yml"] {
        std::os::unix::fs::symlink(Path::new("..data").join(file), mount.path().join(file)).unwrap();
    }
    let path = mount.path().join("platform.yml");
    let exporter = Exporter::options("")
        .config_file(&path)
        .argument("--config.auto-reload-interval=100ms")
        .start()
        .await;
    exporter.wait_for("acme_keys{source=\"one\"}", 0.0, SOON).await;
    put("..2", &pack.replace("acme_keys", "acme_entries"));
    exporter.wait_for("acme_entries{source=\"one\"}", 0.0, SOON).await;
    put("..3", "about: [");
    exporter.wait_for(GOOD, 0.0, SOON).await;
    put("..4", pack);
    exporter.wait_for(GOOD, 1.0, SOON).await;
    exporter.wait_for("acme_keys{source=\"one\"}", 0.0, SOON).await;
    // Each change is reported once, however often the files were looked at.
    assert_eq!(exporter.log().matches("event=config.reloaded").count(), 2, "{}", exporter.log());
    assert_eq!(exporter.log().matches("event=config.refused").count(), 1, "{}", exporter.log());
}
