//! Large answers: all sources share one thread, and none may keep it from the others for long.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

use crate::off_thread;

/// Work on fewer values takes well below a millisecond: moving the other tasks would cost as much.
const MANY: usize = 2_000;
/// Text that takes about as long as one value.
const BYTES_PER_VALUE: usize = 16;
/// This much of an answer is read without a pause.
const STRETCH: usize = 16 << 10;

/// Runs work on this many cells, samples or other values. If they are many, the other tasks of this thread move to
/// another one meanwhile. No lock may be held that one of them could wait for.
pub fn in_place<T>(values: usize, work: impl FnOnce() -> T) -> T {
    if values < MANY {
        return work();
    }
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => task::block_in_place(work),
        // The runtime of a command, which serves nothing else.
        _ => work(),
    }
}

/// How many values take about as long as a text of this length in bytes.
pub fn of_text(length: usize) -> usize {
    length / BYTES_PER_VALUE
}

/// Drops this many values: on another thread if they are many. For what may be dropped at a deadline.
pub fn discard<T: Send + 'static>(values: usize, dropped: T) {
    if values >= MANY {
        drop(off_thread::spawn(move || drop(dropped)));
    }
}

/// Pauses while an answer is read, so that others can run.
#[derive(Debug, Default)]
pub struct Pace {
    since_pause: usize,
}

impl Pace {
    /// So many bytes were read. Pauses now and then.
    pub async fn read(&mut self, bytes: usize) {
        self.count(bytes);
        if self.is_pause_due() {
            task::yield_now().await;
        }
    }

    /// So many bytes were read.
    pub fn count(&mut self, bytes: usize) {
        self.since_pause += bytes;
    }

    /// Whether it is time for a pause, once.
    pub fn is_pause_due(&mut self) -> bool {
        let is_due = self.since_pause >= STRETCH;
        if is_due {
            self.since_pause = 0;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn other_tasks_go_on_beside_much_work() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a thread");
        let (sender, receiver) = mpsc::channel();
        let work = runtime.spawn(async move {
            // It can only come from another task.
            tokio::spawn(async move { sender.send(()) });
            in_place(MANY, || receiver.recv_timeout(Duration::from_secs(60)))
        });
        assert_eq!(runtime.block_on(work).expect("no panic"), Ok(()));
    }

    /// Whether work and what comes after it stay on one thread.
    async fn stays(values: usize) -> bool {
        let here = || std::thread::current().id();
        let before = here();
        let during = in_place(values, here);
        tokio::task::yield_now().await;
        before == during && during == here()
    }

    #[test]
    fn little_work_and_that_of_a_command_stays_on_its_thread() {
        let sources = Builder::new_multi_thread().worker_threads(1).build().expect("a thread");
        assert!(sources.block_on(sources.spawn(stays(MANY - 1))).expect("no panic"));
        assert!(Builder::new_current_thread().build().expect("a runtime").block_on(stays(MANY)));
        assert_eq!(in_place(MANY, || 1), 1, "without a runtime");
    }

    #[tokio::test]
    async fn an_answer_is_read_in_stretches() {
        let mut pace = Pace::default();
        pace.count(STRETCH - 1);
        assert!(!pace.is_pause_due());
        pace.count(1);
        assert!(pace.is_pause_due() && !pace.is_pause_due());
        let (mut pace, mut pauses) = (Pace::default(), 0);
        for _ in 0..4 {
            let mut read = std::pin::pin!(pace.read(STRETCH / 2));
            if futures_util::poll!(&mut read).is_pending() {
                pauses += 1;
                read.await;
            }
        }
        assert_eq!(pauses, 2);
    }
}
