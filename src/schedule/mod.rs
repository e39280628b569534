//! The loops: one task for each source, each query lane, each declared query and each roll-up.

mod assembly;
mod event;
mod query;
mod roll_up;
mod source;

pub use assembly::{Assembly, assemble};
pub use query::ask;
pub use roll_up::{RollUpKeeper, check_roll_up};
pub use source::probe_once;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::setting::SourceName;
use crate::snapshot::Store;

/// Someone waits for a probe of a source to end.
type Waiter = oneshot::Sender<()>;

/// More requests for a probe than this at once wait before they enter the queue.
const WAITERS: usize = 32;

/// First runs are spread over this time, so that a start is no burst of connections.
const SPREAD: Duration = Duration::from_secs(2);

/// The asking ends of the running loops.
pub struct Schedule {
    requests: BTreeMap<SourceName, mpsc::Sender<Waiter>>,
}

impl Schedule {
    /// Starts every loop on the current runtime. All end when `stop` is cancelled.
    pub fn start(
        config: &Config,
        assembly: Assembly,
        store: &Arc<Store>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        for (inbox, answers) in assembly.inboxes {
            tasks.spawn(stop.clone().run_until_cancelled_owned(inbox.serve(answers)));
        }
        let mut first = starts(config.sources().len() + config.queries().len() + config.roll_ups().len());
        let mut requests = BTreeMap::new();
        for (name, prober) in assembly.probers {
            let (sender, receiver) = mpsc::channel(WAITERS);
            let source = &config.sources()[&name];
            let task = source::SourceLoop::new(name.clone(), source, prober, Arc::clone(store), receiver);
            tasks.spawn(stop.clone().run_until_cancelled_owned(task.run(first())));
            requests.insert(name, sender);
        }
        for declared in config.queries() {
            let task = query::run(declared.clone(), assembly.lanes.clone(), Arc::clone(store), first());
            tasks.spawn(stop.clone().run_until_cancelled_owned(task));
        }
        for roll_up in config.roll_ups() {
            let watched = roll_up::watched(roll_up, config);
            let task = roll_up::run(roll_up.clone(), watched, Arc::clone(store), first());
            tasks.spawn(stop.clone().run_until_cancelled_owned(task));
        }
        Self { requests }
    }

    /// Has a source probed now, or joins the probe that is under way, and waits for its end.
    ///
    /// Returns `None` when there is no such source, else whether the probe has ended by the deadline.
    pub async fn probe_now(&self, name: &str, deadline: Instant) -> Option<bool> {
        let requests = self.requests.get(name)?;
        let (sender, ended) = oneshot::channel();
        let probe = async {
            requests.send(sender).await.ok()?;
            ended.await.ok()
        };
        Some(matches!(tokio::time::timeout_at(deadline, probe).await, Ok(Some(()))))
    }
}

/// The times of `count` first runs, one by one.
fn starts(count: usize) -> impl FnMut() -> Instant {
    let step = SPREAD / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let mut next = Instant::now();
    move || {
        let start = next;
        next += step;
        start
    }
}
