//! Built-in queries in one message, so that a probe takes one round trip, and the server plans each of them once in a
//! session.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use platform_core::query::{Columns, Rows};
use sqlx::postgres::PgRow;

use super::answer::RowCollector;
use super::failure::SqlFailure;
use super::transaction::{BEGIN, limits, milliseconds};

/// A built-in SELECT, and the columns that are read from its result.
pub(super) type OwnQuery<'a> = (&'a str, &'a Columns);

/// Limits the next query to half of the time that is left of the transaction's, in milliseconds, so that a slow view
/// leaves time for the next ones.
const HALF_OF_WHAT_IS_LEFT: &str = "SELECT set_config('statement_timeout', greatest(1, ($1::float8 - 1000 * \
                                    date_part('epoch', clock_timestamp() - transaction_timestamp())) / 2)::int::text, \
                                    true)";

/// The names of the statements that a session has prepared. `None` where other clients use it between transactions.
pub(super) type Prepared = Option<HashSet<u64>>;

/// A message, and what is known of its answer.
pub(super) struct Batch<'a> {
    queries: &'a [OwnQuery<'a>],
    steps: Vec<Step>,
    /// How many statements have ended.
    done: usize,
    /// How many of them were queries.
    answered: usize,
    current: Option<RowCollector>,
}

/// What a statement of the message does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Belongs to the transaction.
    Frame,
    /// Prepares a query under this name.
    Prepare(u64),
    /// Runs the next query.
    Select,
}

impl<'a> Batch<'a> {
    /// The message, and what reads its answer.
    ///
    /// The search path keeps user-defined functions out of our expressions. Commits, because alerts count rollbacks.
    pub(super) fn new(queries: &'a [OwnQuery<'a>], left: Duration, prepared: &Prepared) -> (String, Self) {
        let mut script = format!("{BEGIN}; {}; SET LOCAL search_path = pg_catalog", limits(left / 2));
        let begun = script.split(';').count();
        let mut steps = vec![Step::Frame; begun];
        let left = milliseconds(left);
        for (sql, _) in queries {
            let Some(prepared) = prepared else {
                let limit = HALF_OF_WHAT_IS_LEFT.replace("$1", &left.to_string());
                let _ = writeln!(script, "; {limit}; {sql}");
                steps.extend([Step::Frame, Step::Select]);
                continue;
            };
            let mut execute = |sql: &str, parameters: fmt::Arguments<'_>, step| {
                let name = name(sql);
                if !prepared.contains(&name) && !steps.contains(&Step::Prepare(name)) {
                    let _ = writeln!(script, "; PREPARE platform_exporter_{name:x} AS {sql}");
                    steps.push(Step::Prepare(name));
                }
                let _ = write!(script, "; EXECUTE platform_exporter_{name:x}{parameters}");
                steps.push(step);
            };
            execute(HALF_OF_WHAT_IS_LEFT, format_args!("({left})"), Step::Frame);
            execute(sql, format_args!(""), Step::Select);
        }
        script.push_str("; COMMIT");
        steps.push(Step::Frame);
        (script, Self { queries, steps, done: 0, answered: 0, current: None })
    }

    /// Takes a row of the current statement, and returns its size on the wire.
    pub(super) fn row(&mut self, row: &PgRow) -> Result<usize, SqlFailure> {
        let (Some(Step::Select), Some((_, columns))) =
            (self.steps.get(self.done), self.queries.get(self.answered))
        else {
            return Ok(0);
        };
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(RowCollector::new(row, columns)?),
        };
        current.push(row)
    }

    /// Goes on to the next statement. Returns the answer of the one that has ended if it was a query.
    pub(super) fn ended(&mut self, prepared: &mut Prepared) -> Option<Rows> {
        let step = self.steps.get(self.done).copied();
        self.done += 1;
        match step? {
            Step::Select => {
                self.answered += 1;
                Some(self.current.take().map(RowCollector::finish).unwrap_or_default())
            }
            Step::Prepare(name) => {
                prepared.as_mut()?.insert(name);
                None
            }
            Step::Frame => None,
        }
    }
}

/// The same for the same text.
pub(super) fn name(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}
