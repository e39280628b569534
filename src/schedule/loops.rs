//! What loops are started with, and how one is stopped.

use std::sync::Arc;

use platform_core::supervisor::Supervisor;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assembly::Build;
use super::recorder::Recorder;

/// What loops are started with.
pub(super) struct Loops {
    pub(super) build: Build,
    pub(super) recorder: Recorder,
    pub(super) runtime: Handle,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) supervisor: Supervisor,
}

/// A task that can be stopped individually.
pub(super) struct Task<T> {
    pub(super) stop: CancellationToken,
    pub(super) handle: JoinHandle<T>,
}

impl<T> Task<T> {
    pub(super) async fn end(self) -> Option<T> {
        self.stop.cancel();
        self.handle.await.ok()
    }
}

impl Loops {
    pub(super) fn spawn(
        &self,
        name: impl Into<Arc<str>>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Task<()> {
        let stop = self.stop.child_token();
        let until = stop.clone();
        let work = self.supervisor.clone().watch(name.into(), async move {
            until.run_until_cancelled(work).await;
        });
        let handle = self.tasks.spawn_on(work, &self.runtime);
        Task { stop, handle }
    }
}
