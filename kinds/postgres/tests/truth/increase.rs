//! What Prometheus makes of the counters, over work of a known size and a crash.

use serde_json::Value;

use super::known::Work;
use super::recount::{EXPORTER, number};
use super::session::settle;
use super::work::{add_books, work};
use super::{PATIENCE, add_roles, quiet};
use testkit::exporter::Exporter;
use testkit::prometheus::{Prometheus, increments};
use testkit::wait::eventually;

/// Longer than the test takes.
const RANGE: &str = "[1h]";

/// The series of a counter: in all databases, if the exporter's own session adds nothing to it.
fn selector(counter: &str) -> String {
    let of = if counter == "xact_commit" { "{datname=\"books\"}" } else { "" };
    format!("pg_stat_database_{counter}{of}")
}

fn parsed(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).expect("a number as text")
}

/// The newest value in `books`.
async fn newest(prometheus: &Prometheus, counter: &str) -> Option<f64> {
    let answer = prometheus.query(&format!("pg_stat_database_{counter}{{datname=\"books\"}}")).await;
    answer.get(0).map(|sample| parsed(&sample["value"][1]))
}

/// Waits until Prometheus has these values, and gives them.
async fn wait_for(prometheus: &Prometheus, expected: &Work) {
    for (counter, value) in expected {
        eventually(PATIENCE, &format!("{counter} {value}"), async || {
            newest(prometheus, counter).await == Some(*value)
        })
        .await;
    }
}

#[tokio::test]
async fn the_increase_over_a_crash_is_the_work_that_was_done() {
    let mut server = quiet().start().await;
    add_roles(&server).await;
    add_books(&server).await;
    settle(&server, 0).await;
    let url = server.url_as(EXPORTER, "", "postgres");
    let exporter =
        Exporter::start(&format!("sources: {{db: {{postgres: {{url: '{url}'}}, interval: 1s}}}}\n")).await;
    let prometheus = Prometheus::start(&format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         scrape_configs: [{{job_name: exporter, static_configs: [{{targets: ['{}']}}]}}]\n",
        exporter.address()
    ))
    .await;
    let mut before = Work::new();
    for counter in ["xact_commit", "xact_rollback", "tup_inserted", "tup_updated", "tup_deleted"] {
        eventually(PATIENCE, counter, async || newest(&prometheus, counter).await.is_some()).await;
        before.insert(counter, newest(&prometheus, counter).await.expect("it is there"));
    }
    // The exporter's session is the only one.
    let first = work(&server, 1).await;
    let sum = |counter: &&'static str| before.get(counter).copied().unwrap_or_default() + first[counter];
    wait_for(&prometheus, &first.keys().map(|counter| (*counter, sum(counter))).collect()).await;

    server.kill();
    server.restart().await;
    // A reset is only seen if there is a sample before the counter has come as far as it was.
    wait_for(&prometheus, &first.keys().map(|counter| (*counter, 0.0)).collect()).await;
    let second = work(&server, 1).await;
    wait_for(&prometheus, &second).await;

    for (counter, done) in &first {
        let done = done + second[counter];
        let (selector, mut counted, mut most) = (selector(counter), 0.0, 0.0);
        for samples in prometheus.samples(&format!("{selector}{RANGE}")).await {
            let increase = increments(&samples);
            counted += increase;
            // Prometheus assumes that it went on like this for half an interval on one side, and a whole one on the other.
            most += increase * (1.0 + 1.6 / (number(samples.len()) - 1.0));
        }
        assert!((counted - done).abs() < 1e-9, "{counter}: {counted} of {done}");
        let answer = prometheus.query(&format!("sum(increase({selector}{RANGE}))")).await;
        let increase = parsed(&answer[0]["value"][1]);
        assert!((done..=most).contains(&increase), "{counter}: {increase}, of {done} to {most}");
        println!("{counter}: {done} done, {counted} by samples, {increase} by increase()");
    }
}
