//! Runs the driver's tasks of one client, and ends them.

use std::io;
use std::panic;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The driver decodes a greeting recursively; unused stack takes no memory.
const STACK: usize = 8 << 20;

/// The runtime of a client, on its own thread. The driver limits the time for connecting, but not for the greeting that
/// follows, and only shutting down the runtime ends a task that waits for it.
pub(super) struct Tasks {
    runtime: Handle,
    stopped: CancellationToken,
    /// The tasks and their connections are gone.
    gone: CancellationToken,
    users: TaskTracker,
}

impl Tasks {
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stopped, gone, users) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        users.close();
        let tasks =
            Self { runtime: runtime.handle().clone(), stopped: stopped.clone(), gone: gone.clone(), users };
        thread::Builder::new().name("mongodb".to_owned()).stack_size(STACK).spawn(move || {
            runtime.block_on(stopped.cancelled());
            // Drops the tasks without waiting for the system's resolver.
            runtime.shutdown_background();
            gone.cancel();
        })?;
        Ok(tasks)
    }

    /// Runs something that spawns tasks.
    pub(super) fn start<T>(&self, run: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.enter();
        run()
    }

    /// Uses the client: decoding a large answer takes long, and here no other source waits for that. Ends when it is no
    /// longer waited for. `None` if the client was stopped first.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let work = self.users.track_future(work);
        match AbortOnDropHandle::new(self.runtime.spawn(work)).await {
            Ok(result) => Some(result),
            Err(error) => error.try_into_panic().map_or(None, |panic| panic::resume_unwind(panic)),
        }
    }

    /// Ends the tasks, and stops the users of the client.
    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// Waits until all tasks have ended and the client has no users, so that it has no connections.
    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
        self.users.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
    }
}
