//! Dead rows that nobody removes, and transactions that might still see them.

use std::collections::BTreeSet;

use super::{HOUR, PATIENCE, add_role, transactions, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::postgres::Postgres;

pub(super) async fn of_one_server() -> BTreeSet<Seen> {
    let server = Postgres::options().setting("autovacuum = off").start().await;
    add_role(&server).await;
    server.sql("CREATE TABLE orders AS SELECT generate_series(1, 30000) AS id").await;
    let exporter = watch(&[("db", &server)]).await;
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    let reader = transactions(&server, 1, "SELECT count(*) FROM orders").await;
    server.sql("DELETE FROM orders WHERE id <= 25000").await;
    let dead = "pg_stat_user_tables_n_dead_tup{source=\"db\",datname=\"postgres\",schemaname=\"public\",relname=\"orders\"}";
    exporter.wait_until(dead, |rows| rows >= 25_000.0, PATIENCE).await;
    // It has an age from a minute on.
    let oldest = "pg_long_running_transactions_oldest_timestamp_seconds{source=\"db\"}";
    exporter.wait_until(oldest, |age| age > 60.0, PATIENCE).await;
    let alerts = [
        ("PostgresAutovacuumLate", "info"),
        ("PostgresDeadRowsHigh", "warning"),
        ("PostgresTransactionLong", "info"),
        ("PostgresTransactionLong", "warning"),
    ];
    drills.fires(7 * HOUR, &alerts).await;
    drop(reader);
    drills.seen()
}
