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
        let is_complete = async || events(&exporter.log(), event).1 == SOURCES;
        eventually(SOON, "every source is in the log", is_complete).await;
        let (lines, _) = events(&exporter.log(), event);
        assert!(lines <= SOURCES / 3, "{lines} lines of {event}:\n{}", exporter.log());
    }
    let page = exporter.get("/").await;
    let rows = page.matches("<tr><td>").count();
    assert!(rows <= 4 && page.contains(&format!("and {} more", SOURCES - 1)), "{page}");
}
