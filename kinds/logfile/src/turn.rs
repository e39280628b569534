//! One turn on the files at a time, off the runtime: a hanging read blocks nothing else, and does not pile up.

use std::sync::atomic::AtomicBool;

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
    /// A running turn. It continues if its caller has gone.
    running: Option<oneshot::Receiver<Follower>>,
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
        if state.running.is_some() {
            // Left over from an earlier deadline: its result may be old, so another turn follows.
            state.finish().await?;
        }
        let mut follower = state.idle.take().unwrap_or_else(|| Follower::new(self.plan.clone()));
        let file = state.file.clone();
        state.running = Some(off_thread::spawn(move || {
            follower.advance(&file);
            follower
        }));
        state.finish().await.map(read)
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
}
