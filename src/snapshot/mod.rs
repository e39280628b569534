//! The store of what every source last said, and the one exposition made of it.

mod health;
mod own;
mod published;
mod state;

pub use health::catalogue as health_catalogue;
pub use own::catalogue as own_catalogue;
pub use published::{Coding, Published};
pub use state::{Change, Event, QueryRun, SourceState, Status};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::config::Config;
use crate::metric::Exposition;
use crate::setting::SourceName;

/// What every source last said. Readers never wait for a source, and writers only for each other.
pub struct Store {
    sources: BTreeMap<SourceName, Mutex<SourceState>>,
    started: SystemTime,
    changed: Notify,
    current: ArcSwap<Published>,
}

/// Changes that come closer together than this are published together.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// The exporter's own process metrics are renewed at least this often.
const RENEW_EVERY: Duration = Duration::from_secs(5);

impl Store {
    /// A store in which every configured source is there, with its status unknown.
    pub fn new(config: &Config, now: SystemTime) -> Self {
        let mut sources: BTreeMap<_, _> = config
            .sources()
            .iter()
            .map(|(name, source)| (name.clone(), SourceState::new(source, now)))
            .collect();
        for query in config.queries() {
            if let Some(state) = sources.get_mut(query.ask.source()) {
                state.expect_query(query);
            }
        }
        let store = Self {
            sources: sources.into_iter().map(|(name, state)| (name, Mutex::new(state))).collect(),
            started: now,
            changed: Notify::new(),
            current: ArcSwap::default(),
        };
        store.publish();
        store
    }

    /// Changes the state of a source, and has the change published soon.
    ///
    /// # Panics
    /// When the source is not in the configuration that the store was made from.
    pub fn update<R>(&self, name: &SourceName, change: impl FnOnce(&mut SourceState) -> R) -> R {
        let result = change(&mut self.lock(name.as_str()));
        self.changed.notify_one();
        result
    }

    /// The state of a source as it is now.
    pub fn state(&self, name: &str) -> Option<SourceState> {
        self.sources.contains_key(name).then(|| self.lock(name).clone())
    }

    /// The states of all sources, by name.
    pub fn states(&self) -> Vec<(SourceName, SourceState)> {
        self.sources.keys().map(|name| (name.clone(), self.lock(name.as_str()).clone())).collect()
    }

    /// Whether every source has been probed at least once.
    pub fn is_ready(&self) -> bool {
        self.sources.keys().all(|name| self.lock(name.as_str()).status() != Status::Unknown)
    }

    /// What `/metrics` says now.
    pub fn current(&self) -> Arc<Published> {
        self.current.load_full()
    }

    /// Publishes changes as they come, until dropped.
    pub async fn keep_published(self: Arc<Self>) {
        loop {
            // Neither outcome is a fault: a change came, or it is time to renew the process metrics.
            let _ = tokio::time::timeout(RENEW_EVERY, self.changed.notified()).await;
            let store = Arc::clone(&self);
            let published = tokio::task::spawn_blocking(move || store.publish()).await;
            if let Err(error) = published {
                tracing::error!(%error, "the exposition could not be made");
            }
            tokio::time::sleep(PUBLISH_EVERY).await;
        }
    }

    fn publish(&self) {
        let now = SystemTime::now();
        let mut exposition = Exposition::default();
        exposition.add(None, own::families(self.started).into_iter().map(Arc::new));
        for name in self.sources.keys() {
            let families = self.lock(name.as_str()).families(now);
            exposition.add(Some(name.as_arc()), families);
        }
        let next = Published::new(exposition);
        next.prepare_like(&self.current());
        self.current.store(Arc::new(next));
    }

    fn lock(&self, name: &str) -> MutexGuard<'_, SourceState> {
        // A state is changed by plain assignments: there is no half-made one to be afraid of.
        self.sources[name].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
