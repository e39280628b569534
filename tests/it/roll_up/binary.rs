//! The binary that users run, by the clock.

use std::path::Path;
use std::process::{Command, Output};

use super::{SOON, TABLES};
use testkit::exporter::{Exporter, binary, value};
use testkit::postgres::Postgres;
use testkit::proxy::{Mode, Proxy};
use testkit::wait::{eventually, until};

const PACK: &str = "
about: Visits.
inputs:
  db: {kind: postgres, help: The database.}
parameters:
  visits: {type: sql_name, default: visits, help: The table of visits.}
queries:
  - name: depth
    source: $(db)
    every: 5s
    sql: SELECT depth, queue FROM depths
    labels: [queue]
    metrics: [{name: acme_depth, value: depth, help: Depth of the queue.}]
roll_up:
  table: visits_daily
  day: day
  columns: [users, month_users, visits]
  sql: |
    SELECT count(DISTINCT user_id) FILTER (WHERE at >= $1) AS users, count(DISTINCT user_id) AS month_users,
           count(*) FILTER (WHERE at >= $1) AS visits
    FROM $(visits) WHERE at >= $2 - interval '30 days' AND at < $2
  observed:
    max_depth: {metric: acme_depth, labels: {queue: ai}}
";

/// What stands in `write_url`, and nowhere else.
const SECRET: &str = "pencil";

const SUCCESS: &str = "platform_roll_up_success{pack=\"acme\"}";
const DEPTH: &str = "SELECT max(max_depth) FROM visits_daily";

async fn server() -> Postgres {
    let server = Postgres::options().password("hunter2").start().await;
    server.sql(TABLES).await;
    server
        .sql(
            "CREATE TABLE depths (queue text, depth int);
             INSERT INTO depths VALUES ('ai', 3), ('preview', 900);
             INSERT INTO visits SELECT i % 7, now() - i * interval '1 h', 5 FROM generate_series(0, 99) AS i",
        )
        .await;
    server
}

/// Writes the pack's file into a directory, and gives a configuration that uses it under these names.
fn configs(directory: &Path, server: &Postgres, names: &[&str], roll_up: Option<&str>) -> String {
    let file = directory.join("acme.yml");
    std::fs::write(&file, PACK).unwrap();
    let keys = "every: 1s, timeout: 5s, back_fill: 3d";
    let roll_up = roll_up.map(|url| format!(", roll_up: {{write_url: '{url}', {keys}}}")).unwrap_or_default();
    let usage = format!("{{file: {}, db: app{roll_up}}}", file.display());
    let usages: Vec<_> = names.iter().map(|name| format!("{name}: {usage}")).collect();
    format!(
        "sources: {{app: {{postgres: {{url: '{}'}}, interval: 10s, timeout: 10s}}}}\npacks: {{{}}}\n",
        server.url(),
        usages.join(", ")
    )
}

fn config(directory: &Path, server: &Postgres, roll_up: Option<&str>) -> String {
    configs(directory, server, &["acme"], roll_up)
}

fn writer(server: &Postgres) -> String {
    server.url_as("writer", SECRET, "postgres")
}

/// Nothing writes, and nothing connects as the writer, unless it is asked for.
#[tokio::test]
async fn without_the_key_nothing_is_written() {
    let server = server().await;
    let directory = tempfile::tempdir().unwrap();
    let exporter = Exporter::start(&config(directory.path(), &server, None)).await;
    until(SOON, "it has asked", async || {
        let metrics = exporter.get("/metrics").await;
        let asked = value(&metrics, "platform_probes_total{source=\"app\",kind=\"postgres\"}")?;
        let depth = value(&metrics, "acme_depth{source=\"app\",queue=\"ai\"}")?;
        (asked >= 1.0 && depth > 0.0).then_some(())
    })
    .await;
    assert!(!exporter.get("/metrics").await.contains("platform_roll_up"));
    assert!(!exporter.log().contains("roll_up"));
    assert_eq!(server.sql("SELECT count(*) FROM visits_daily").await, "0");
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'platform_exporter'";
    assert_eq!(server.sql(ours).await, "2", "the probe and the queries");
}

/// It is there from the first second, survives SIGKILL, and what was seen stays.
#[tokio::test]
async fn it_goes_on_after_a_crash() {
    let server = server().await;
    let directory = tempfile::tempdir().unwrap();
    let mut exporter = Exporter::start(&config(directory.path(), &server, Some(&writer(&server)))).await;
    let metrics = exporter.get("/metrics").await;
    assert!(value(&metrics, SUCCESS).is_some(), "{metrics}");
    assert!(value(&metrics, "platform_roll_up_failures_total{pack=\"acme\",reason=\"auth\"}").is_some());
    exporter.wait_for(SUCCESS, 1.0, SOON).await;
    eventually(SOON, "the depth is written", async || server.sql(DEPTH).await == "3").await;
    server.sql("UPDATE depths SET depth = 8 WHERE queue = 'ai'").await;
    eventually(SOON, "the largest is written", async || server.sql(DEPTH).await == "8").await;
    server.sql("UPDATE depths SET depth = 2 WHERE queue = 'ai'").await;
    exporter.wait_for("acme_depth{source=\"app\",queue=\"ai\"}", 2.0, SOON).await;

    exporter.process().kill();
    // The day may have changed by now.
    let today = server.sql("SELECT max(day) FROM visits_daily").await;
    let rows = format!(
        "SELECT day, users, month_users, visits, max_depth FROM visits_daily \
         WHERE day < '{today}' AND day >= date '{today}' - 3 ORDER BY day"
    );
    let before = server.sql(&rows).await;
    assert_eq!(before.lines().count(), 3, "{before}");
    // The days that it was away, as far as the table knows.
    server
        .sql(&format!("DELETE FROM visits_daily WHERE day IN (date '{today}' - 1, date '{today}' - 2)"))
        .await;
    server.sql("INSERT INTO visits VALUES (77, now(), 5)").await;
    exporter.process().restart();
    eventually(SOON, "the gap is filled", async || server.sql(&rows).await == before).await;
    let month = "SELECT max(month_users) FROM visits_daily";
    eventually(SOON, "today is renewed", async || server.sql(month).await == "8").await;
    until(SOON, "it has run", async || exporter.value(SUCCESS).await.filter(|value| *value > 0.0)).await;
    assert_eq!(server.sql(DEPTH).await, "8");
    assert!(!exporter.log().contains(SECRET), "{}", exporter.log());
    assert!(!exporter.get("/metrics").await.contains(SECRET));
    assert!(!exporter.get("/").await.contains(SECRET));
}

/// A roll-up that fails is reported once, and hurts nothing else: not even the source on the same server.
#[tokio::test]
async fn a_failing_roll_up_hurts_nobody() {
    let server = server().await;
    let proxy = Proxy::start(&server.address()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), &server, Some(&proxy.through(&writer(&server))));
    let exporter = Exporter::start(&config).await;
    exporter.wait_for(SUCCESS, 1.0, SOON).await;
    proxy.set(Mode::Blackhole).await;
    exporter.wait_for(SUCCESS, 0.0, SOON).await;
    let failures = "platform_roll_up_failures_total{pack=\"acme\",reason=\"timeout\"}";
    until(SOON, "it has failed twice", async || exporter.value(failures).await.filter(|count| *count >= 2.0))
        .await;
    exporter
        .wait_for("platform_source_status{source=\"app\",kind=\"postgres\",status=\"up\"}", 1.0, SOON)
        .await;
    exporter.wait_for("acme_depth{source=\"app\",queue=\"preview\"}", 900.0, SOON).await;
    assert_eq!(exporter.value(SUCCESS).await, Some(0.0));
    proxy.set(Mode::Pass).await;
    exporter.wait_for(SUCCESS, 1.0, SOON).await;
    eventually(SOON, "the log reports it", async || exporter.log().contains("roll_up.recovered")).await;
    let log = exporter.log();
    assert_eq!(log.matches("event=roll_up.failed").count(), 1, "{log}");
    assert!(log.contains("reason=timeout") && !log.contains(SECRET), "{log}");
}

fn check(config: &str, directory: &Path, live: bool) -> (bool, String) {
    let file = directory.join("platform.yml");
    std::fs::write(&file, config).unwrap();
    let mut check = Command::new(binary());
    check.arg("check").args(live.then_some("--live")).arg("--config.file").arg(&file);
    let Output { status, stdout, stderr } = check.output().unwrap();
    (status.success(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

#[tokio::test]
async fn a_check_reports_what_is_missing_and_writes_nothing() {
    let server = server().await;
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), &server, Some(&writer(&server)));
    let (is_good, text) = check(&config, directory.path(), true);
    assert!(is_good && text.contains("ok    roll-up acme"), "{text}");
    server.sql("REVOKE UPDATE ON visits_daily FROM writer").await;
    let (is_good, text) = check(&config, directory.path(), true);
    let failure = "FAIL  roll-up acme: permission: 42501: permission denied for table visits_daily";
    assert!(!is_good && text.contains(failure), "{text}");
    assert!(text.contains("GRANT SELECT, INSERT, UPDATE ON visits_daily TO"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(server.sql("SELECT count(*) FROM visits_daily").await, "0");

    for (from, to, reported) in [
        ("every: 1s", "evrey: 1s", "did you mean `every`?"),
        ("every: 1s", "time_zone: Mars", "expected the IANA name of a time zone"),
        ("file:", "pack: hivesync, fiel:", "packs.acme"),
    ] {
        let (is_good, text) = check(&config.replace(from, to), directory.path(), false);
        assert!(!is_good && text.contains(reported) && !text.contains(SECRET), "{text}");
    }
    for (from, to, reported) in [
        (
            "metric: acme_depth",
            "metric: acme_dept",
            "observed.max_depth: no query of the pack exports acme_dept",
        ),
        ("day: day", "", "the key `day` is missing"),
        ("roll_up:", "rules:", "this pack has no roll-up"),
    ] {
        let broken = directory.path().join("broken.yml");
        std::fs::write(&broken, PACK.replace(from, to)).unwrap();
        let config = config.replace("acme.yml", "broken.yml");
        let (is_good, text) = check(&config, directory.path(), false);
        assert!(!is_good && text.contains(reported), "{text}");
    }
    let twice = configs(directory.path(), &server, &["acme", "other"], Some(&writer(&server)));
    let (is_good, text) = check(&twice, directory.path(), false);
    assert!(!is_good && text.contains("already writes visits_daily there"), "{text}");
}
