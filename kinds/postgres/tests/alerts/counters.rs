//! A server that has written much, and used up many transaction IDs. That takes weeks: `pg_resetwal` moves the counters.

use std::collections::BTreeSet;

use super::{MINUTE, PATIENCE, add_role, is_up, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::postgres::Postgres;

/// The first of a file, so that there is no file of those before which the server would read.
const NEXT_XID: u32 = 1622 << 20;
const NEXT_MULTIXACT: u32 = 25_940 << 16;

pub(super) async fn of_one_server() -> BTreeSet<Seen> {
    // Otherwise autovacuum would freeze the rows at once.
    let settings = [
        "autovacuum = off",
        "autovacuum_freeze_max_age = 2000000000",
        "autovacuum_multixact_freeze_max_age = 2000000000",
    ];
    let options = settings.into_iter().fold(Postgres::options(), |options, line| options.setting(line));
    let mut server = options.start().await;
    add_role(&server).await;
    let exporter = watch(&[("db", &server)]).await;
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    server.sql("SELECT pg_create_physical_replication_slot('gone', true)").await;
    let (xid, multixact) = (NEXT_XID.to_string(), format!("{NEXT_MULTIXACT},1"));
    server.restart_with(&["-x", &xid, "-m", &multixact, "-l", "000000010000001000000000"]).await;
    let age = "pg_database_wraparound_age_datfrozenxid_seconds{source=\"db\",datname=\"postgres\"}";
    exporter.wait_until(age, |ids| ids > 1.6e9, PATIENCE).await;
    is_up(&exporter, "db", 1.0).await;
    let alerts = [
        ("PostgresMultixactWraparoundNear", "critical"),
        ("PostgresMultixactWraparoundNear", "warning"),
        ("PostgresReplicationSlotLarge", "critical"),
        ("PostgresReplicationSlotLarge", "warning"),
        // To move the counters.
        ("PostgresRestarted", "info"),
        ("PostgresWraparoundNear", "critical"),
        ("PostgresWraparoundNear", "warning"),
    ];
    drills.fires(25 * MINUTE, &alerts).await;
    drills.seen()
}
