//! Long-lived tasks, none of which may end unnoticed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;

/// Watches tasks that have to live as long as the process. Clones report to the same receiver.
#[derive(Clone, Debug)]
pub struct Supervisor(mpsc::Sender<Ended>);

/// A task that panicked. The process cannot work without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task `{task}` panicked, and the exporter cannot continue without it")]
pub struct Ended {
    /// The task.
    pub task: Arc<str>,
}

impl Supervisor {
    /// A supervisor, and the receiver of its reports of panicked tasks.
    pub fn new() -> (Self, mpsc::Receiver<Ended>) {
        // The first one is enough.
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Runs a task. A panic is logged and reported; the task is not restarted.
    pub async fn watch(self, task: Arc<str>, work: impl Future<Output = ()> + Send) {
        if AssertUnwindSafe(work).catch_unwind().await.is_err() {
            tracing::error!(event = "task.panicked", %task);
            // There is no receiver during shutdown.
            drop(self.0.try_send(Ended { task }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_reported_and_an_end_is_not() {
        let (supervisor, mut ended) = Supervisor::new();
        supervisor.clone().watch("calm".into(), async {}).await;
        assert!(ended.try_recv().is_err());
        supervisor.watch("loud".into(), async { panic!("on purpose") }).await;
        assert_eq!(ended.try_recv(), Ok(Ended { task: "loud".into() }));
    }
}
