//! Heartbeats that workers push to the exporter: judged by its own clock, and kept across restarts.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use platform_core::heartbeat::{Heartbeat, Heartbeats, LARGEST, Refused, Signal};
use platform_core::metric::{Desc, Families, timestamp};
use platform_core::off_thread;
use platform_core::probe::{Problem, Reason};
use platform_core::{state_file, time};
use tokio::sync::oneshot;

use super::worker::{Seen, Worker, WorkerList};

/// A worker silent for ten times its limit, and for at least a day, is forgotten.
const FORGOTTEN_AFTER: u32 = 10;
const SHORTEST_MEMORY: Duration = Duration::from_secs(86_400);

/// Refused heartbeats are a problem for this long: long enough for an alert.
const REPORTED: Duration = Duration::from_secs(900);

pub(super) const REFUSED: Desc = Desc::counter(
    "worker_heartbeats_refused_total",
    &["class"],
    "Pushed heartbeats of new workers that were refused because 10,000 workers of the class are known.",
);

/// The states of workers that push.
pub(super) const STATES: [&str; 3] = ["failed", "running", "succeeded"];

/// The content of the state file: the workers of each class.
type Kept = BTreeMap<String, Vec<(String, Heartbeat)>>;

/// The pushed heartbeats of a source's classes.
#[derive(Debug)]
pub(super) struct Pushed {
    heartbeats: Arc<Heartbeats>,
    classes: Vec<String>,
    state_file: Option<PathBuf>,
    /// The content of the state file.
    saved: Option<Kept>,
    /// A running write. It continues after its probe's deadline: another one would hang as well.
    saving: Option<oneshot::Receiver<io::Result<()>>>,
    /// Since when the exporter has listened for each class; empty before the first look.
    listening_since: BTreeMap<String, f64>,
}

impl Pushed {
    pub(super) fn new(
        heartbeats: Arc<Heartbeats>,
        classes: Vec<String>,
        state_file: Option<PathBuf>,
    ) -> Self {
        let state_file = state_file.filter(|_| !classes.is_empty());
        Self { heartbeats, classes, state_file, saved: None, saving: None, listening_since: BTreeMap::new() }
    }

    /// Restores the state from before a restart.
    pub(super) async fn begin(&mut self) {
        if !self.listening_since.is_empty() {
            return;
        }
        let path = self.state_file.clone();
        let kept = off_thread::spawn(move || path.and_then(|path| state_file::load::<Kept>(&path)));
        let kept = kept.await.ok().flatten().unwrap_or_default();
        let now = time::now();
        for class in &self.classes {
            // Existing entries were received by this process, under an earlier configuration.
            let first =
                self.heartbeats.of_class(class).iter().map(|(_, beat)| timestamp(beat.at)).reduce(f64::min);
            self.listening_since.insert(class.clone(), first.unwrap_or(now));
        }
        for class in &self.classes {
            for (worker, beat) in kept.get(class).into_iter().flatten() {
                self.heartbeats.restore(class, worker, *beat);
            }
        }
    }

    /// The workers of a class, and whether the exporter has listened long enough to miss one.
    pub(super) fn roll(&self, class: &str, limit: Duration) -> (WorkerList, bool) {
        let now = SystemTime::now();
        if let Some(forgotten) = now.checked_sub((limit * FORGOTTEN_AFTER).max(SHORTEST_MEMORY)) {
            self.heartbeats.forget(class, forgotten);
        }
        let now = timestamp(now);
        let workers =
            self.heartbeats.of_class(class).into_iter().map(|(id, beat)| worker(id, beat)).collect();
        let since = self.listening_since.get(class).copied().unwrap_or(now);
        (WorkerList { workers, now, skew: None }, now - since > limit.as_secs_f64())
    }

    /// Adds how many heartbeats of a class were refused; recent ones are a problem.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    pub(super) fn add_refused(&self, families: &mut Families, class: &str) -> Option<Problem> {
        let Refused { count, last } = self.heartbeats.refused(class);
        families.push(&REFUSED, [class], count as f64);
        let age = SystemTime::now().duration_since(last?).unwrap_or_default();
        (age < REPORTED).then(|| {
            let detail =
                format!("class {class}: {LARGEST} workers are known, and heartbeats of others refused");
            Problem::new(Reason::Cardinality, detail)
        })
    }

    /// Saves the current state.
    pub(super) async fn save(&mut self) -> io::Result<()> {
        let Some(path) = &self.state_file else { return Ok(()) };
        let kept: Kept =
            self.classes.iter().map(|class| (class.clone(), self.heartbeats.of_class(class))).collect();
        if let Some(left) = &mut self.saving {
            // Its result is not about the current state.
            let _ = left.await;
            self.saving = None;
        }
        if self.saved.as_ref() != Some(&kept) {
            let (path, content) = (path.clone(), kept.clone());
            let saving = self.saving.insert(off_thread::spawn(move || state_file::store(&path, &content)));
            let saved = saving.await;
            self.saving = None;
            saved.map_err(io::Error::other)??;
            self.saved = Some(kept);
        }
        Ok(())
    }
}

fn worker(id: String, beat: Heartbeat) -> Worker {
    let failed = matches!(beat.signal, Signal::Fail | Signal::Exit(1..));
    let [fail, running, succeeded] = STATES;
    let state = match beat.signal {
        Signal::Start => running,
        _ if failed => fail,
        _ => succeeded,
    };
    Worker {
        id: Some(id),
        seen: Seen::At(timestamp(beat.at)),
        // A job that reports failures does not do its work, however often it reports.
        verdict: failed.then_some(false),
        progress_at: beat.last_success.map(timestamp),
        state: Some(state.to_owned()),
        ..Worker::default()
    }
}
