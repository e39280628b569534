//! The status of a source after probes and runs of queries, at set times.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use platform_core::metric::{Format, encode};
use platform_core::probe::{Observation, Problem, Reason};
use platform_core::setting::SourceName;
use platform_exporter::snapshot::{
    Change, EncodedProbe, EncodedResult, Event, QueryRun, SourceState, Stall, Status, Store,
};

use testkit::exporter::value;

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn store(sources: &str) -> Store {
    let config = testkit::config::load(&format!("sources: {{{sources}}}"), "platform.yml", &|_| None);
    Store::new(&config.unwrap_or_else(|faults| panic!("{faults}")), at(0))
}

fn one_source() -> SourceState {
    store("a: {postgres: {url: postgres://a}, degraded: {latency: 2s}}").state("a").unwrap()
}

fn problem(reason: Reason) -> Problem {
    Problem::new(reason, "as the test says")
}

fn with(problems: &[Reason]) -> Result<Observation, Problem> {
    Ok(Observation { problems: problems.iter().copied().map(problem).collect(), ..Observation::default() })
}

fn encoded(state: &SourceState, result: Result<Observation, Problem>) -> Result<EncodedProbe, Problem> {
    result.map(|observation| state.encoder().probe(observation))
}

/// A probe of no length that ends at that second.
fn probed(state: &mut SourceState, result: Result<Observation, Problem>, second: u64) -> Option<Event> {
    let result = encoded(state, result);
    state.probed(result, Duration::ZERO, at(second))
}

fn run(result: Result<EncodedResult, Problem>, ended: Instant) -> QueryRun {
    QueryRun {
        result,
        waited: Duration::ZERO,
        duration: Duration::ZERO,
        every: MINUTE,
        max_age: MINUTE,
        ended,
    }
}

#[test]
fn a_first_success_is_no_event_and_a_first_failure_is() {
    let mut state = one_source();
    assert_eq!(state.status(), Status::Unknown);
    assert_eq!(probed(&mut state, with(&[]), 1), None);
    assert_eq!((state.status(), state.since(), state.last_success()), (Status::Up, at(1), Some(at(1))));
    assert_eq!(state.history().count(), 0);

    let mut state = one_source();
    let event = probed(&mut state, Err(problem(Reason::Connect)), 1).unwrap();
    let problems = vec![problem(Reason::Connect)];
    assert_eq!(event, Event { status: Status::Down, since: at(1), problems });
    assert_eq!(state.last_success(), None);
}

#[test]
fn each_problem_is_an_event_once_until_the_source_is_up_again() {
    let mut state = one_source();
    probed(&mut state, with(&[]), 1);
    assert!(probed(&mut state, with(&[Reason::Permission]), 2).is_some());
    assert_eq!(probed(&mut state, with(&[Reason::Permission]), 3), None);
    let more = probed(&mut state, with(&[Reason::Permission, Reason::Cardinality]), 4).unwrap();
    assert_eq!((more.status, more.since, more.problems.len()), (Status::Degraded, at(2), 2));
    assert_eq!(probed(&mut state, with(&[Reason::Cardinality]), 5), None, "one less is no news");
    assert_eq!(probed(&mut state, with(&[Reason::Permission]), 6), None, "and was reported before");
    assert_eq!(probed(&mut state, with(&[]), 7).unwrap().status, Status::Up);
    assert!(probed(&mut state, with(&[Reason::Permission]), 8).is_some());
    assert_eq!(state.reasons(), [Reason::Permission]);
}

#[test]
fn a_failure_counts_more_than_problems_and_slowness_is_one() {
    let mut state = one_source();
    let failed =
        Observation { failure: Some(problem(Reason::Timeout)), ..with(&[Reason::Cardinality]).unwrap() };
    probed(&mut state, Ok(failed), 1);
    assert_eq!((state.status(), state.last_success()), (Status::Down, None));
    assert_eq!(state.reasons(), [Reason::Timeout, Reason::Cardinality]);

    let limit = Duration::from_secs(2);
    let fine = || encoded(&state, with(&[]));
    let (first, second) = (fine(), fine());
    state.probed(first, limit, at(2));
    assert_eq!((state.status(), state.last_duration()), (Status::Up, Some(limit)));
    state.probed(second, limit + Duration::from_nanos(1), at(3));
    assert_eq!((state.status(), state.reasons()), (Status::Degraded, vec![Reason::Slow]));
    let text = encode(&state.exposition(Instant::now()), Format::Text);
    let failures = |reason| {
        value(&text, &format!("platform_probe_failures_total{{kind=\"postgres\",reason=\"{reason}\"}}"))
    };
    assert_eq!(failures("timeout"), Some(1.0), "{text}");
    assert_eq!(failures("slow"), Some(0.0), "a slow probe is no failed one: {text}");
}

#[test]
fn the_last_twenty_changes_are_kept() {
    let mut state = one_source();
    for second in 0..25 {
        let result = if second % 2 == 0 { Err(problem(Reason::Connect)) } else { with(&[]) };
        assert!(probed(&mut state, result, second).is_some());
    }
    let changes: Vec<&Change> = state.history().collect();
    assert_eq!(changes.len(), 20);
    let newest = Change { at: at(24), status: Status::Down, reasons: vec![Reason::Connect] };
    assert_eq!((changes[0], changes[19].at), (&newest, at(5)));
}

#[test]
fn a_query_s_failure_counts_from_the_first_probe_on() {
    let mut state = one_source();
    let now = Instant::now();
    assert_eq!(state.queried("orders", run(Err(problem(Reason::Query)), now), at(1)), None);
    assert_eq!(state.status(), Status::Unknown);
    let event = probed(&mut state, with(&[]), 2).unwrap();
    assert_eq!(event.status, Status::Degraded);
    assert_eq!(event.problems, [problem(Reason::Query).context("query orders")]);
    let other = state.queried("users", run(Err(problem(Reason::Query)), now), at(3));
    assert!(other.is_some(), "the same reason in another query is news");
    assert_eq!(state.queried("users", run(Ok(EncodedResult::default()), now), at(4)), None);
    let healed = state.queried("orders", run(Ok(EncodedResult::default()), now), at(5)).unwrap();
    assert_eq!((healed.status, healed.since), (Status::Up, at(5)));
}

#[test]
fn a_probe_is_fresh_for_its_age_and_overdue_after_its_deadline() {
    let store = store("a: {postgres: {url: postgres://a}}, b: {postgres: {url: postgres://b}}");
    assert_eq!(store.stall(), None);
    let now = Instant::now();
    let long_ago = now.checked_sub(MINUTE).expect("the machine has run for longer");
    let name = SourceName::try_from("a".to_owned()).unwrap();
    let look = || store.look(&name, |state| state.next_probe_in(now)).unwrap();
    assert_eq!(look(), None, "there was no probe");
    let expect = |ended, next, grace| {
        store.update(&name, |state| state.expect_probe(ended, next, grace)).unwrap();
    };
    expect(long_ago, now + MINUTE, MINUTE);
    assert_eq!(look(), Some(MINUTE));
    expect(long_ago, long_ago, MINUTE);
    assert_eq!(look(), Some(Duration::ZERO), "it is due");
    assert_eq!(store.stall(), None, "late, but not by much");
    let is_fresh = |age| store.look(&name, |state| state.is_fresh(now, age)).unwrap();
    assert!(!is_fresh(MINUTE) && is_fresh(MINUTE + Duration::from_nanos(1)));
    expect(long_ago, long_ago, Duration::ZERO);
    let stall = store.stall().unwrap();
    assert_eq!(stall, Stall::Sources(vec![name.clone()]));
    assert_eq!(stall.to_string(), "1 source is overdue for a probe: a");
}

#[test]
fn that_the_last_result_of_a_failing_query_becomes_too_old_is_no_news() {
    let mut state = one_source();
    probed(&mut state, with(&[]), 1);
    let now = Instant::now();
    assert_eq!(state.queried("orders", run(Ok(EncodedResult::default()), now), at(2)), None);
    assert!(state.queried("orders", run(Err(problem(Reason::Permission)), now), at(3)).is_some());
    let later = state.queried("orders", run(Err(problem(Reason::Permission)), now + MINUTE), at(63));
    assert_eq!((later, state.reasons()), (None, vec![Reason::Permission, Reason::Stale]));
}
