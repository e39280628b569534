//! Queries in an outage of their source.

use platform_core::probe::Reason;
use platform_exporter::snapshot::Status;

use super::script::{Act, Number, Script};
use super::{Running, SOURCES, configuration, pass, start};

const QUERY: &str = "
queries:
  - name: parcels
    source: a
    sql: SELECT n
    every: 10m
    metrics: [{name: acme_parcels, value: n, help: Parcels.}]
";

/// A source with a query that seldom runs, which has no answer at first.
async fn unanswered(act: Act, reason: Reason) -> (Running, Script, Number) {
    let (source, number) = (Script::new(act), Number { fails: reason, ..Number::default() });
    let other = Script::new(Act::Value(1.0));
    let config = configuration(&format!("{SOURCES}{QUERY}"));
    let running = start(&config, &[("a", &source), ("b", &other)], number.clone()).await;
    (running, source, number)
}

#[tokio::test(start_paused = true)]
async fn a_query_that_its_source_has_not_answered_runs_as_soon_as_the_source_recovers() {
    let (running, source, number) = unanswered(Act::Fail(Reason::Connect), Reason::Timeout).await;
    pass(100).await;
    assert_eq!(running.status("a"), (Status::Down, vec![Reason::Connect]), "the query adds nothing to that");
    *number.value.lock() = Some(5.0);
    source.set(Act::Value(1.0));
    for _ in 0..12 {
        pass(1).await;
        let (status, reasons) = running.status("a");
        assert_ne!(status, Status::Degraded, "{reasons:?}");
    }
    // Without the recovery, its next attempt would be 155 s after the start.
    assert_eq!(running.says("a", "acme_parcels"), Some(5.0));
    assert_eq!(running.status("a"), (Status::Up, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_query_without_an_answer_is_a_problem_once_the_source_has_answered_a_probe() {
    let (running, source, _) = unanswered(Act::Value(1.0), Reason::Timeout).await;
    pass(12).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Timeout]));
    source.set(Act::Fail(Reason::Connect));
    pass(40).await;
    assert_eq!(running.status("a"), (Status::Down, vec![Reason::Connect]));
    // It goes on failing when the source is back: that is a problem again.
    source.set(Act::Value(1.0));
    pass(30).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Timeout]));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_wrong_is_a_problem_whether_its_source_answers_or_not() {
    let (running, source, _) = unanswered(Act::Value(1.0), Reason::Query).await;
    pass(3).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Query]));
    source.set(Act::Fail(Reason::Connect));
    pass(20).await;
    assert_eq!(running.status("a"), (Status::Down, vec![Reason::Connect, Reason::Query]));
}
