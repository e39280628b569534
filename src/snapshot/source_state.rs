//! The state of one source, and how its status is derived. Pure; time is an argument.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::{Exposition, Lines};
use platform_core::probe::{Problem, Reason};
use platform_core::query::Declared;
use platform_core::setting::SourceName;

use super::encoder::{EncodedProbe, Encoder};
use super::event::{Event, Reported, is_change, reasons};
use super::query::{GoodProbes, QueryRun, QueryState};
use super::source_metrics::{ProbeRecord, Relations};
use super::status::{Change, Status};
use super::watchdog::LATEST;
use crate::config::Source;
use crate::pack::PackRole;
use crate::registry::Kind;

/// How many status changes are kept.
const HISTORY: usize = 20;

/// The state of one source.
#[derive(Clone)]
pub struct SourceState {
    name: Arc<str>,
    kind: Kind,
    target: String,
    relations: Relations,
    slow_after: Option<Duration>,
    status: Status,
    since: SystemTime,
    history: VecDeque<Change>,
    reported: Reported,
    failure: Option<Problem>,
    problems: Vec<Problem>,
    families: Vec<Arc<Lines>>,
    queries: BTreeMap<String, QueryState>,
    /// The last published health of the source itself, without its queries.
    health: Vec<Arc<Lines>>,
    /// Whether anything has changed since the last publication.
    has_changed: bool,
    /// When the first of the published results becomes too old.
    stale_at: Option<Instant>,
    record: ProbeRecord,
    /// When the last probe ended, on a monotonic clock.
    probed_at: Option<Instant>,
    /// None while it is down.
    good_probes: Option<GoodProbes>,
    /// When the next probe starts; none before the first one.
    next_probe: Option<Instant>,
    /// Deadline for the end of the next probe.
    due: Instant,
}

impl SourceState {
    /// A source that has not been probed.
    pub fn new(name: &SourceName, source: &Source, now: SystemTime) -> Self {
        let kind = source.config.kind();
        Self {
            name: Arc::clone(name.as_arc()),
            kind,
            target: source.config.definition().target(),
            relations: Relations::default(),
            slow_after: source.slow_after,
            status: Status::Unknown,
            since: now,
            history: VecDeque::new(),
            reported: Reported::default(),
            failure: None,
            problems: Vec::new(),
            families: Vec::new(),
            queries: BTreeMap::new(),
            health: Vec::new(),
            has_changed: true,
            stale_at: None,
            record: ProbeRecord::new(Reason::COMMON.iter().chain(kind.facts().reasons).copied()),
            probed_at: None,
            good_probes: None,
            next_probe: None,
            due: Instant::now() + source.timeout + LATEST,
        }
    }

    /// Records when a probe ended, when the next one starts, and how long that one may take.
    pub fn expect_probe(&mut self, ended: Instant, next: Instant, grace: Duration) {
        (self.probed_at, self.next_probe, self.due) = (Some(ended), Some(next), next + grace);
    }

    /// The time until the next probe: nothing if it is due or running, none before the first one.
    pub fn next_probe_in(&self, now: Instant) -> Option<Duration> {
        self.next_probe.map(|next| next.saturating_duration_since(now))
    }

    /// Whether its last probe ended less than this time ago.
    pub fn is_fresh(&self, now: Instant, age: Duration) -> bool {
        self.probed_at.is_some_and(|at| now.saturating_duration_since(at) < age)
    }

    /// Whether a probe is long overdue.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.due + LATEST < now
    }

    /// Changes the state, and marks it for publication.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut Self) -> R) -> R {
        self.has_changed = true;
        change(self)
    }

    pub(super) fn forget_queries(&mut self, is_outdated: impl Fn(&str) -> bool) {
        self.queries.retain(|name, _| !is_outdated(name));
    }

    /// Sets the queries of the source, each with whether a roll-up observes it; the state of known ones is kept.
    pub(super) fn expect_queries<'a>(
        &mut self,
        source: &Source,
        queries: impl IntoIterator<Item = (&'a Declared, bool)>,
    ) {
        let queries: BTreeMap<&str, (&Declared, bool)> = queries
            .into_iter()
            .map(|(query, is_observed)| (query.spec.name.as_str(), (query, is_observed)))
            .collect();
        self.queries.retain(|name, _| queries.contains_key(name.as_str()));
        let asks = source.config.definition().dependencies().into_iter().map(|asked| asked.source);
        self.relations.asks = asks.collect();
        for (name, (query, is_observed)) in queries {
            let new = || QueryState::new(&self.name, name, query.max_age.get());
            self.queries.entry(name.to_owned()).or_insert_with(new).is_observed = is_observed;
            let others = query.ask.sources().filter(|other| *other != query.ask.source());
            self.relations.asks.extend(others.cloned());
        }
    }

    /// Sets which inputs of packs the source is.
    pub(super) fn expect_roles(&mut self, roles: BTreeSet<PackRole>) {
        self.relations.roles = roles;
    }

    /// Encodes the observation of the next probe.
    pub fn encoder(&self) -> Encoder {
        Encoder { source: Arc::clone(&self.name), before: self.families.clone(), is_observed: false }
    }

    /// Encodes the next result of a query.
    pub fn encoder_of(&self, query: &str) -> Encoder {
        match self.queries.get(query) {
            Some(query) => query.encoder(&self.name),
            None => QueryState::default().encoder(&self.name),
        }
    }

    /// Records the result of a probe. Its families replace all those of the last one.
    pub fn probed(
        &mut self,
        result: Result<EncodedProbe, Problem>,
        duration: Duration,
        now: SystemTime,
    ) -> Option<Event> {
        self.record.probes += 1;
        self.record.last_duration = Some(duration);
        let probe = result
            .unwrap_or_else(|problem| EncodedProbe { failure: Some(problem), ..EncodedProbe::default() });
        EncodedProbe { lines: self.families, problems: self.problems, failure: self.failure } = probe;
        let recovered = match self.good_probes {
            Some(probes) => probes.recovered,
            None => self.probed_at.filter(|_| self.record.probes > 1),
        };
        let last = self.probed_at.filter(|_| self.failure.is_none());
        self.good_probes = last.map(|last| GoodProbes { recovered, last });
        match &self.failure {
            Some(problem) => *self.record.failures.entry(problem.reason).or_default() += 1,
            None => {
                self.record.last_success = Some(now);
                self.problems.extend(self.slow_after.filter(|limit| duration > *limit).map(|limit| {
                    Problem::new(Reason::Slow, format!("the probe took {duration:.1?}, more than {limit:?}"))
                }));
            }
        }
        self.judge(now)
    }

    /// Records a run of a query. A good result replaces the last one as a whole; after a failure the last good result
    /// stays until it is too old.
    pub fn queried(&mut self, name: &str, run: QueryRun, now: SystemTime) -> Option<Event> {
        let state = || QueryState::new(&self.name, name, run.max_age);
        let query = self.queries.entry(name.to_owned()).or_insert_with(state);
        query.ran(&self.name, name, run, self.good_probes, now);
        self.judge_if_probed(now)
    }

    /// Records that a run of a query that was due at `began` has not ended by the time of the next one.
    pub fn query_is_late(
        &mut self,
        name: &str,
        every: Duration,
        began: Instant,
        now: SystemTime,
    ) -> Option<Event> {
        self.queries.get_mut(name)?.is_late(name, every, began);
        self.judge_if_probed(now)
    }

    /// Before the first probe, the status of the source is unknown.
    fn judge_if_probed(&mut self, now: SystemTime) -> Option<Event> {
        if self.status == Status::Unknown { None } else { self.judge(now) }
    }

    fn judge(&mut self, now: SystemTime) -> Option<Event> {
        let problems = self.named_problems();
        let status = match (&self.failure, problems.is_empty()) {
            (Some(_), _) => Status::Down,
            (None, false) => Status::Degraded,
            (None, true) => Status::Up,
        };
        let is_change = is_change(self.status, status);
        let has_news = self.reported.has_news(status, &problems);
        let problems: Vec<_> = problems.into_iter().map(|(_, problem)| problem).collect();
        if status != self.status {
            (self.status, self.since) = (status, now);
        }
        if is_change {
            self.history.truncate(HISTORY - 1);
            self.history.push_front(Change { at: now, status, reasons: reasons(&problems) });
        }
        (is_change || has_news).then_some(Event { status, since: self.since, problems })
    }

    /// Every problem with its query; `None` for those of the probe.
    fn named_problems(&self) -> Vec<(Option<String>, Problem)> {
        let of_probe = self.failure.iter().chain(&self.problems).map(|problem| (None, problem.clone()));
        let of_queries = self.queries.iter().flat_map(|(name, query)| {
            query.problems(self.good_probes).map(move |problem| (Some(name.clone()), problem.clone()))
        });
        of_probe.chain(of_queries).collect()
    }

    /// Everything that the source exports at `now`, if it has changed since the last time.
    pub(super) fn changed_families(&mut self, now: Instant) -> Option<Vec<Arc<Lines>>> {
        if !self.has_changed && self.stale_at.is_none_or(|at| now < at) {
            return None;
        }
        self.has_changed = false;
        self.stale_at = self.queries.values().filter_map(|query| query.stale_at(now)).min();
        self.health = self.renewed_health();
        Some(self.all_families(self.health.clone(), now))
    }

    /// Everything that the source exports at `now`, without its name.
    pub fn exposition(&self, now: Instant) -> Exposition {
        let families = self.all_families(self.renewed_health(), now);
        let mut exposition = Exposition::default();
        exposition.put(None, families.iter().map(|lines| Arc::new(lines.without_source())).collect());
        exposition
    }

    fn renewed_health(&self) -> Vec<Arc<Lines>> {
        let families = self.record.families(self.kind, self.status, &self.reasons(), &self.relations);
        Lines::renew(&self.health, Some(&self.name), families)
    }

    fn all_families(&self, health: Vec<Arc<Lines>>, now: Instant) -> Vec<Arc<Lines>> {
        let queries = self.queries.values().flat_map(|query| query.all_families(now));
        health.into_iter().chain(self.families.iter().chain(queries).cloned()).collect()
    }

    /// The largest value of a metric in a query's result, over all samples with these labels, and the time of the
    /// result. `None` if the result is too old.
    pub fn largest(
        &self,
        query: &str,
        metric: &str,
        labels: &BTreeMap<String, String>,
        now: Instant,
    ) -> Option<(f64, SystemTime)> {
        let query = self.queries.get(query)?;
        let largest = query.values(metric, labels, now).filter(|value| value.is_finite()).reduce(f64::max)?;
        Some((largest, query.record.last_success?))
    }

    /// The families of the last probe.
    pub fn probe_families(&self) -> &[Arc<Lines>] {
        &self.families
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Since when it has had this status.
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the source is, without credentials.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The reasons of all current problems, each once.
    pub fn reasons(&self) -> Vec<Reason> {
        reasons(self.named_problems().iter().map(|(_, problem)| problem))
    }

    /// Every current problem; for one of a query, with the time of its last good result.
    pub fn problems(&self) -> Vec<(Problem, Option<SystemTime>)> {
        let last_success = |query: String| self.queries.get(&query)?.record.last_success;
        let problems = self.named_problems().into_iter();
        problems.map(|(query, problem)| (problem, query.and_then(last_success))).collect()
    }

    /// When the last probe ended, on a monotonic clock.
    pub fn probed_at(&self) -> Option<Instant> {
        self.probed_at
    }

    /// When the last good probe ended.
    pub fn last_success(&self) -> Option<SystemTime> {
        self.record.last_success
    }

    /// How long the last probe took.
    pub fn last_duration(&self) -> Option<Duration> {
        self.record.last_duration
    }

    /// The last status changes, newest first.
    pub fn history(&self) -> impl Iterator<Item = &Change> {
        self.history.iter()
    }
}
