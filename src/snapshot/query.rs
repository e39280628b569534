//! What is known of one query. Pure; time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::Lines;
use platform_core::probe::{Problem, Reason};
use platform_core::query::ResultSet;

use super::health;

/// One run of a query.
pub struct QueryRun {
    /// What came out.
    pub result: Result<ResultSet, Problem>,
    /// How long it took.
    pub duration: Duration,
    /// How long a good result may be shown.
    pub max_age: Duration,
    /// When it ended, on a clock that nobody sets.
    pub ended: Instant,
}

/// What is known of one query.
#[derive(Clone, Default)]
pub(super) struct QueryState {
    problems: Vec<Problem>,
    families: Vec<Arc<Lines>>,
    /// When its last run was. Encoded with each run, and not whenever the source changes.
    timing: Vec<Arc<Lines>>,
    /// What has come out so far: encoded when that is something else than before.
    counts: Vec<Arc<Lines>>,
    expires: Option<Instant>,
    pub(super) outcome: Outcome,
    pub(super) last_success: Option<SystemTime>,
    pub(super) last_duration: Option<Duration>,
    pub(super) max_age: Duration,
}

/// What is counted of a query.
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
        Self { counts: Lines::renew(&[], Some(source), health::of_query(name, &state)), ..state }
    }

    /// Takes in a run.
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
                self.problems =
                    vec![Problem::new(problem.reason, format!("query {name}: {}", problem.detail))];
                if self.is_stale(run.ended) {
                    self.problems
                        .push(Problem::new(Reason::Stale, format!("query {name}: no good answer in time")));
                }
            }
        }
        self.timing = Lines::renew(&self.timing, Some(source), health::of_run(name, self));
        if self.outcome != before {
            self.counts = Lines::renew(&self.counts, Some(source), health::of_query(name, self));
        }
    }

    /// What is wrong with it.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// When its result gets too old, if that is still to come.
    pub(super) fn stale_at(&self, now: Instant) -> Option<Instant> {
        self.expires.filter(|at| now < *at)
    }

    /// Its last good result; nothing of one that is too old.
    pub(super) fn families(&self, now: Instant) -> &[Arc<Lines>] {
        if self.is_stale(now) { &[] } else { &self.families }
    }

    /// All that there is to say at `now`.
    pub(super) fn says(&self, now: Instant) -> impl Iterator<Item = &Arc<Lines>> {
        self.timing.iter().chain(&self.counts).chain(self.families(now))
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
