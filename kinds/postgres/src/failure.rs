//! What the driver's and the server's errors mean.

use std::time::Duration;

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

/// The same problem, with the GRANT that a role needs if one is missing.
pub(super) fn with_grant(problem: Problem, role: &str) -> Problem {
    let denied = problem.detail.strip_prefix("42501: permission denied for ");
    let remedy = denied.and_then(|object| object.split_once(' ')).and_then(|(kind, name)| {
        let (kind, name) =
            if kind == "materialized" || kind == "foreign" { name.split_once(' ')? } else { (kind, name) };
        // Only databases are quoted.
        let name = sql_name(name.trim_matches('"'));
        let right = match kind {
            "database" => format!("CONNECT ON DATABASE {name}"),
            "table" | "view" => format!("SELECT ON {name}"),
            "sequence" => format!("SELECT ON SEQUENCE {name}"),
            "schema" => format!("USAGE ON SCHEMA {name}"),
            "function" => format!("EXECUTE ON FUNCTION {name}"),
            _ => return None,
        };
        Some(format!("GRANT {right} TO {};", sql_name(role)))
    });
    problem.fixed_by(remedy)
}

/// The same problem, with the time limit if that was it: the server does not say how long it is.
pub(super) fn with_limit(problem: Problem, timeout: Duration) -> Problem {
    match problem.detail.starts_with("57014") {
        true => problem.noting(format_args!("its `timeout` is {timeout:?}")),
        false => problem,
    }
}

/// What gives a role all that probes read.
pub(super) fn grant_of_monitor(role: &str) -> String {
    format!("GRANT pg_monitor TO {};", sql_name(role))
}

/// A name as it stands in a statement.
fn sql_name(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
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
    let own_hint = error.hint().filter(|_| reason == Reason::Query).map(|hint| format!("; {hint}"));
    let hint = match code {
        _ if message.contains("unsupported startup parameter") => "; for PgBouncer, set `pgbouncer: true`",
        "53300" if message.contains("for role") => {
            "; its CONNECTION LIMIT is reached: each source takes two connections, and one more for each of its `databases`"
        }
        "28P01" => "; PostgreSQL says the same if there is no such role",
        _ => own_hint.as_deref().unwrap_or_default(),
    };
    Problem::new(reason, format!("{code}: {message}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(message: &str) -> Option<String> {
        let problem = Problem::new(Reason::Permission, format!("42501: permission denied for {message}"));
        with_grant(problem, "exporter").context("query orders").remedy
    }

    #[test]
    fn what_is_missing_is_granted_by_a_statement() {
        assert_eq!(remedy("table parcels").unwrap(), "GRANT SELECT ON parcels TO exporter;");
        assert_eq!(remedy("materialized view Daily").unwrap(), "GRANT SELECT ON \"Daily\" TO exporter;");
        assert_eq!(remedy("schema shop").unwrap(), "GRANT USAGE ON SCHEMA shop TO exporter;");
        assert_eq!(remedy("database \"Shop\"").unwrap(), "GRANT CONNECT ON DATABASE \"Shop\" TO exporter;");
        assert_eq!(remedy("tablespace fast"), None);
        assert_eq!(grant_of_monitor("We Watch"), "GRANT pg_monitor TO \"We Watch\";");
    }
}
