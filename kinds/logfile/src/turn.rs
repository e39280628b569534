//! One turn on the files at a time, off the runtime: a hanging read blocks nothing else, and does not pile up. While
//! there is a backlog, turns follow one another without waiting for the next probe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use platform_core::off_thread::{self, CurrentFile, Wait};
use platform_core::probe::{Problem, Reason};
use tokio::sync::{Mutex, oneshot};

use super::follower::{Follower, Plan};

/// A follower shared by the prober and the query lane.
#[derive(Debug)]
pub(super) struct Turns {
    plan: Plan,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Option<Follower>,
    /// A running turn, or several in a row. It continues if its caller has gone.
    running: Option<oneshot::Receiver<Follower>>,
    /// Ends a row of turns.
    is_wanted: Arc<AtomicBool>,
    file: CurrentFile,
    hangs: AtomicBool,
}

impl Turns {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, state: Mutex::default() }
    }

    /// Runs a turn, then reads its results.
    pub(super) async fn take<T>(&self, read: impl FnOnce(&Follower) -> T) -> Result<T, Problem> {
        let mut state = self.state.lock().await;
        state.is_wanted.store(true, Ordering::Relaxed);
        if state.running.is_some() {
            state.finish().await?;
        }
        // What was left over from an earlier deadline or read meanwhile may be old, unless more is being read anyway.
        if !state.is_behind() {
            let mut follower = state.idle.take().unwrap_or_else(|| Follower::new(self.plan.clone()));
            let file = state.file.clone();
            state.running = Some(off_thread::spawn(move || {
                follower.advance(&file);
                follower
            }));
        }
        let result = state.finish().await.map(read);
        state.catch_up();
        result
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }
}

impl State {
    async fn finish(&mut self) -> Result<&Follower, Problem> {
        if let Some(running) = &mut self.running {
            let wait = Wait::begin(&self.file, &self.hangs);
            let result = running.await;
            wait.end();
            self.running = None;
            self.idle = result.ok();
        }
        self.idle.as_ref().ok_or_else(|| Problem::new(Reason::Internal, "reading the files panicked"))
    }

    fn is_behind(&self) -> bool {
        self.idle.as_ref().is_some_and(Follower::is_behind)
    }

    /// Reads a backlog until all is read, or the follower is wanted.
    fn catch_up(&mut self) {
        let Some(mut follower) = self.idle.take_if(|follower| follower.is_behind()) else { return };
        self.is_wanted = Arc::default();
        let (file, is_wanted) = (self.file.clone(), Arc::clone(&self.is_wanted));
        self.running = Some(off_thread::spawn(move || {
            while follower.is_behind() && !is_wanted.load(Ordering::Relaxed) {
                follower.advance(&file);
            }
            follower
        }));
    }
}
