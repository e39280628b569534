//! How a transaction begins, and its limits on the server.

use std::time::Duration;

/// Overrides the server's defaults: snapshots of a whole transaction hold back vacuum.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// The limits of a transaction, as settings.
pub(super) fn limits(limit: Duration) -> String {
    let [statement, lock] = [limit, limit / 2].map(milliseconds);
    format!(
        "SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; \
         SET LOCAL idle_in_transaction_session_timeout = {statement}; SET LOCAL IntervalStyle = postgres"
    )
}

/// At least one: zero means no limit.
pub(super) fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().max(1)
}
