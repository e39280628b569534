//! Large answers beside other sources.

use std::time::{Duration, Instant};

use testkit::exporter::{Exporter, value};
use testkit::postgres::Postgres;
use testkit::redis::Redis;
use testkit::turns::{LONGEST, PATIENCE, Turns};
use testkit::wait::eventually;

/// Just within 64 MiB in memory: a row takes 40 bytes, a cell 24, and a text 16 and its own length.
const ROWS: usize = 360_000;
const NEIGHBOURS: u32 = 40;

/// A source, and a query with an answer of so many rows.
fn large(server: &Postgres, rows: usize) -> String {
    let metrics = ["a", "b", "c", "d"].map(|name| format!("{{name: acme_{name}, value: {name}, help: N.}}"));
    format!(
        "  app: {{postgres: {{url: '{}'}}}}\nqueries:\n  - name: large\n    source: app\n    every: 10m\n    \
         timeout: 5m\n    labels: [id]\n    max_series: 10000\n    metrics: [{}]\n    \
         sql: SELECT n::text AS id, n AS a, n AS b, n AS c, n AS d FROM generate_series(1, {rows}) AS n\n",
        server.url(),
        metrics.join(", ")
    )
}

#[tokio::test]
async fn the_largest_answer_keeps_nobody_waiting() {
    let server = Postgres::start().await;
    let turns = Turns::start(&format!("sources:\n{}", large(&server, ROWS))).await;
    let longest = turns.until_answered("app", "large").await;
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}

#[tokio::test]
async fn nor_does_a_long_text() {
    let server = Postgres::start().await;
    let turns = Turns::start(&format!(
        "sources: {{app: {{postgres: {{url: '{}'}}}}}}\nqueries:\n  - name: large\n    source: app\n    every: 10m\n    \
         timeout: 5m\n    labels: [id]\n    metrics: [{{name: acme_a, value: a, help: N.}}]\n    \
         sql: SELECT repeat('x', 60000000) AS id, repeat('1', 7000000) AS a",
        server.url()
    ))
    .await;
    let longest = turns.until_answered("app", "large").await;
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}

#[tokio::test]
async fn nor_does_one_that_is_given_up() {
    let server = Postgres::start().await;
    let turns = Turns::start(&format!("sources:\n{}", large(&server, 2 * ROWS))).await;
    let refused = r#"platform_query_failures_total{source="app",query="large",reason="query"}"#;
    turns.wait_until(refused, |failures| failures > 0.0).await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}

/// The binary that users run.
#[tokio::test]
async fn others_are_probed_and_scraped_as_if_there_were_no_large_answer() {
    let (server, cache) = (Postgres::start().await, Redis::start().await);
    let neighbour =
        |number| format!("  cache-{number}: {{redis: {{url: '{}'}}, interval: 1s}}\n", cache.url());
    let neighbours: String = (0..NEIGHBOURS).map(neighbour).collect();
    let exporter = Exporter::start(&format!("sources:\n{neighbours}{}", large(&server, ROWS))).await;
    let (begun, mut scrapes, mut page) = (Instant::now(), Vec::new(), String::new());
    eventually(PATIENCE, "the answer is there", async || {
        let start = Instant::now();
        page = exporter.get("/metrics").await;
        scrapes.push(start.elapsed());
        value(&page, r#"platform_query_series{source="app",query="large"}"#) > Some(0.0)
    })
    .await;
    let seconds = begun.elapsed().as_secs_f64();
    let probes = |number| {
        let series = format!(r#"platform_probes_total{{source="cache-{number}",kind="redis"}}"#);
        value(&page, &series).unwrap_or_default()
    };
    let fewest = (0..NEIGHBOURS).map(probes).fold(f64::MAX, f64::min);
    scrapes.sort_unstable();
    let slowest = scrapes[scrapes.len() * 99 / 100];
    println!("{fewest} probes in {seconds:.1} s, 99 % of {} scrapes within {slowest:?}", scrapes.len());
    // Each source has its own phase.
    assert!(fewest > 0.9 * seconds - 2.0, "{fewest} probes in {seconds} s");
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");
    let log = exporter.log();
    assert!(!log.contains("cache-"), "{log}");
}
