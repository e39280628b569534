//! The answer to a query that has several parts.

use platform_core::probe::{Problem, Reason};
use platform_core::query::Rows;

use super::table::DocumentTable;

/// The rows of an answer, and the problems with its parts.
pub(super) struct CommandAnswer {
    pub(super) rows: Rows,
    pub(super) problems: Vec<Problem>,
}

/// An answer being received.
pub(super) struct Incoming {
    pub(super) table: DocumentTable,
    pub(super) problems: Vec<Problem>,
}

impl Incoming {
    /// Keeps the error of one part; an unreachable server ends the query.
    pub(super) fn note(&mut self, whose: &str, asked: Result<(), Problem>) -> Result<(), Problem> {
        match asked {
            Ok(()) => Ok(()),
            Err(problem) => {
                let problem = problem.context(whose);
                match problem.reason {
                    Reason::Permission
                    | Reason::NotFound
                    | Reason::Query
                    | Reason::Timeout
                    | Reason::Alarm => {
                        self.problems.push(problem);
                        Ok(())
                    }
                    _ => Err(problem),
                }
            }
        }
    }
}
