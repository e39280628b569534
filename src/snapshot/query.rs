//! The state of one query. Pure; time is an argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::{Family, Lines};
use platform_core::probe::{Problem, Reason};

use super::encoder::{EncodedResult, Encoder};
use super::event::reasons;
use super::source_metrics::QueryRecord;

/// How long after the time of its next run a run counts as late. A run that times out is not late: it has failed.
pub const LATE_AFTER: Duration = Duration::from_secs(1);

/// One run of a query.
pub struct QueryRun {
    /// Its result.
    pub result: Result<EncodedResult, Problem>,
    /// How long it waited for its turn.
    pub waited: Duration,
    /// How long it took.
    pub duration: Duration,
    /// How often it should run.
    pub every: Duration,
    /// How long a good result may be exported.
    pub max_age: Duration,
    /// When it ended, on a monotonic clock.
    pub ended: Instant,
}

/// A source that answers.
#[derive(Clone, Copy)]
pub(super) struct GoodProbes {
    /// When the first good probe after its last outage ended, if there was one.
    pub(super) recovered: Option<Instant>,
    /// When its last probe ended.
    pub(super) last: Instant,
}

impl GoodProbes {
    /// Whether there was no outage since.
    fn answer_since(self, moment: Instant) -> bool {
        self.recovered.is_none_or(|recovered| recovered <= moment)
    }
}

/// A run that others delayed beyond the time of the next one.
#[derive(Clone)]
struct Late {
    /// When it was due.
    began: Instant,
    problem: Problem,
}

/// The state of one query.
#[derive(Clone, Default)]
pub(super) struct QueryState {
    problems: Vec<Problem>,
    late: Option<Late>,
    /// When the first of its failed runs in a row ended, of those that an outage of the source may explain.
    unanswered_since: Option<Instant>,
    families: Vec<Arc<Lines>>,
    /// The same as values, if a roll-up observes some of them.
    observed: Arc<[Family]>,
    pub(super) is_observed: bool,
    /// Time of its last run. Encoded with each run, not with every change of the source.
    timing: Vec<Arc<Lines>>,
    /// Its counters, encoded only when they have changed.
    counts: Vec<Arc<Lines>>,
    expires: Option<Instant>,
    pub(super) record: QueryRecord,
}

impl QueryState {
    /// A query that has not run.
    pub(super) fn new(source: &Arc<str>, name: &str, max_age: Duration) -> Self {
        let record = QueryRecord { max_age, ..QueryRecord::default() };
        let counts = Lines::renew(&[], Some(source), record.counts(name));
        Self { record, counts, ..Self::default() }
    }

    /// Encodes its next result.
    pub(super) fn encoder(&self, source: &Arc<str>) -> Encoder {
        let (before, is_observed) = (self.families.clone(), self.is_observed);
        Encoder { source: Arc::clone(source), before, is_observed }
    }

    /// Records a run.
    pub(super) fn ran(
        &mut self,
        source: &Arc<str>,
        name: &str,
        run: QueryRun,
        good_probes: Option<GoodProbes>,
        now: SystemTime,
    ) {
        self.unanswered_since = match &run.result {
            // What failed before the source answered again says nothing about this failure.
            Err(problem) if problem.reason.may_be_an_outage() => {
                let of_this_row =
                    |since: &Instant| good_probes.is_none_or(|probes| probes.answer_since(*since));
                self.unanswered_since.filter(of_this_row).or(Some(run.ended))
            }
            _ => None,
        };
        (self.record.last_wait, self.record.last_duration) = (Some(run.waited), Some(run.duration));
        self.late = late(name, &run);
        let before = self.record.outcome.clone();
        match run.result {
            Ok(result) => {
                let of_query =
                    |fault| Problem::new(Reason::Query, fault).context(format_args!("query {name}"));
                self.problems = result.faults.into_iter().map(of_query).collect();
                self.record.outcome.series = result.series;
                self.record.outcome.dropped = result.dropped;
                self.record.outcome.cut = result.cut;
                self.observed = result.values;
                self.families = result.lines;
                if self.problems.is_empty() {
                    self.record.last_success = Some(now);
                } else {
                    *self.record.outcome.failures.entry(Reason::Query).or_default() += 1;
                }
                self.expires = run.ended.checked_add(run.max_age);
            }
            Err(problem) => {
                *self.record.outcome.failures.entry(problem.reason).or_default() += 1;
                self.problems = vec![problem.context(format_args!("query {name}"))];
                if self.is_stale(run.ended) {
                    self.problems.push(Problem::new(Reason::Stale, format!("query {name}: no fresh result")));
                }
            }
        }
        self.record.is_last_good = self.problems.is_empty();
        self.record.outcome.reasons = reasons(&self.problems);
        self.timing = Lines::renew(&self.timing, Some(source), self.record.run(name));
        if self.record.outcome != before {
            self.counts = Lines::renew(&self.counts, Some(source), self.record.counts(name));
        }
    }

    /// Records that a run that was due at `began` has not ended by the time of the next one.
    pub(super) fn is_late(&mut self, name: &str, every: Duration, began: Instant) {
        let detail = format!(
            "no result within {every:?} of when it was due: others run on the connection of its source"
        );
        self.late = Some(Late::new(name, began, detail));
    }

    /// Its problems, without those that an outage of its source explains. A query that gets no answer often is the first
    /// to notice an outage: it is a problem of its own when the source has answered a probe since.
    pub(super) fn problems(&self, good_probes: Option<GoodProbes>) -> impl Iterator<Item = &Problem> {
        let is_its_own = self.unanswered_since.is_none_or(|since| {
            good_probes.is_some_and(|probes| probes.answer_since(since) && since < probes.last)
        });
        let problems = is_its_own.then_some(&self.problems).into_iter().flatten();
        let late = self.late.iter();
        let late = late.filter(move |late| good_probes.is_some_and(|probes| probes.answer_since(late.began)));
        problems.chain(late.map(|late| &late.problem))
    }

    /// When its result becomes too old, if that is in the future.
    pub(super) fn stale_at(&self, now: Instant) -> Option<Instant> {
        self.expires.filter(|at| now < *at)
    }

    /// Its last good result; empty if it is too old.
    pub(super) fn families(&self, now: Instant) -> &[Arc<Lines>] {
        if self.is_stale(now) { &[] } else { &self.families }
    }

    /// The values of a metric in its last good result, over all samples with these labels; none if it is too old.
    pub(super) fn values<'a>(
        &'a self,
        metric: &'a str,
        labels: &'a BTreeMap<String, String>,
        now: Instant,
    ) -> impl Iterator<Item = f64> + 'a {
        let current = if self.is_stale(now) { &[][..] } else { &self.observed[..] };
        let families = current.iter().filter(move |family| family.desc.name == metric);
        families.flat_map(move |family| family.with_labels(labels)).map(|sample| sample.value)
    }

    /// Everything to export at `now`.
    pub(super) fn all_families(&self, now: Instant) -> impl Iterator<Item = &Arc<Lines>> {
        self.timing.iter().chain(&self.counts).chain(self.families(now))
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Late {
    fn new(query: &str, began: Instant, detail: String) -> Self {
        let problem = Problem::new(Reason::Slow, detail).context(format_args!("query {query}"));
        Self { began, problem }
    }
}

/// Whether a run that has ended was late. One that alone takes longer than `every` is limited by its time limit.
fn late(query: &str, run: &QueryRun) -> Option<Late> {
    let QueryRun { waited, duration, every, ended, .. } = *run;
    let took = waited + duration;
    let began = ended.checked_sub(took)?;
    (took > every + LATE_AFTER && duration < every).then(|| {
        let others = format!("waited {waited:.1?} for others on the connection of its source");
        Late::new(query, began, format!("runs every {took:.1?} instead of every {every:?}: {others}"))
    })
}
