//! What the exporter that users run costs a server on which everything is slow.

use std::time::Duration;

use super::questions::{RUNS, ask};
use super::{OpenTransaction, postgres};
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::proxy::Proxy;
use testkit::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(3);

/// How many backends are ours, and for how long the one that works longest has worked on its statement, in seconds.
async fn load(server: &Postgres) -> (usize, f64) {
    let load = "SELECT count(*),
                       coalesce(extract(epoch FROM max(clock_timestamp() - query_start)
                                FILTER (WHERE state <> 'idle')), 0)
                FROM pg_stat_activity WHERE application_name = 'platform_exporter'";
    let load = server.sql(load).await;
    let (backends, longest) = load.split_once('|').expect("two columns");
    (backends.parse().expect("a count"), longest.parse().expect("seconds"))
}

#[tokio::test]
async fn a_locked_table_and_a_query_that_sleeps_hold_two_backends_and_none_beyond_its_timeout() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE orders, pg_catalog.pg_stat_archiver").await;
    let query = |name: &str, sql: &str| {
        format!(
            "  - {{name: {name}, source: app, every: 3s, timeout: 3s, sql: '{sql}', \
             metrics: [{{name: acme_{name}, value: n, help: N.}}]}}\n"
        )
    };
    let exporter = Exporter::start(&format!(
        "sources: {{app: {{postgres: {{url: '{}'}}, interval: 3s, timeout: 3s}}}}\nqueries:\n{}{}",
        server.url(),
        query("sleeps", "SELECT 1 AS n FROM pg_sleep(600)"),
        query("waits", "SELECT count(*) AS n FROM orders"),
    ))
    .await;
    let failed = async |query: &str| {
        let series =
            format!("platform_query_failures_total{{source=\"app\",query=\"{query}\",reason=\"timeout\"}}");
        exporter.value(&series).await.unwrap_or(0.0)
    };
    eventually(TIMEOUT * 20, "both queries have failed more than once", async || {
        let (backends, longest) = load(&server).await;
        assert!(backends <= 2, "{backends} backends");
        assert!(longest < TIMEOUT.as_secs_f64(), "a statement has run for {longest} s");
        failed("sleeps").await > 1.0 && failed("waits").await > 1.0
    })
    .await;
    exporter.wait_for("platform_source_up{source=\"app\",kind=\"postgres\"}", 1.0, TIMEOUT * 4).await;
}

/// A text is verified with its first run, and prepared with the second.
#[tokio::test]
async fn a_probe_and_a_declared_query_are_one_round_trip_each() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = postgres(&proxy.through(&server.url()));
    let mut run = async || {
        let before = proxy.exchanges();
        let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(observation.problems, []);
        let probed = proxy.exchanges();
        ask(&mut subject, "SELECT 1").await.unwrap_or_else(|problem| panic!("{problem}"));
        (probed - before, proxy.exchanges() - probed)
    };
    run().await;
    assert_eq!(run().await, (1, 2));
    for _ in 0..RUNS {
        assert_eq!(run().await, (1, 1));
    }
}
