//! What the driver's and the server's errors mean.

use platform_core::failure_reason;
use platform_core::probe::{Problem, Reason};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why an exchange failed.
#[derive(Debug)]
pub(super) enum SqlFailure {
    /// The server rejected it; the session stays usable.
    Refused {
        /// The SQLSTATE.
        code: String,
        problem: Problem,
    },
    /// The session is gone.
    Lost(Problem),
}

impl From<SqlFailure> for Problem {
    fn from(failure: SqlFailure) -> Self {
        match failure {
            SqlFailure::Refused { problem, .. } | SqlFailure::Lost(problem) => problem,
        }
    }
}

pub(super) fn failure(error: sqlx::Error) -> SqlFailure {
    let problem = problem(&error);
    match server_error(&error) {
        Some(error) if !is_fatal(error) => SqlFailure::Refused { code: error.code().to_owned(), problem },
        _ => SqlFailure::Lost(problem),
    }
}

pub(super) fn problem(error: &sqlx::Error) -> Problem {
    if let Some(error) = server_error(error) {
        return server_problem(error);
    }
    let reason = failure_reason::network_reason(error).unwrap_or(Reason::Protocol);
    Problem::new(reason, failure_reason::describe(error))
}

fn server_error(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

fn is_fatal(error: &PgDatabaseError) -> bool {
    matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// The driver's text ends in a line number of the server's source: code and message are more useful.
fn server_problem(error: &PgDatabaseError) -> Problem {
    let (code, message) = (error.code(), error.message());
    let reason = match code {
        // By statement_timeout, or by lock_timeout.
        "57014" | "55P03" => Reason::Timeout,
        // The second is a write in a read-only transaction.
        "42501" | "25006" => Reason::Permission,
        "3D000" => Reason::NotFound,
        // PgBouncer uses this one code for all client errors.
        "08P01" if message.contains("authentication failed") => Reason::Auth,
        "08P01" if is_fatal(error) => Reason::Protocol,
        _ if code.starts_with("28") => Reason::Auth,
        _ if is_fatal(error) => Reason::Connect,
        _ => Reason::Query,
    };
    let hint = match message.contains("unsupported startup parameter") {
        true => "; for PgBouncer, set `pgbouncer: true`",
        false => "",
    };
    Problem::new(reason, format!("{code}: {message}{hint}"))
}
