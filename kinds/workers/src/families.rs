//! From the workers of a class to families. Pure.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::{Desc, Families};
use platform_core::probe::{Problem, Reason};

use super::config::Class;
use super::pushed::REFUSED;
use super::worker::{Seen, Worker, WorkerList};

/// Only this many workers of a class, the most recent ones, have their own series; all are counted.
const MOST_SERIES: usize = 200;
/// Workers in states beyond this number are counted under `other`.
const MOST_STATES: usize = 20;
/// The state of a missing worker.
const OFFLINE: &str = "offline";

const HEARTBEAT: Desc = Desc::gauge(
    "worker_heartbeat_timestamp_seconds",
    &["class", "worker"],
    "Time of the worker's last heartbeat, by the clock that wrote it; the 200 most recent workers of a class.",
);
const INTERVAL: Desc = Desc::gauge(
    "worker_heartbeat_interval_seconds",
    &["class"],
    "Heartbeat interval of the class, from the configuration or the job system's default.",
);
const ALIVE: Desc = Desc::gauge(
    "workers_alive",
    &["class"],
    "Workers whose last heartbeat is no older than their class's interval plus grace, by their store's clock; one from the future counts from when it was first read. A worker whose last push reported a failure is not alive.",
);
const EXPECTED: Desc =
    Desc::gauge("workers_expected", &["class"], "Expected workers, from the configuration.");
const STATES: Desc = Desc::gauge(
    "workers",
    &["class", "state"],
    "Workers by reported state. Offline: where a number is expected, as many as it exceeds those with a recent heartbeat; else, known workers without one.",
);
const INFO: Desc = Desc::gauge(
    "worker_info",
    &["class", "worker", "state", "instance_type", "lifecycle"],
    "Details reported by the worker; always 1.",
);
const PROGRESS: Desc = Desc::gauge(
    "worker_last_progress_timestamp_seconds",
    &["class"],
    "Time of the last progress of any worker of the class, if workers report it.",
);
const BUSY: Desc = Desc::gauge(
    "workers_busy",
    &["class"],
    "Slots of live workers that are running a job, if the job system reports it.",
);
const SLOTS: Desc =
    Desc::gauge("worker_slots", &["class"], "Slots of live workers, if the job system reports it.");
const SKEW: Desc = Desc::gauge(
    "worker_clock_skew_seconds",
    &["class"],
    "Offset of the heartbeat store's clock from the exporter's; positive if it is ahead.",
);

pub(super) const CATALOGUE: [Desc; 11] =
    [HEARTBEAT, INTERVAL, ALIVE, EXPECTED, STATES, INFO, PROGRESS, BUSY, SLOTS, SKEW, REFUSED];

/// What is known of a class.
pub(super) struct Known<'a> {
    pub(super) class: &'a Class,
    pub(super) name: &'a str,
    pub(super) roll: &'a WorkerList,
    /// Whether a missing worker would have been noticed.
    pub(super) is_settled: bool,
}

/// Adds what is known even if the class cannot be read.
pub(super) fn add_configured(families: &mut Families, name: &str, class: &Class) {
    families.push_some(&INTERVAL, [name], class.interval.map(|every| every.as_secs_f64()));
    families.push_some(&EXPECTED, [name], class.expected.map(f64::from));
}

impl Known<'_> {
    /// Adds the workers of the class; fewer than expected are a problem.
    pub(super) fn add_to(&self, families: &mut Families) -> Option<Problem> {
        let Known { class, name, roll, .. } = self;
        let is_alive = |worker: &&Worker| worker.is_alive(roll.now, class.limit);
        let alive: Vec<_> = roll.workers.iter().filter(is_alive).collect();
        let count = u32::try_from(alive.len()).unwrap_or(u32::MAX);
        let is_enough = count >= class.expected.unwrap_or(1);
        if self.is_settled || is_enough {
            families.push(&ALIVE, [name], f64::from(count));
        }
        let progress = roll.workers.iter().filter_map(|worker| worker.progress_at).reduce(f64::max);
        families.push_some(&PROGRESS, [name], progress);
        for (desc, value) in
            [(&BUSY, (|worker| worker.busy) as fn(&Worker) -> Option<f64>), (&SLOTS, |worker| worker.slots)]
        {
            let values: Vec<_> = alive.iter().filter_map(|worker| value(worker)).collect();
            if class.reports_busy() || !values.is_empty() {
                families.push(desc, [name], values.iter().sum());
            }
        }
        families.push_some(&SKEW, [name], roll.skew);
        self.add_workers(families);
        self.add_states(families, count);
        let expected = class.expected.filter(|_| self.is_settled && !is_enough)?;
        let detail = format!("class {name}: {count} of {expected} workers are alive{}", self.silence(count));
        Some(Problem::new(Reason::Stale, detail))
    }

    /// Why nobody is alive: nothing is found where the class is read, or what is found is old.
    fn silence(&self, alive: u32) -> String {
        if alive > 0 {
            return String::new();
        }
        if self.roll.workers.is_empty() {
            return ", and none has left a heartbeat".to_owned();
        }
        let times = self.roll.workers.iter().filter_map(|worker| match worker.seen {
            Seen::At(at) => Some(at),
            Seen::Present | Seen::Never => None,
        });
        let age = |last: f64| format!(", and the last heartbeat is {:.0} s old", self.roll.now - last);
        times.reduce(f64::max).map(age).unwrap_or_default()
    }

    /// The named workers, the most recent of each name.
    fn add_workers(&self, families: &mut Families) {
        let time = |worker: &Worker| match worker.seen {
            Seen::At(at) => at,
            Seen::Present => f64::INFINITY,
            Seen::Never => f64::NEG_INFINITY,
        };
        let mut workers: Vec<_> = self.roll.workers.iter().collect();
        workers.sort_by(|a, b| time(b).total_cmp(&time(a)).then_with(|| a.id.cmp(&b.id)));
        let mut names = BTreeSet::new();
        for worker in workers {
            let Some(id) = worker.id.as_deref().filter(|id| names.len() < MOST_SERIES && names.insert(*id))
            else {
                continue;
            };
            if let Seen::At(at) = worker.seen {
                families.push(&HEARTBEAT, [self.name, id], at);
            }
            let facts = [&worker.state, &worker.instance_type, &worker.lifecycle];
            if facts.iter().any(|fact| fact.is_some()) {
                let state = self.state(worker);
                let [_, instance_type, lifecycle] = facts.map(|fact| fact.as_deref().unwrap_or_default());
                families.push(&INFO, [self.name, id, state, instance_type, lifecycle], 1.0);
            }
        }
    }

    fn add_states(&self, families: &mut Families, alive: u32) {
        let Known { class, roll, .. } = self;
        let mut states: BTreeMap<&str, u32> = class.states().map(|state| (state, 0)).collect();
        if states.is_empty() && roll.workers.iter().all(|worker| worker.state.is_none()) {
            return;
        }
        for worker in &roll.workers {
            let state = self.state(worker);
            let is_known = states.contains_key(state) || states.len() < MOST_STATES;
            *states.entry(if is_known { state } else { "other" }).or_default() += 1;
        }
        let heard: u32 = states.iter().filter(|(state, _)| **state != OFFLINE).map(|(_, count)| count).sum();
        // Workers restart under new names: of those gone, only as many as are missing count.
        match class.expected {
            Some(expected) => states.insert(OFFLINE, expected.saturating_sub(heard.max(alive))),
            None => Some(*states.entry(OFFLINE).or_default()),
        };
        for (state, count) in states {
            families.push(&STATES, [self.name, state], f64::from(count));
        }
    }

    /// The state of a worker: the reported one while it is alive.
    fn state<'w>(&self, worker: &'w Worker) -> &'w str {
        let (now, limit) = (self.roll.now, self.class.limit);
        if worker.is_recent(now, limit) || worker.is_alive(now, limit) {
            worker.state.as_deref().unwrap_or("unknown")
        } else {
            OFFLINE
        }
    }
}
