//! Blocking work that may hang, as reading a file on a network file system does, on a thread of its own.
//!
//! Tokio's pool for blocking calls is shared with name look-ups: a few files that hang would fill it, and every source
//! would wait.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

/// Work that takes longer than this is given up by whoever waits for it. It may still end later.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Work that somebody gave up after this time is named in the log.
pub const NOTABLE: Duration = Duration::from_millis(500);

/// As much as the main thread has: a configuration is decoded by recursion, up to its limit of depth.
const STACK: usize = 8 << 20;

/// The file that the work is at.
#[derive(Clone, Debug, Default)]
pub struct CurrentFile(Arc<Mutex<PathBuf>>);

impl CurrentFile {
    /// Takes note of the file that is opened next.
    pub fn set(&self, path: &Path) {
        path.clone_into(&mut lock(&self.0));
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        lock(&self.0).display().to_string()
    }
}

/// Why blocking work gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffThreadError {
    /// It takes too long.
    #[error("cannot read {file}: the file system does not answer")]
    Hangs {
        /// The file that it is at.
        file: String,
    },
    /// There is no thread for it, or its thread panicked.
    #[error("cannot read {file}: no thread could do it")]
    NoThread {
        /// The file that it was at.
        file: String,
    },
}

/// Starts work on a thread of its own. The receiver fails where there is no thread left, or the work panics.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    let work = move || drop(sender.send(work()));
    // Without a thread the sender is dropped, which is what the receiver reports.
    drop(thread::Builder::new().name("blocking".to_owned()).stack_size(STACK).spawn(work));
    receiver
}

/// Does work before there is a runtime, within a limit of time.
///
/// # Errors
/// When it takes longer.
pub fn wait<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(&CurrentFile) -> T + Send + 'static,
) -> Result<T, OffThreadError> {
    let (sender, receiver) = mpsc::channel();
    let file = CurrentFile::default();
    let current = file.clone();
    drop(spawn(move || drop(sender.send(work(&current)))));
    receiver.recv_timeout(limit).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => OffThreadError::Hangs { file: file.name() },
        mpsc::RecvTimeoutError::Disconnected => OffThreadError::NoThread { file: file.name() },
    })
}

/// Names the file in the log when whoever waits for blocking work gives up. Once for each time that it hangs.
pub struct Wait<'a> {
    file: &'a CurrentFile,
    is_reported: &'a AtomicBool,
    since: Instant,
}

impl<'a> Wait<'a> {
    /// Begins to wait.
    pub fn begin(file: &'a CurrentFile, is_reported: &'a AtomicBool) -> Self {
        Self { file, is_reported, since: Instant::now() }
    }

    /// The work has ended.
    pub fn end(self) {
        self.is_reported.store(false, Ordering::Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= NOTABLE && !self.is_reported.swap(true, Ordering::Relaxed) {
            let file = self.file.name();
            tracing::warn!(event = "file.hangs", file, "the file system does not answer");
        }
    }
}

/// Work that is done again and again, at most once at a time: however often it is asked for while it hangs, it takes
/// one thread. Clones share that thread.
#[derive(Debug)]
pub struct OffThread<T>(Arc<Mutex<Option<Running<T>>>>);

#[derive(Debug)]
struct Running<T> {
    result: watch::Receiver<Option<T>>,
    since: Instant,
    file: CurrentFile,
    is_reported: Arc<AtomicBool>,
}

impl<T> Running<T> {
    fn is_over(&self) -> bool {
        // Without a value at its end, it panicked.
        self.result.borrow().is_some() || self.result.has_changed().is_err()
    }
}

impl<T> Clone for Running<T> {
    fn clone(&self) -> Self {
        let Self { result, since, file, is_reported } = self;
        Self {
            result: result.clone(),
            since: *since,
            file: file.clone(),
            is_reported: Arc::clone(is_reported),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> OffThread<T> {
    /// Does the work, or waits for the end of the same work that somebody else began.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn run(
        &self,
        work: impl FnOnce(&CurrentFile) -> T + Send + 'static,
    ) -> Result<T, OffThreadError> {
        self.run_within(LONGEST_WAIT, work).await
    }

    /// As [`Self::run`], with another limit.
    ///
    /// # Errors
    /// When it takes longer.
    pub async fn run_within(
        &self,
        limit: Duration,
        work: impl FnOnce(&CurrentFile) -> T + Send + 'static,
    ) -> Result<T, OffThreadError> {
        let Running { mut result, file, is_reported, .. } = self.running(work);
        let wait = Wait::begin(&file, &is_reported);
        match tokio::time::timeout(limit, result.wait_for(Option::is_some)).await {
            Ok(Ok(value)) => {
                wait.end();
                value.clone().ok_or_else(|| OffThreadError::NoThread { file: file.name() })
            }
            Ok(Err(_)) => {
                wait.end();
                Err(OffThreadError::NoThread { file: file.name() })
            }
            Err(_) => Err(OffThreadError::Hangs { file: file.name() }),
        }
    }

    /// Whether work is under way that should have ended long ago.
    pub fn hangs(&self) -> bool {
        let running = lock(&self.0);
        running.as_ref().is_some_and(|running| !running.is_over() && running.since.elapsed() >= NOTABLE)
    }

    fn running(&self, work: impl FnOnce(&CurrentFile) -> T + Send + 'static) -> Running<T> {
        let mut running = lock(&self.0);
        if let Some(running) = running.as_ref().filter(|running| !running.is_over()) {
            return running.clone();
        }
        let (sender, result) = watch::channel(None);
        let file = CurrentFile::default();
        let current = file.clone();
        drop(spawn(move || sender.send_replace(Some(work(&current)))));
        running.insert(Running { result, since: Instant::now(), file, is_reported: Arc::default() }).clone()
    }
}

impl<T> Clone for OffThread<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for OffThread<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are plainly assigned: none is ever half made.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
