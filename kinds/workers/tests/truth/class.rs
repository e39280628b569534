//! A class of workers as the test has made it, and the series that follow from it.

use std::collections::BTreeMap;

use testkit::recount::{Series, series};

/// A worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    pub(super) id: Option<String>,
    /// Its last heartbeat, if it can be read.
    pub(super) at: Option<f64>,
    pub(super) is_alive: bool,
    /// What it last reported, and whether that is recent.
    pub(super) state: Option<&'static str>,
    pub(super) is_heard: bool,
    /// How many of its slots are busy, and how many it has.
    pub(super) slots: Option<(f64, f64)>,
    pub(super) progress_at: Option<f64>,
}

impl Made {
    pub(super) fn new(id: &str, at: Option<f64>, is_alive: bool) -> Self {
        Self { id: Some(id.to_owned()), at, is_alive, is_heard: is_alive, ..Self::default() }
    }

    pub(super) fn working(self, state: &'static str, busy: f64, slots: f64) -> Self {
        Self { state: Some(state), slots: Some((busy, slots)), ..self }
    }
}

/// The workers of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Class {
    pub(super) interval: Option<f64>,
    /// The states that its job system has.
    pub(super) states: &'static [&'static str],
    pub(super) workers: Vec<Made>,
}

/// How many workers each class should have.
pub(super) const EXPECTED: usize = 2;

impl Class {
    pub(super) fn series(&self, name: &str) -> Series {
        let of = |family: &str| series(family, &[name]);
        let alive: Vec<&Made> = self.workers.iter().filter(|worker| worker.is_alive).collect();
        let mut all = Series::from([
            (of("workers_expected"), EXPECTED as f64),
            (of("workers_alive"), alive.len() as f64),
        ]);
        all.extend(self.interval.map(|interval| (of("worker_heartbeat_interval_seconds"), interval)));
        for worker in &self.workers {
            let id = worker.id.as_deref().unwrap_or_default();
            all.extend(worker.at.map(|at| (series("worker_heartbeat_timestamp_seconds", &[name, id]), at)));
            if let Some(state) = worker.state {
                let shown = if worker.is_heard { state } else { "offline" };
                all.insert(series("worker_info", &[name, id, shown, "", ""]), 1.0);
            }
        }
        let progress = self.workers.iter().filter_map(|worker| worker.progress_at).reduce(f64::max);
        all.extend(progress.map(|at| (of("worker_last_progress_timestamp_seconds"), at)));
        if !self.states.is_empty() {
            all.extend(self.by_state(name, alive.len()));
        }
        if self.states.contains(&"busy") {
            let slots = alive.iter().filter_map(|worker| worker.slots);
            let (busy, slots) = slots.fold((0.0, 0.0), |sum, slots| (sum.0 + slots.0, sum.1 + slots.1));
            all.extend([(of("workers_busy"), busy), (of("worker_slots"), slots)]);
        }
        all
    }

    fn by_state(&self, name: &str, alive: usize) -> Series {
        let mut states: BTreeMap<&str, usize> = self.states.iter().map(|state| (*state, 0)).collect();
        for worker in self.workers.iter().filter(|worker| worker.is_heard) {
            *states.entry(worker.state.unwrap_or_default()).or_default() += 1;
        }
        let heard: usize = states.values().sum();
        states.insert("offline", EXPECTED.saturating_sub(heard.max(alive)));
        let row = |(state, count): (&str, usize)| (series("workers", &[name, state]), count as f64);
        states.into_iter().map(row).collect()
    }
}
