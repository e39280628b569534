//! An outage of what many sources share.

use std::fmt::Write;
use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::redis::Redis;
use testkit::wait::eventually;

const SOURCES: usize = 40;
const SOON: Duration = Duration::from_secs(60);

/// The lines with an event, and the sources that they stand for.
fn events(log: &str, event: &str) -> (usize, usize) {
    let lines = log.lines().filter(|line| line.contains(&format!("event=system.analytics.{event}")));
    let sources = lines.map(|line| {
        let sources = line.split_once(" sources=").and_then(|(_, rest)| rest.split(' ').next());
        sources.map_or(1, |sources| sources.parse().unwrap())
    });
    let sources: Vec<usize> = sources.collect();
    (sources.len(), sources.iter().sum())
}

#[tokio::test]
async fn an_outage_of_many_sources_is_a_few_lines_in_the_log_and_one_row_on_the_page() {
    let mut redis = Redis::start().await;
    let mut config = "sources:".to_owned();
    for number in 0..SOURCES {
        write!(config, "\n  s{number}: {{redis: {{url: '{}'}}, interval: 2s}}", redis.url()).unwrap();
    }
    let exporter = Exporter::start(&config).await;
    eventually(SOON, "all are up", async || exporter.get("/-/ready").await.contains("is ready")).await;
    for event in ["degraded", "recovered"] {
        match event {
            "degraded" => redis.kill(),
            _ => redis.restart().await,
        }
        let is_complete = async || events(&exporter.log(), event).1 >= SOURCES;
        eventually(SOON, "every source is in the log", is_complete).await;
        let (lines, _) = events(&exporter.log(), event);
        assert!(lines <= SOURCES / 3, "{lines} lines of {event}:\n{}", exporter.log());
    }
    let page = exporter.get("/").await;
    let rows = page.matches("<tr><td>").count();
    assert!(rows <= 4 && page.contains(&format!("and {} more", SOURCES - 1)), "{page}");
}

const UP: &str = "platform_source_up{source=\"cache\",kind=\"redis\"}";

/// Its queries often notice an outage first, and fail for as long as it lasts.
#[tokio::test]
async fn an_outage_of_a_source_with_queries_is_one_line_in_the_log() {
    let mut redis = Redis::start().await;
    let mut config =
        format!("sources:\n  cache: {{redis: {{url: '{}'}}, interval: 4s}}\nqueries:", redis.url());
    for number in 0..6 {
        write!(
            config,
            "\n  - {{name: q{number}, source: cache, every: {}, max_age: 10m, redis: {{command: [DBSIZE]}}, \
             metrics: [{{name: acme_q{number}, value: value, help: N.}}]}}",
            if number == 5 { "5m" } else { "1s" }
        )
        .unwrap();
    }
    let exporter = Exporter::start(&config).await;
    exporter.wait_for("acme_q5{source=\"cache\"}", 0.0, SOON).await;
    for round in 1..=2 {
        redis.kill();
        exporter.wait_for(UP, 0.0, SOON).await;
        let failing = "platform_query_last_run_successful{source=\"cache\",query=\"q0\"}";
        exporter.wait_for(failing, 0.0, SOON).await;
        redis.restart().await;
        exporter.wait_for(UP, 1.0, SOON).await;
        exporter.wait_for(failing, 1.0, SOON).await;
        let log = exporter.log();
        assert_eq!(events(&log, "degraded").0, round, "{log}");
        eventually(SOON, "the recovery is in the log", async || {
            events(&exporter.log(), "recovered").0 == round
        })
        .await;
    }
}

/// The source answers, and one query does not: that is no outage.
#[tokio::test]
async fn a_query_that_gets_no_answer_is_a_problem_of_a_source_that_answers() {
    let postgres = testkit::postgres::Postgres::start().await;
    let config = format!(
        "sources:\n  db: {{postgres: {{url: '{}'}}, interval: 1s}}\nqueries:\n  - {{name: slow, source: db, every: 5s, \
         timeout: 200ms, sql: 'SELECT pg_sleep(3)::text::int AS n', metrics: [{{name: acme_n, value: n, help: N.}}]}}\n",
        postgres.url()
    );
    let exporter = Exporter::start(&config).await;
    let degraded = "platform_source_problem{source=\"db\",kind=\"postgres\",reason=\"timeout\"}";
    exporter.wait_for(degraded, 1.0, SOON).await;
    exporter.wait_for("platform_source_up{source=\"db\",kind=\"postgres\"}", 1.0, SOON).await;
}
