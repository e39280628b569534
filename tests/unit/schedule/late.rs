//! Queries that wait for each other.

use std::time::Duration;

use platform_core::probe::Reason;
use platform_exporter::snapshot::Status;

use super::script::{Act, Number, Script};
use super::{Running, SOURCES, configuration, pass, start};

/// A source with this many queries, each due every 15 s, whose answers take this many seconds.
async fn queries(count: usize, takes: u64) -> (Running, Script) {
    queries_every(&vec!["15s"; count], takes).await
}

/// A source with queries that are due this often, whose answers take this many seconds.
async fn queries_every(every: &[&str], takes: u64) -> (Running, Script) {
    let queries = every.iter().enumerate().map(|(index, every)| {
        format!(
            "
  - name: q{index}
    source: a
    sql: SELECT n
    every: {every}
    metrics: [{{name: acme_{index}, value: n, help: One.}}]"
        )
    });
    let config = configuration(&format!("{SOURCES}queries:{}", queries.collect::<String>()));
    let script = Script::new(Act::Value(1.0));
    let number = Number { takes: Duration::from_secs(takes), ..Number::default() };
    *number.value.lock() = Some(5.0);
    let other = Script::new(Act::Value(1.0));
    (start(&config, &[("a", &script), ("b", &other)], number).await, script)
}

#[tokio::test(start_paused = true)]
async fn queries_that_wait_for_each_other_are_late_and_say_so() {
    let (running, _) = queries(3, 8).await;
    pass(60).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Slow]));
    for query in ["q0", "q1", "q2"] {
        assert_eq!(
            running.says("a", &format!("platform_query_wait_seconds{{query=\"{query}\"}}")),
            Some(16.0)
        );
    }
    assert_eq!(running.status("b"), (Status::Up, vec![]));
}

#[tokio::test(start_paused = true)]
async fn queries_that_share_a_connection_are_not_late_while_each_has_its_turn() {
    let (running, _) = queries(3, 4).await;
    for _ in 0..20 {
        pass(3).await;
        assert_eq!(running.status("a"), (Status::Up, vec![]));
    }
    assert_eq!(running.says("a", "acme_0"), Some(5.0));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_runs_often_does_not_queue_behind_many_that_run_rarely() {
    let (running, _) = queries_every(&[&["5m"; 12][..], &["15s"]].concat(), 4).await;
    for _ in 0..700 {
        pass(1).await;
        assert_eq!(running.status("a"), (Status::Up, vec![]));
        let wait = running.says("a", "platform_query_wait_seconds{query=\"q12\"}");
        assert!(wait.is_none_or(|wait| wait <= 4.0), "{wait:?}");
    }
    assert_eq!(running.says("a", "acme_11"), Some(5.0));
}

#[tokio::test(start_paused = true)]
async fn queries_of_a_source_that_does_not_answer_wait_for_it_and_not_for_each_other() {
    let (running, source) = queries(3, 8).await;
    source.set(Act::Fail(Reason::Timeout));
    pass(60).await;
    assert_eq!(running.status("a"), (Status::Down, vec![Reason::Timeout]));

    // The runs that have waited since before it came back do not count against it.
    source.set(Act::Value(1.0));
    let mut seen = Vec::new();
    for _ in 0..60 {
        pass(1).await;
        let (status, reasons) = running.status("a");
        if seen.last() != Some(&(status, reasons.clone())) {
            seen.push((status, reasons));
        }
    }
    let expected = [(Status::Up, vec![]), (Status::Degraded, vec![Reason::Slow])];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn no_value_vanishes_while_its_source_is_up() {
    let (running, _) = queries(9, 9).await;
    let mut vanished = 0;
    for second in 0..300 {
        pass(1).await;
        let is_gone = second > 100 && running.says("a", "acme_0").is_none();
        assert!(!is_gone || running.status("a").0 == Status::Degraded);
        vanished += u32::from(is_gone);
    }
    assert!(vanished > 0);
}
