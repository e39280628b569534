//! Where the driver's tasks of one client run, and how they end.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The runtime of a client. The driver bounds how long connecting takes, but not the greeting that follows, and nothing
/// ends a task that waits for it but the end of its runtime.
pub(super) struct Tasks {
    runtime: Mutex<Option<Runtime>>,
    ended: CancellationToken,
    users: TaskTracker,
}

impl Tasks {
    pub(super) fn new() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("mongodb").enable_all().build()?;
        let (ended, users) = (CancellationToken::new(), TaskTracker::new());
        users.close();
        Ok(Self { runtime: Mutex::new(Some(runtime)), ended, users })
    }

    /// Runs something that begins tasks.
    pub(super) fn start<T>(&self, run: impl FnOnce() -> T) -> T {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let _entered = runtime.as_ref().map(Runtime::enter);
        run()
    }

    /// Takes note of someone who asks through the client, until the token is dropped.
    pub(super) fn used(&self) -> TaskTrackerToken {
        self.users.token()
    }

    /// Waits until whoever asks through the client has to stop.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Ends who asks through the client and all its tasks, and with them its connections. What takes longer than this,
    /// such as looking up a name, ends later.
    pub(super) async fn end(&self, within: Duration) {
        self.ended.cancel();
        // They have nothing else to wait for than to be dropped.
        self.users.wait().await;
        if let Some(runtime) = self.take() {
            // It can only fail where everything ends.
            let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(within)).await;
        }
    }

    fn take(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}
