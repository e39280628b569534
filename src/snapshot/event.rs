//! Which changes of a source are logged: each change of its status, rather than each failed probe, and each problem that
//! is new.

use std::collections::BTreeSet;
use std::time::SystemTime;

use platform_core::probe::{Problem, Reason};

use super::status::Status;

/// An event to log: a status change, or an additional problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The status now.
    pub status: Status,
    /// Since when the source has had this status.
    pub since: SystemTime,
    /// The current problems, with text for people.
    pub problems: Vec<Problem>,
}

impl Event {
    /// The reasons of its problems, each once.
    pub fn reasons(&self) -> Vec<Reason> {
        reasons(&self.problems)
    }
}

/// The reasons of problems, each once.
pub(super) fn reasons<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Vec<Reason> {
    problems.into_iter().map(|problem| problem.reason).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether a change of the status is logged. The first success is expected, and is not.
pub(super) fn is_change(was: Status, status: Status) -> bool {
    status != was && (was, status) != (Status::Unknown, Status::Up)
}

/// The problems logged since the source was last up, each with its query if it has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Reported(BTreeSet<(Reason, Option<String>)>);

impl Reported {
    /// Remembers the problems of a status, and returns whether there is a new one among them.
    pub(super) fn has_news(&mut self, status: Status, problems: &[(Option<String>, Problem)]) -> bool {
        if status == Status::Up {
            self.0.clear();
        }
        let mut news = false;
        for (query, problem) in problems {
            let is_news = self.0.insert((problem.reason, query.clone()));
            // That a query fails has been reported; in time, its last result is too old as well.
            news |= is_news && (problem.reason != Reason::Stale || query.is_none());
        }
        news
    }
}
