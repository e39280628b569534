//! One turn at a time on the files, off the runtime: a read that hangs blocks nothing, and does not pile up.

use std::sync::atomic::AtomicBool;

use platform_core::off_thread::{self, CurrentFile, Wait};
use platform_core::probe::{Problem, Reason};
use tokio::sync::{Mutex, oneshot};

use super::follower::{Follower, Plan};

/// A follower that the prober and the query lane share.
#[derive(Debug)]
pub(super) struct Turns {
    plan: Plan,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Option<Follower>,
    /// A turn under way. It stays when whoever waited for it has left.
    running: Option<oneshot::Receiver<Follower>>,
    file: CurrentFile,
    hangs: AtomicBool,
}

impl Turns {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, state: Mutex::default() }
    }

    /// Takes a turn, then reads what came of it.
    pub(super) async fn take<T>(&self, read: impl FnOnce(&Follower) -> T) -> Result<T, Problem> {
        let mut state = self.state.lock().await;
        if state.running.is_some() {
            // Left over from a deadline: its result may be old, so another turn follows.
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
