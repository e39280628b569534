//! The loops: one task for each source, each query lane, each declared query and each roll-up.

mod assembly;
mod backoff;
mod debug_log;
mod fleet;
mod loops;
mod parts;
mod probe_once;
mod query;
mod reconcile;
mod recorder;
mod refusal;
#[cfg_attr(not(feature = "postgres"), path = "no_roll_up.rs")]
mod roll_up;
mod source;
mod status_log;
mod timetable;

pub use assembly::{Assembly, Build, Lanes, assemble, by_kind};
pub use probe_once::{failure_of, probe_and_leave};
pub use query::{ask, plan};
pub use refusal::ProbeRefusal;
#[cfg(feature = "postgres")]
pub use roll_up::RollUpKeeper;
pub use roll_up::check_roll_up;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use platform_core::setting::SourceName;
use platform_core::supervisor::Supervisor;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::fleet::{Fleet, SWEEP_EVERY};
use self::loops::Loops;
use self::reconcile::Running;
use self::recorder::Recorder;
use self::source::ProbeRequests;
use self::status_log::WRITE_EVERY;
use crate::config::{Config, ProbeTarget};
use crate::snapshot::{BEAT_EVERY, SourceState, Store};

/// The running loops.
pub struct Schedule {
    loops: Loops,
    running: Mutex<Running>,
    requests: RwLock<BTreeMap<SourceName, ProbeRequests>>,
    fleet: Arc<Fleet>,
}

impl Schedule {
    /// A schedule without loops. Those that [`Self::apply`] starts run on this runtime, and end when `stop` is
    /// cancelled. Targets of modules take at most half of the file descriptors.
    pub fn new(
        build: Build,
        store: Arc<Store>,
        runtime: Handle,
        tasks: TaskTracker,
        stop: CancellationToken,
        supervisor: Supervisor,
        descriptors: u64,
    ) -> Self {
        let recorder = Recorder { store: Arc::clone(&store), log: Arc::default() };
        let loops = Loops { build, recorder, runtime, tasks, stop, supervisor };
        drop(loops.spawn("clocks", async move {
            loop {
                store.beat();
                tokio::time::sleep(BEAT_EVERY).await;
            }
        }));
        let log = Arc::clone(&loops.recorder.log);
        drop(loops.spawn("status log", async move {
            loop {
                tokio::time::sleep(WRITE_EVERY).await;
                log.write_collected();
            }
        }));
        let fleet = Arc::new(Fleet::new(descriptors));
        let swept = Arc::clone(&fleet);
        drop(loops.spawn("targets", async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                swept.sweep();
            }
        }));
        Self { loops, running: Mutex::default(), requests: RwLock::default(), fleet }
    }

    /// Makes the loops match this configuration: new ones are started, removed ones stopped, changed ones restarted,
    /// and unchanged ones left alone.
    pub async fn apply(&self, config: &Config) {
        let mut running = self.running.lock().await;
        running.end_outdated(config, &self.loops).await;
        running.start_missing(config, &self.loops);
        *self.requests.write() = running.requests();
        self.fleet.apply(config.modules());
    }

    /// Probes a target of a module by the deadline: these collectors, or all that are turned on. A very recent probe is
    /// reused.
    ///
    /// # Errors
    /// Why it is not probed.
    pub async fn probe_target(
        &self,
        module: &str,
        target: ProbeTarget,
        collect: &[String],
        deadline: Instant,
    ) -> Result<SourceState, ProbeRefusal> {
        self.fleet.probe(module, target, collect, deadline, &self.loops).await
    }

    /// Probes these collectors of a source by the deadline, beside its schedule. A very recent probe is reused.
    ///
    /// # Errors
    /// Why it is not probed.
    pub async fn probe_part(
        &self,
        name: &str,
        collect: &[String],
        deadline: Instant,
    ) -> Result<SourceState, ProbeRefusal> {
        let requests = self.requests.read().get(name).cloned();
        requests.ok_or_else(|| ProbeRefusal::NoSource(name.to_owned()))?.part(collect, deadline).await
    }

    /// Probes a source now, or joins the probe in progress, and waits for its end. A very recent probe is reused, which
    /// limits how often clients can trigger probes.
    ///
    /// Returns `None` if there is no such source, else whether the probe has ended by the deadline.
    pub async fn probe_now(&self, name: &str, deadline: Instant) -> Option<bool> {
        let ProbeRequests { sender: requests, fresh_for, .. } = self.requests.read().get(name).cloned()?;
        let now = Instant::now().into_std();
        let name = SourceName::try_from(name.to_owned()).ok()?;
        if self.loops.recorder.store.look(&name, |state| state.is_fresh(now, fresh_for))? {
            return Some(true);
        }
        let (sender, ended) = oneshot::channel();
        let probe = async {
            requests.send(sender).await.ok()?;
            ended.await.ok()
        };
        Some(matches!(tokio::time::timeout_at(deadline, probe).await, Ok(Some(()))))
    }
}
