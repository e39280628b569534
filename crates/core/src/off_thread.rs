//! Blocking work that may hang, such as reading from a network file system, on a thread of its own.
//!
//! Tokio's pool for blocking calls is shared with DNS lookups: a few hanging files would fill it, and all sources would
//! wait.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

/// The caller stops waiting for work after this time. It may still finish later.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Work that was given up after this time is logged.
pub const NOTABLE: Duration = Duration::from_millis(500);

/// As large as that of the main thread: decoding a configuration is recursive, up to its depth limit.
const STACK: usize = 8 << 20;

/// The file being processed.
#[derive(Clone, Debug, Default)]
pub struct CurrentFile(Arc<Mutex<PathBuf>>);

impl CurrentFile {
    /// Records the file that is opened next.
    pub fn set(&self, path: &Path) {
        path.clone_into(&mut self.0.lock());
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        self.0.lock().display().to_string()
    }
}

/// Why blocking work has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffThreadError {
    /// It took too long.
    #[error("cannot read {file}: the file system does not answer")]
    Hangs {
        /// The file being read.
        file: String,
    },
    /// There is no thread for it, or its thread panicked.
    #[error("cannot read {file}: no thread available")]
    NoThread {
        /// The file that was being read.
        file: String,
    },
}

/// Starts work on a thread of its own. The receiver fails if there is no thread left, or the work panics.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    let work = move || drop(sender.send(work()));
    // Without a thread the sender is dropped, which is what the receiver reports.
    drop(thread::Builder::new().name("blocking".to_owned()).stack_size(STACK).spawn(work));
    receiver
}

/// Runs work before there is a runtime, with a time limit.
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

/// Logs the file when waiting for blocking work is given up, once each time it hangs.
pub struct Wait<'a> {
    file: &'a CurrentFile,
    is_reported: &'a AtomicBool,
    since: Instant,
}

impl<'a> Wait<'a> {
    /// Starts waiting.
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

/// Repeated work that runs at most once at a time: however often it is requested while it hangs, it uses one thread.
/// Clones share that thread.
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
        // If it ended without a value, it panicked.
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
    /// Runs the work, or waits for a run already in progress.
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
                let value = value.clone();
                self.forget_what_is_over();
                value.ok_or_else(|| OffThreadError::NoThread { file: file.name() })
            }
            Ok(Err(_)) => {
                wait.end();
                Err(OffThreadError::NoThread { file: file.name() })
            }
            Err(_) => Err(OffThreadError::Hangs { file: file.name() }),
        }
    }

    /// Whether work in progress is long overdue.
    pub fn hangs(&self) -> bool {
        let running = self.0.lock();
        running.as_ref().is_some_and(|running| !running.is_over() && running.since.elapsed() >= NOTABLE)
    }

    /// Whoever waits for a result has it by then: it may be large, or a secret.
    fn forget_what_is_over(&self) {
        let over = self.0.lock().take_if(|running| running.is_over());
        drop(over);
    }

    fn running(&self, work: impl FnOnce(&CurrentFile) -> T + Send + 'static) -> Running<T> {
        let mut running = self.0.lock();
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
