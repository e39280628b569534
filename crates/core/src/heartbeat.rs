//! Heartbeats that workers push: the last one of each worker, its time and result. Pure; time is an argument.

use std::collections::BTreeMap;
use std::time::SystemTime;

use parking_lot::Mutex;

/// What a worker reports with a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Signal {
    /// Alive, or the job is done.
    Success,
    /// A job has started.
    Start,
    /// The job failed.
    Fail,
    /// The job ended with this exit code; 0 is success.
    Exit(u8),
}

/// The last heartbeat of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Heartbeat {
    /// When it arrived.
    pub at: SystemTime,
    /// What it reported.
    pub signal: Signal,
    /// When the worker last reported success.
    pub last_success: Option<SystemTime>,
}

/// The class is full: a new worker was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many workers: {LARGEST} of this class are known")]
pub struct Full;

/// The largest number of workers of a class that can be known at once.
pub const LARGEST: usize = 10_000;

/// The last heartbeat of each worker of each class. One class cannot take the room of another.
#[derive(Debug, Default)]
pub struct Heartbeats(Mutex<BTreeMap<String, Class>>);

#[derive(Debug, Default)]
struct Class {
    workers: BTreeMap<String, Heartbeat>,
    refused: Refused,
}

/// Heartbeats of new workers that were refused because their class is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// When the last one was.
    pub last: Option<SystemTime>,
}

impl Heartbeats {
    /// Records a heartbeat.
    ///
    /// # Errors
    /// When the worker is new and its class is full.
    pub fn record(&self, class: &str, worker: &str, signal: Signal, at: SystemTime) -> Result<(), Full> {
        let mut classes = self.0.lock();
        let Class { workers, refused } = classes.entry(class.to_owned()).or_default();
        let known = workers.get(worker).copied();
        if known.is_none() && workers.len() >= LARGEST {
            *refused = Refused { count: refused.count + 1, last: Some(at) };
            return Err(Full);
        }
        let good = matches!(signal, Signal::Success | Signal::Exit(0));
        let last_success = if good { Some(at) } else { known.and_then(|heartbeat| heartbeat.last_success) };
        workers.insert(worker.to_owned(), Heartbeat { at, signal, last_success });
        Ok(())
    }

    /// Restores a heartbeat from before a restart, unless there is a newer one.
    pub fn restore(&self, class: &str, worker: &str, heartbeat: Heartbeat) {
        let mut classes = self.0.lock();
        let workers = &mut classes.entry(class.to_owned()).or_default().workers;
        if workers.len() < LARGEST {
            workers.entry(worker.to_owned()).or_insert(heartbeat);
        }
    }

    /// The workers of a class with their last heartbeats.
    pub fn of_class(&self, class: &str) -> Vec<(String, Heartbeat)> {
        let classes = self.0.lock();
        let workers = classes.get(class).into_iter().flat_map(|class| &class.workers);
        workers.map(|(worker, heartbeat)| (worker.clone(), *heartbeat)).collect()
    }

    /// What was refused of a class.
    pub fn refused(&self, class: &str) -> Refused {
        self.0.lock().get(class).map(|class| class.refused).unwrap_or_default()
    }

    /// Forgets the workers of a class that were last heard before `limit`.
    pub fn forget(&self, class: &str, limit: SystemTime) {
        if let Some(class) = self.0.lock().get_mut(class) {
            class.workers.retain(|_, heartbeat| heartbeat.at >= limit);
        }
    }
}

/// A heartbeat, parsed from its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The class of the worker.
    pub class: String,
    /// The worker.
    pub worker: String,
    /// What it reports.
    pub signal: Signal,
}

impl Push {
    /// Reads `/heartbeat/CLASS/WORKER`, optionally followed by `/start`, `/fail` or an exit code: the grammar of
    /// <https://healthchecks.io/docs/http_api/>, with class and worker instead of the check's id.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/heartbeat/")?.split('/');
        let (class, worker) = (name(parts.next()?)?, name(parts.next()?)?);
        let signal = match parts.next() {
            None => Signal::Success,
            Some("start") => Signal::Start,
            Some("fail") => Signal::Fail,
            Some(code) => Signal::Exit(code.parse().ok()?),
        };
        parts.next().is_none().then_some(Self { class, worker, signal })
    }
}

/// Whether a text can name a class or a worker: 1 to 128 letters, digits, `_`, `-`, `.`, `:` or `@`.
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:@".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

fn name(text: &str) -> Option<String> {
    is_name(text).then(|| text.to_owned())
}
