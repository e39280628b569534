//! Replication slots that nobody reads from.

use std::collections::BTreeSet;

use super::{MINUTE, PATIENCE, add_role, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::postgres::Postgres;

/// How much of its limit the slot has left.
const LEFT: &str =
    "SELECT safe_wal_size / (safe_wal_size + pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) < 0.1
    FROM pg_replication_slots WHERE safe_wal_size IS NOT NULL";

/// As many as the limit has.
const SEGMENTS: usize = 10;

const ADD: &str = "SELECT pg_create_physical_replication_slot('gone', true)";

pub(super) async fn of_one_server() -> BTreeSet<Seen> {
    // A checkpoint ends slots that are over their limit.
    let server = Postgres::options().setting("checkpoint_timeout = 1h").start().await;
    add_role(&server).await;
    let exporter = watch(&[("db", &server)]).await;
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    server.sql(ADD).await;
    exporter
        .wait_for(
            "pg_replication_slots_active{source=\"db\",slot_name=\"gone\",database=\"\"}",
            0.0,
            PATIENCE,
        )
        .await;
    drills.fires(45 * MINUTE, &[("PostgresReplicationSlotInactive", "warning")]).await;
    server.sql("SELECT pg_drop_replication_slot('gone')").await;

    server.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '160MB'").await;
    server.sql("SELECT pg_reload_conf()").await;
    drills.well().await;
    server.sql(ADD).await;
    for _ in 0..SEGMENTS {
        if server.sql(LEFT).await == "t" {
            break;
        }
        write_a_segment(&server).await;
    }
    let safe =
        "pg_replication_slots_safe_wal_size_bytes{source=\"db\",slot_name=\"gone\",slot_type=\"physical\"}";
    exporter.wait_until(safe, |bytes| bytes <= 16.0 * 1024.0 * 1024.0, PATIENCE).await;
    // It is inactive, too, but not yet for long.
    let alerts =
        [("PostgresReplicationSlotExpiring", "critical"), ("PostgresReplicationSlotExpiring", "warning")];
    drills.fires(15 * MINUTE, &alerts).await;

    for _ in 0..3 {
        write_a_segment(&server).await;
    }
    server.sql("CHECKPOINT").await;
    let lost = "pg_replication_slots_wal_status{source=\"db\",slot_name=\"gone\",slot_type=\"physical\",wal_status=\"lost\"}";
    exporter.wait_for(lost, 1.0, PATIENCE).await;
    drills.fires(45 * MINUTE, &[("PostgresReplicationSlotLost", "critical")]).await;
    drills.seen()
}

async fn write_a_segment(server: &Postgres) {
    server
        .script("postgres", "SELECT pg_logical_emit_message(false, 'drill', 'x'); SELECT pg_switch_wal();")
        .await;
}
