//! The state of one query. Pure; time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::Lines;
use platform_core::probe::{Problem, Reason};
use platform_core::query::ResultSet;

use super::source_metrics;

/// One run of a query.
pub struct QueryRun {
    /// Its result.
    pub result: Result<ResultSet, Problem>,
    /// How long it took.
    pub duration: Duration,
    /// How long a good result may be exported.
    pub max_age: Duration,
    /// When it ended, on a monotonic clock.
    pub ended: Instant,
}

/// The state of one query.
#[derive(Clone, Default)]
pub(super) struct QueryState {
    problems: Vec<Problem>,
    families: Vec<Arc<Lines>>,
    /// Time of its last run. Encoded with each run, not with every change of the source.
    timing: Vec<Arc<Lines>>,
    /// Its counters, encoded only when they have changed.
    counts: Vec<Arc<Lines>>,
    expires: Option<Instant>,
    pub(super) outcome: Outcome,
    pub(super) last_success: Option<SystemTime>,
    pub(super) last_duration: Option<Duration>,
    pub(super) max_age: Duration,
}

/// The counters of a query.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) series: usize,
    pub(super) dropped: usize,
    pub(super) cut: usize,
    pub(super) failures: BTreeMap<Reason, u64>,
}

impl QueryState {
    /// A query that has not run.
    pub(super) fn new(source: &Arc<str>, name: &str, max_age: Duration) -> Self {
        let state = Self { max_age, ..Self::default() };
        Self { counts: Lines::renew(&[], Some(source), source_metrics::of_query(name, &state)), ..state }
    }

    /// Records a run.
    pub(super) fn ran(&mut self, source: &Arc<str>, name: &str, run: QueryRun, now: SystemTime) {
        self.last_duration = Some(run.duration);
        let before = self.outcome.clone();
        match run.result {
            Ok(result) => {
                self.problems.clear();
                self.outcome.series = result.families.iter().map(|family| family.samples.len()).sum();
                self.outcome.dropped = result.dropped;
                self.outcome.cut = result.cut;
                self.families = Lines::renew(&self.families, Some(source), result.families);
                self.last_success = Some(now);
                self.expires = run.ended.checked_add(run.max_age);
            }
            Err(problem) => {
                *self.outcome.failures.entry(problem.reason).or_default() += 1;
                self.problems = vec![problem.context(format_args!("query {name}"))];
                if self.is_stale(run.ended) {
                    self.problems.push(Problem::new(Reason::Stale, format!("query {name}: no fresh result")));
                }
            }
        }
        self.timing = Lines::renew(&self.timing, Some(source), source_metrics::of_run(name, self));
        if self.outcome != before {
            self.counts = Lines::renew(&self.counts, Some(source), source_metrics::of_query(name, self));
        }
    }

    /// Its problems.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// When its result becomes too old, if that is in the future.
    pub(super) fn stale_at(&self, now: Instant) -> Option<Instant> {
        self.expires.filter(|at| now < *at)
    }

    /// Its last good result; empty if it is too old.
    pub(super) fn families(&self, now: Instant) -> &[Arc<Lines>] {
        if self.is_stale(now) { &[] } else { &self.families }
    }

    /// Everything to export at `now`.
    pub(super) fn says(&self, now: Instant) -> impl Iterator<Item = &Arc<Lines>> {
        self.timing.iter().chain(&self.counts).chain(self.families(now))
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
