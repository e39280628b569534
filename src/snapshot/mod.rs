//! The store of every source's latest state, and the exposition built from it.

mod encoder;
mod event;
mod exporter_metrics;
mod gzip;
mod published;
mod query;
mod roll_up;
mod source_metrics;
mod source_state;
mod status;
mod watchdog;

pub use encoder::{EncodedProbe, EncodedResult, Encoder};
pub use event::Event;
pub use exporter_metrics::{ConfigState, catalogue as own_catalogue};
pub use published::{Coding, Published};
pub use query::{LATE_AFTER, QueryRun};
pub use roll_up::{RollUpEvent, RollUpRun, RollUpState, catalogue as roll_up_catalogue};
pub use source_metrics::catalogue as health_catalogue;
pub use source_state::SourceState;
pub use status::{Change, Status};
pub use watchdog::{BEAT_EVERY, LATEST, Stall};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use platform_core::metric::{Exposition, Lines};
use platform_core::setting::SourceName;
use tokio::sync::Notify;

use crate::config::Config;
use crate::pack::PackRole;

/// The latest state of every source. Readers never wait for a source, and writers only for each other.
pub struct Store {
    sources: RwLock<BTreeMap<SourceName, Arc<Mutex<SourceState>>>>,
    roll_ups: RwLock<BTreeMap<String, Arc<Mutex<RollUpState>>>>,
    started: SystemTime,
    config: Mutex<ConfigState>,
    changed: Notify,
    /// Locked while publishing.
    exposition: Mutex<Exposition>,
    process: Mutex<exporter_metrics::Process>,
    clocks: watchdog::Clocks,
    current: ArcSwap<Published>,
}

/// What a new configuration has replaced or removed.
#[derive(Debug, Default)]
pub struct Outdated {
    /// The sources.
    pub sources: BTreeSet<SourceName>,
    /// The queries, by name.
    pub queries: BTreeSet<String>,
}

/// Changes within this time are published together.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// With many sources, publishing takes a while. The pause after it is this many times as long,
const PAUSES: u32 = 9;
/// but changes never wait for longer than this.
const PUBLISH_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// How often the exporter's own process metrics are updated.
const RENEW_EVERY: Duration = Duration::from_secs(5);

impl Store {
    /// A store with every configured source, with status unknown.
    pub fn new(config: &Config, now: SystemTime) -> Self {
        let store = Self {
            sources: RwLock::default(),
            roll_ups: RwLock::default(),
            started: now,
            config: Mutex::new(ConfigState { refused: None, read: now }),
            changed: Notify::new(),
            exposition: Mutex::default(),
            process: Mutex::default(),
            clocks: watchdog::Clocks::new(),
            current: ArcSwap::default(),
        };
        store.apply(config, &Outdated::default());
        store.publish();
        store
    }

    /// Updates the store to the sources, queries and roll-ups of this configuration. Their state is kept, except for
    /// outdated ones.
    pub fn apply(&self, config: &Config, outdated: &Outdated) {
        let now = SystemTime::now();
        let mut queries: BTreeMap<&SourceName, Vec<_>> = BTreeMap::new();
        for query in config.queries() {
            let is_observed = config.roll_ups().iter().any(|roll_up| roll_up.observes(query));
            queries.entry(query.ask.source()).or_default().push((query, is_observed));
        }
        let mut roles: BTreeMap<&str, BTreeSet<PackRole>> = BTreeMap::new();
        for (role, source) in config.packs().iter().flat_map(|pack| &pack.sources) {
            roles.entry(source).or_default().insert(role.clone());
        }
        // Readers do not wait meanwhile. Only this function changes which sources there are, one call at a time.
        let mut sources = self.sources.read().clone();
        sources.retain(|name, _| config.sources().contains_key(name) && !outdated.sources.contains(name));
        for (name, source) in config.sources() {
            let state = sources
                .entry(name.clone())
                .or_insert_with(|| Arc::new(Mutex::new(SourceState::new(name, source, now))));
            state.lock().change(|state| {
                state.forget_queries(|name| outdated.queries.contains(name));
                state.expect_queries(source, queries.remove(name).unwrap_or_default());
                state.expect_roles(roles.remove(name.as_str()).unwrap_or_default());
            });
        }
        let replaced = std::mem::replace(&mut *self.sources.write(), sources);
        drop(replaced);
        let mut roll_ups = self.roll_ups.write();
        roll_ups.retain(|pack, _| config.roll_ups().iter().any(|roll_up| roll_up.pack() == pack));
        for roll_up in config.roll_ups() {
            roll_ups.entry(roll_up.pack().to_owned()).or_default();
        }
        self.changed.notify_one();
    }

    /// Records that a configuration was read: it was applied, or refused with these errors.
    pub fn config_read(&self, refused: Option<String>, now: SystemTime) {
        let mut config = self.config.lock();
        if refused.is_none() {
            config.read = now;
        }
        config.refused = refused;
        self.changed.notify_one();
    }

    /// When the current configuration was read, and why a later one was refused.
    pub fn config_state(&self) -> ConfigState {
        self.config.lock().clone()
    }

    /// Changes the state of a source, and schedules the change to be published. `None` when there is no such source.
    pub fn update<R>(&self, name: &SourceName, change: impl FnOnce(&mut SourceState) -> R) -> Option<R> {
        let result = self.source(name.as_str())?.lock().change(change);
        self.changed.notify_one();
        Some(result)
    }

    /// Changes the state of a roll-up, and schedules the change to be published. `None` when there is no such roll-up.
    pub fn update_roll_up<R>(&self, pack: &str, change: impl FnOnce(&mut RollUpState) -> R) -> Option<R> {
        let state = self.roll_ups.read().get(pack).cloned()?;
        let result = change(&mut state.lock());
        self.changed.notify_one();
        Some(result)
    }

    /// Reads the state of a source without copying it. `None` when there is no such source.
    pub fn look<R>(&self, name: &SourceName, look: impl FnOnce(&SourceState) -> R) -> Option<R> {
        Some(look(&self.source(name.as_str())?.lock()))
    }

    /// The current state of a source.
    pub fn state(&self, name: &str) -> Option<SourceState> {
        Some(self.source(name)?.lock().clone())
    }

    /// The states of all sources, by name.
    pub fn states(&self) -> Vec<(SourceName, SourceState)> {
        self.sources().into_iter().map(|(name, state)| (name, state.lock().clone())).collect()
    }

    /// Whether every source has been probed at least once.
    pub fn is_ready(&self) -> bool {
        self.sources().iter().all(|(_, state)| state.lock().status() != Status::Unknown)
    }

    /// Records that the scheduler runs.
    pub fn beat(&self) {
        self.clocks.beat();
    }

    /// Probes that should have been started but were not, if any.
    pub fn stall(&self) -> Option<Stall> {
        Stall::of(self.clocks.silence(), self.overdue())
    }

    /// The sources whose probe is long overdue.
    fn overdue(&self) -> Vec<SourceName> {
        let now = Instant::now();
        let overdue = self.sources().into_iter().filter(|(_, state)| state.lock().is_overdue(now));
        overdue.map(|(name, _)| name).collect()
    }

    /// The current exposition on `/metrics`.
    pub fn current(&self) -> Arc<Published> {
        self.current.load_full()
    }

    /// Publishes changes as they come, until dropped. What takes long is done less often.
    pub async fn keep_published(self: Arc<Self>) {
        loop {
            // Either a change came, or it is time to update the process metrics.
            let _ = tokio::time::timeout(RENEW_EVERY, self.changed.notified()).await;
            let (store, started) = (Arc::clone(&self), Instant::now());
            let published = tokio::task::spawn_blocking(move || store.publish()).await;
            if let Err(error) = published {
                tracing::error!(%error, "cannot build the exposition");
            }
            let pause = started.elapsed() * PAUSES;
            tokio::time::sleep(pause.clamp(PUBLISH_EVERY, PUBLISH_AT_LEAST_EVERY)).await;
        }
    }

    /// Updates `/metrics` to the current state. Unchanged parts are not touched.
    pub fn publish(&self) {
        let (now, steady) = (SystemTime::now(), Instant::now());
        let config = self.config_state();
        let mut exposition = self.exposition.lock();
        let roll_ups = self.roll_ups.read().clone();
        let roll_ups = roll_ups.iter().map(|(pack, state)| (pack.as_str(), state.lock().clone()));
        let process = self.process.lock().families(RENEW_EVERY);
        let last_beat = now.checked_sub(self.clocks.silence()).unwrap_or(now);
        let own = exporter_metrics::families(self.started, &config, last_beat, self.overdue().len())
            .into_iter()
            .chain(process);
        let own = own.chain(roll_up::families(roll_ups));
        let own = Lines::renew(exposition.families(None), None, own);
        let mut changed = vec![(None, own)];
        let sources = self.sources();
        let gone: Vec<_> = exposition
            .sources()
            .filter(|name| sources.binary_search_by(|(known, _)| known.as_str().cmp(name)).is_err())
            .cloned()
            .collect();
        changed.extend(gone.into_iter().map(|name| (Some(name), Vec::new())));
        changed.extend(sources.into_iter().filter_map(|(name, state)| {
            let families = state.lock().changed_families(steady)?;
            Some((Some(Arc::clone(name.as_arc())), families))
        }));
        exposition.put_all(changed);
        let next = Published::new(&exposition);
        next.prepare_like(&self.current());
        self.current.store(Arc::new(next));
    }

    fn source(&self, name: &str) -> Option<Arc<Mutex<SourceState>>> {
        self.sources.read().get(name).cloned()
    }

    fn sources(&self) -> Vec<(SourceName, Arc<Mutex<SourceState>>)> {
        let sources = self.sources.read();
        sources.iter().map(|(name, state)| (name.clone(), Arc::clone(state))).collect()
    }
}
