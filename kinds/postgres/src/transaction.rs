//! How a transaction begins, and its limits on the server.

use std::time::Duration;

/// Overrides the server's defaults: snapshots of a whole transaction hold back vacuum.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// The limits of a transaction, as one statement that returns no rows.
///
/// A SELECT, because `pg_stat_statements` keeps an entry for each value of a SET. Its condition needs the number of a
/// row, so the server has to run the functions.
pub(super) fn limits(limit: Duration) -> String {
    let [statement, lock] = [limit, limit / 2].map(milliseconds);
    let set = |(setting, value)| format!("pg_catalog.set_config('{setting}', '{value}', true)");
    let settings = [
        ("statement_timeout", statement.to_string()),
        ("lock_timeout", lock.to_string()),
        ("idle_in_transaction_session_timeout", statement.to_string()),
        ("IntervalStyle", "postgres".to_owned()),
    ];
    format!(
        "SELECT FROM ROWS FROM ({}) WITH ORDINALITY AS setting(a, b, c, d, number) \
         WHERE number OPERATOR(pg_catalog.<) 0",
        settings.map(set).join(", ")
    )
}

/// At least one: zero means no limit.
pub(super) fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().max(1)
}
