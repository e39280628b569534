//! Outcomes of connections: the driver only learns that there is none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use platform_core::probe::{Problem, Reason};

/// Servers may name any number of members; at most this many are remembered.
const MOST_ADDRESSES: usize = 1_000;

/// A connection that takes longer hangs.
const QUICK: Duration = Duration::from_secs(1);

/// Why connections failed, by the driver's name of the server: `host:port`.
#[derive(Clone, Default)]
pub(crate) struct Outcomes(Arc<Mutex<Failures>>);

#[derive(Default)]
struct Failures {
    by_address: HashMap<String, Problem>,
    /// Since when a server is being connected to.
    dialing: HashMap<String, Instant>,
    unreachable: Option<(Instant, Problem)>,
    refused: Option<(Instant, Problem)>,
}

impl Outcomes {
    /// Why the last attempt to reach a server failed, unless it succeeded; that the last connection ended without an
    /// answer; or that an attempt lasts. The driver itself only knows how the connection before it ended.
    pub(crate) fn of(&self, address: &str) -> Option<Problem> {
        self.with(|failures| {
            let hangs = failures.dialing.get(address).is_some_and(|since| since.elapsed() > QUICK);
            failures.by_address.get(address).cloned().or_else(|| hangs.then(timeout))
        })
    }

    /// A connection is being made.
    pub(super) fn dialing(&self, address: &str) {
        self.with(|failures| {
            if failures.dialing.len() < MOST_ADDRESSES {
                failures.dialing.entry(address.to_owned()).or_insert_with(Instant::now);
            }
        });
    }

    /// It has been made, or not.
    pub(super) fn dialed(&self, address: &str) {
        self.with(|failures| failures.dialing.remove(address));
    }

    /// Why connecting to a server failed, unless that is longer ago than this.
    pub(crate) fn unreachable_since(&self, begin: Instant) -> Option<Problem> {
        self.with(|failures| since(begin, failures.unreachable.as_ref()))
    }

    /// Why a message was not passed on, unless that is longer ago than this.
    pub(crate) fn refused_since(&self, begin: Instant) -> Option<Problem> {
        self.with(|failures| since(begin, failures.refused.as_ref()))
    }

    pub(super) fn unreachable(&self, address: &str, problem: Problem) {
        self.with(|failures| {
            failures.unreachable = Some((Instant::now(), problem.clone()));
            failures.note(address, problem);
        });
    }

    pub(super) fn refused(&self, address: &str, problem: Problem) {
        self.with(|failures| {
            failures.refused = Some((Instant::now(), problem.clone()));
            failures.note(address, problem);
        });
    }

    /// The reader has closed a connection because an answer did not come: to the driver, the server has closed it.
    pub(super) fn unanswered(&self, address: &str) {
        self.with(|failures| failures.note(address, timeout()));
    }

    pub(super) fn forget(&self, address: &str) {
        self.with(|failures| failures.by_address.remove(address));
    }

    fn with<T>(&self, run: impl FnOnce(&mut Failures) -> T) -> T {
        run(&mut self.0.lock())
    }
}

impl Failures {
    fn note(&mut self, address: &str, problem: Problem) {
        if self.by_address.len() >= MOST_ADDRESSES {
            self.by_address.clear();
        }
        self.by_address.insert(address.to_owned(), problem);
    }
}

fn timeout() -> Problem {
    Problem::new(Reason::Timeout, "no answer in time")
}

fn since(begin: Instant, failure: Option<&(Instant, Problem)>) -> Option<Problem> {
    failure.filter(|(at, _)| *at >= begin).map(|(_, problem)| problem.clone())
}
