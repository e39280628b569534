//! The running loops, and which of them a new configuration leaves alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::future::join_all;
use platform_core::query::{Ask, Declared, Inbox, Question, lane};
use platform_core::setting::SourceName;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::assembly::{Lanes, of, questions};
use super::loops::{Loops, Task};
use super::parts::FRESH_FOR;
use super::roll_up::Watched;
use super::source::{ProbeRequests, SourceLoop, requests};
use super::timetable::{Timetable, phases, server, turns};
use super::{query, roll_up};
use crate::config::{Config, RollUp, Source};
use crate::snapshot::Outdated;

/// All running loops.
#[derive(Default)]
pub(super) struct Running {
    /// A lane lives as long as its source's name is configured: callers need not know that the source was replaced.
    lanes: Lanes,
    /// Wake the queries of a source when it answers again. They live as long as lanes.
    recoveries: BTreeMap<SourceName, Arc<Notify>>,
    /// The receiving ends that are not being served.
    inboxes: BTreeMap<SourceName, Inbox>,
    sources: BTreeMap<SourceName, SourceTasks>,
    queries: BTreeMap<String, (Declared, Task<()>)>,
    roll_ups: BTreeMap<String, (RollUpIdentity, Task<()>)>,
}

/// The loops of one source.
struct SourceTasks {
    identity: Identity,
    request: ProbeRequests,
    probing: Task<()>,
    answering: Option<Task<Inbox>>,
}

/// The identity of a source: its configuration, and the queries that it has to know in advance.
#[derive(PartialEq)]
struct Identity {
    fingerprint: u64,
    questions: Vec<Question>,
}

/// The identity of a roll-up: its configuration, and the queries that return what it observes.
#[derive(PartialEq)]
struct RollUpIdentity {
    fingerprint: u64,
    watched: Vec<Watched>,
}

impl Running {
    /// Where probes of each source are requested.
    pub(super) fn requests(&self) -> BTreeMap<SourceName, ProbeRequests> {
        self.sources.iter().map(|(name, tasks)| (name.clone(), tasks.request.clone())).collect()
    }

    /// Stops what is not in this configuration unchanged, and removes it from the store.
    pub(super) async fn end_outdated(&mut self, config: &Config, loops: &Loops) {
        let questions = questions(config);
        let is_current = |name: &SourceName, tasks: &SourceTasks| {
            let source = config.sources().get(name);
            source.is_some_and(|source| tasks.identity == Identity::of(source, of(&questions, name)))
        };
        let sources = self.sources.iter().filter(|(name, tasks)| !is_current(name, tasks));
        let mut outdated =
            Outdated { sources: sources.map(|(name, _)| name.clone()).collect(), ..Outdated::default() };
        let configured: HashMap<_, _> =
            config.queries().iter().map(|query| (query.spec.name.as_str(), query)).collect();
        let is_current = |declared: &Declared| {
            configured.get(declared.spec.name.as_str()).is_some_and(|query| *query == declared)
                && !outdated.sources.contains(declared.ask.source())
        };
        let queries: Vec<_> = self.queries.extract_if(.., |_, (declared, _)| !is_current(declared)).collect();
        let end = |(name, (_, task)): (String, (_, Task<()>))| async {
            task.end().await;
            name
        };
        outdated.queries.extend(join_all(queries.into_iter().map(end)).await);
        let current: BTreeMap<_, _> =
            roll_ups(config).map(|(roll_up, identity)| (roll_up.pack(), identity)).collect();
        let roll_ups =
            self.roll_ups.extract_if(.., |pack, (identity, _)| current.get(pack.as_str()) != Some(identity));
        let roll_ups: Vec<_> = roll_ups.collect();
        join_all(roll_ups.into_iter().map(|(_, (_, task))| task.end())).await;
        let sources =
            outdated.sources.iter().filter_map(|name| Some((name.clone(), self.sources.remove(name)?)));
        let end = |(name, tasks): (SourceName, SourceTasks)| async {
            tasks.probing.end().await;
            Some((name, tasks.answering?.end().await?))
        };
        let inboxes = join_all(sources.collect::<Vec<_>>().into_iter().map(end)).await;
        self.inboxes.extend(inboxes.into_iter().flatten());
        self.lanes.retain(|name, _| config.sources().contains_key(name));
        self.recoveries.retain(|name, _| config.sources().contains_key(name));
        self.inboxes.retain(|name, _| config.sources().contains_key(name));
        loops.recorder.store.apply(config, &outdated);
    }

    /// Starts what is in this configuration and not running.
    pub(super) fn start_missing(&mut self, config: &Config, loops: &Loops) {
        for name in config.sources().keys().filter(|name| !self.lanes.contains_key(*name)).collect::<Vec<_>>()
        {
            let (lane, inbox) = lane();
            self.lanes.insert(name.clone(), lane);
            self.inboxes.insert(name.clone(), inbox);
            self.recoveries.insert(name.clone(), Arc::default());
        }
        // Tasks that a source spawns while being built run there, too.
        let _entered = loops.runtime.enter();
        let questions = questions(config);
        let sources: Vec<_> =
            config.sources().iter().filter(|(name, _)| !self.sources.contains_key(*name)).collect();
        let queries: Vec<_> =
            config.queries().iter().filter(|query| !self.queries.contains_key(&query.spec.name)).collect();
        let roll_ups: Vec<_> =
            roll_ups(config).filter(|(roll_up, _)| !self.roll_ups.contains_key(roll_up.pack())).collect();
        let (now, many) = (Instant::now(), sources.len() + queries.len());
        let servers = config.sources().iter();
        let servers = phases(
            servers.map(|(name, source)| (name, server(&source.config.definition().target()).to_owned())),
        );
        for (name, source) in sources {
            let identity = Identity::of(source, of(&questions, name));
            let timetable = Timetable::new(now, servers[name], source.interval, many);
            let tasks = self.start_source(name, source, identity, loops, timetable);
            self.sources.insert(name.clone(), tasks);
        }
        let turns = turns(
            config.queries().iter().map(|query| (&query.spec.name, query.ask.source(), query.every.get())),
        );
        for declared in queries {
            let name = &declared.spec.name;
            let timetable = Timetable::new(now, turns[name], declared.every.get(), many);
            let lanes = self.lanes_of(&declared.ask);
            let recoveries = declared.ask.sources().map(|name| Arc::clone(&self.recoveries[name])).collect();
            let work = query::run(declared.clone(), lanes, recoveries, loops.recorder.clone(), timetable);
            let task = loops.spawn(format!("query {name}"), work);
            self.queries.insert(name.clone(), (declared.clone(), task));
        }
        for (roll_up, identity) in roll_ups {
            let work = roll_up::run(roll_up, &identity.watched, &loops.recorder.store);
            let task = loops.spawn(format!("roll-up {}", roll_up.pack()), work);
            self.roll_ups.insert(roll_up.pack().to_owned(), (identity, task));
        }
    }

    /// Only these: each of many queries keeps its own.
    fn lanes_of(&self, ask: &Ask) -> Lanes {
        let lanes = ask.sources().filter_map(|name| self.lanes.get_key_value(name));
        lanes.map(|(name, lane)| (name.clone(), lane.clone())).collect()
    }

    fn start_source(
        &mut self,
        name: &SourceName,
        source: &Source,
        identity: Identity,
        loops: &Loops,
        timetable: Timetable,
    ) -> SourceTasks {
        let parts = (loops.build)(name, source, &identity.questions, &self.lanes);
        let answering = parts.answers.zip(self.inboxes.remove(name)).map(|(mut answers, mut inbox)| {
            let stop = loops.stop.child_token();
            let until = stop.clone();
            let work = async move {
                // The receiving end outlives the prober.
                until.run_until_cancelled(inbox.serve(answers.as_mut())).await;
                inbox
            };
            let handle = loops.tasks.spawn_on(work, &loops.runtime);
            Task { stop, handle }
        });
        // Half an interval if each probe costs money.
        let is_metered = source.config.kind().facts().is_metered;
        let fresh_for = if is_metered { (source.interval / 2).max(FRESH_FOR) } else { FRESH_FOR };
        let (request, inbox) = requests(name, source, fresh_for);
        let recorder = loops.recorder.clone();
        let recovered = Arc::clone(&self.recoveries[name]);
        let probing =
            SourceLoop::new(name.clone(), timetable, source, parts.prober, recorder, inbox, recovered);
        SourceTasks {
            identity,
            request,
            probing: loops.spawn(format!("source {name}"), probing.run()),
            answering,
        }
    }
}

impl Identity {
    fn of(source: &Source, questions: &[Question]) -> Self {
        Self { fingerprint: source.fingerprint, questions: questions.to_vec() }
    }
}

/// The roll-ups of a configuration, each with its identity.
fn roll_ups(config: &Config) -> impl Iterator<Item = (&RollUp, RollUpIdentity)> {
    let roll_ups = config.roll_ups().iter();
    roll_ups.map(|roll_up| {
        let identity =
            RollUpIdentity { fingerprint: roll_up.fingerprint(), watched: roll_up::watched(roll_up, config) };
        (roll_up, identity)
    })
}
