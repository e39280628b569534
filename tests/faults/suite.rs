//! The cells of one kind: one after the other, on the same servers, with the same exporter.

use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::thread;

use futures_util::FutureExt;
use futures_util::future::join_all;
use libtest_mimic::Trial;
use tokio::sync::{OnceCell, mpsc, oneshot};

use super::gate::World;
use super::kinds::{self, Kind};
use super::matrix::{Fault, Shown};
use super::runner::{Measured, Running};

/// What was measured of the cells of each kind that have passed.
pub(crate) type Outcomes = Vec<(Kind, BTreeMap<Fault, Measured>)>;

/// A test that waits for its cell.
struct Request {
    fault: Fault,
    shown: Shown,
    answer: oneshot::Sender<thread::Result<Result<Measured, String>>>,
}

/// The servers and the exporter of a kind.
enum State {
    Stopped,
    Running(Box<Running>),
    /// They were started for this cell, in vain.
    Broken(Fault),
}

pub(crate) struct Suite {
    kind: Kind,
    requests: mpsc::Receiver<Request>,
    state: State,
}

/// Every cell as a test, and what runs them.
pub(crate) fn all() -> (Vec<Trial>, Vec<Suite>) {
    let mut trials = Vec::new();
    let suites = kinds::ALL.map(|kind| {
        let (sender, requests) = mpsc::channel(Fault::ALL.len());
        for &fault in Fault::ALL {
            let Some(shown) = (kind.cell)(fault).shown else { continue };
            let sender = sender.clone();
            trials.push(Trial::test(kind.test(fault), move || {
                let (answer, answered) = oneshot::channel();
                let _ = sender.blocking_send(Request { fault, shown, answer });
                // The suite starts once every test of its kind has asked, or is filtered out.
                drop(sender);
                let outcome = answered.blocking_recv().expect("every request is answered");
                outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
                Ok(())
            }));
        }
        Suite { kind, requests, state: State::Stopped }
    });
    (trials, suites.into())
}

/// Runs the suites side by side, on this thread: the servers end with the thread that has started them.
pub(crate) fn run(suites: Vec<Suite>) -> Outcomes {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let world = OnceCell::new();
    runtime.block_on(join_all(suites.into_iter().map(|suite| suite.run(&world))))
}

impl Suite {
    async fn run(mut self, world: &OnceCell<World>) -> (Kind, BTreeMap<Fault, Measured>) {
        let mut requests = Vec::new();
        while let Some(request) = self.requests.recv().await {
            requests.push(request);
        }
        requests.sort_by_key(|request| request.fault);
        let mut measured = BTreeMap::new();
        for Request { fault, shown, answer } in requests {
            let outcome = AssertUnwindSafe(self.cell(fault, shown, world)).catch_unwind().await;
            if let Ok(Ok(found)) = &outcome {
                measured.insert(fault, *found);
            }
            let _ = answer.send(outcome);
        }
        (self.kind, measured)
    }

    async fn cell(
        &mut self,
        fault: Fault,
        shown: Shown,
        world: &OnceCell<World>,
    ) -> Result<Measured, String> {
        let mut running = match mem::replace(&mut self.state, State::Broken(fault)) {
            State::Running(running) => running,
            State::Stopped => {
                Box::new(Running::start(&self.kind, world.get_or_init(World::start).await).await)
            }
            State::Broken(first) => {
                self.state = State::Broken(first);
                return Err(format!("not run, as the servers did not start for {}", self.kind.test(first)));
            }
        };
        // A cell that fails leaves nothing to the next one, which starts everything itself.
        self.state = State::Stopped;
        let measured = running.run(fault, shown).await?;
        self.state = State::Running(running);
        Ok(measured)
    }
}
