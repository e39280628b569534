//! The golden values are what the server itself says.

use std::collections::BTreeSet;

use platform_exporter::registry::Kind;

use super::truth::session::Session;
use super::{EVERY, OpenTransaction, SOON, number, postgres, sessions, source, the, value, with, yaml};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

/// What the servers of these tests do not have: PostgreSQL 17, repmgr, a publisher, and statistics that were reset.
const UNSEEN: [&str; 5] = [
    "pg_stat_subscription_received_lsn",
    "pg_stat_subscription_last_msg_receipt_timestamp_seconds",
    "pg_replication_slots_synced",
    "pg_stat_wal_receiver_upstream_node",
    "pg_stat_database_stats_reset",
];

#[tokio::test]
async fn report_what_the_server_reports() {
    let server = Postgres::start().await;
    server.sql("CREATE DATABASE shop").await;
    server.sql("CREATE TABLE orders (id int) WITH (autovacuum_enabled = off)").await;
    server.sql("INSERT INTO orders SELECT generate_series(1, 100)").await;
    server.sql("DELETE FROM orders WHERE id <= 40").await;
    let mut subject = postgres(&server.url());
    let xids = "SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'template0'";
    let (size, commits) = (
        "SELECT pg_database_size('shop')",
        "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'",
    );
    let commits_before = number(&server, commits).await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    let families = observation.families;
    let exact = [
        ("pg_settings_max_connections", vec![], 40.0),
        ("pg_settings_superuser_reserved_connections", vec![], 3.0),
        ("pg_replication_is_replica", vec![], 0.0),
        ("pg_replication_lag_seconds", vec![], 0.0),
        ("pg_long_running_transactions", vec![], 0.0),
        ("pg_long_running_transactions_oldest_timestamp_seconds", vec![], 0.0),
        ("pg_stat_user_tables_n_dead_tup", vec!["postgres", "public", "orders"], 40.0),
        ("pg_stat_user_tables_n_live_tup", vec!["postgres", "public", "orders"], 60.0),
        ("pg_blocked_sessions", vec![], 0.0),
        ("pg_locks_count", vec!["shop", "accessexclusivelock"], 0.0),
        ("pg_stat_archiver_failed_count", vec![], 0.0),
        ("pg_database_size_bytes", vec!["shop"], number(&server, size).await),
        ("pg_database_wraparound_age_datfrozenxid_seconds", vec!["template0"], number(&server, xids).await),
        ("pg_wal_segments", vec![], number(&server, "SELECT count(*) FROM pg_ls_waldir()").await),
        ("pg_wal_size_bytes", vec![], number(&server, "SELECT sum(size) FROM pg_ls_waldir()").await),
        ("pg_settings_reserved_connections", vec![], 0.0),
        ("pg_settings_max_wal_size_bytes", vec![], f64::from(1 << 30)),
        ("pg_settings_wal_keep_size_bytes", vec![], 0.0),
        ("pg_settings_recovery_min_apply_delay_seconds", vec![], 0.0),
        ("pg_database_wraparound_age_datminmxid_seconds", vec!["template0"], 0.0),
        ("pg_stat_replication_replicas", vec![], 0.0),
        (
            "pg_postmaster_start_time_seconds",
            vec![],
            number(&server, "SELECT extract(epoch FROM pg_postmaster_start_time())").await,
        ),
    ];
    for (name, labels, expected) in exact {
        assert_eq!(value(&families, name, &labels), Some(expected), "{name} {labels:?}");
    }
    assert_eq!(sessions(&families, "postgres", "active"), Some(1.0));
    assert_eq!(sessions(&families, "shop", "idle in transaction"), Some(0.0));
    let counted = |family: &str, datname| {
        let found = with(&families, &format!("pg_stat_database_{family}"), &[("datname", datname)]);
        assert_eq!(found.len(), 1, "{family} {datname}");
        found[0]
    };
    assert_eq!([counted("numbackends", "shop"), counted("numbackends", "postgres")], [0.0, 1.0]);
    assert_eq!([counted("tup_inserted", "shop"), counted("deadlocks", "template0")], [0.0, 0.0]);
    let inserted = counted("tup_inserted", "postgres");
    assert!((100.0..10_000.0).contains(&inserted), "{inserted}");
    let commits_seen = counted("xact_commit", "postgres");
    assert!(commits_before <= commits_seen && commits_seen <= number(&server, commits).await);
}

#[tokio::test]
async fn show_who_waits_for_whom() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let mut subject = postgres(&server.url());
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE orders").await;
    let _waiting = OpenTransaction::begin(&server, "SELECT FROM orders");
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    eventually(SOON, "somebody waits", async || server.sql(waits).await == "1").await;
    let families = subject.probe().await.expect("it answers").families;
    assert_eq!(the(&families, "pg_blocked_sessions", &[]), 1.0);
    assert_eq!(the(&families, "pg_locks_count", &["postgres", "accessexclusivelock"]), 1.0);
    // The holder, who waits, and ourselves.
    assert_eq!(sessions(&families, "postgres", "active"), Some(3.0));
    // The holder sleeps.
    let waits = [("wait_event_type", "Lock"), ("wait_event", "relation")];
    for waits in [waits, [("wait_event_type", "Timeout"), ("wait_event", "PgSleep")]] {
        let labels = [&waits[..], &[("usename", "postgres"), ("application_name", "other")]].concat();
        assert_eq!(with(&families, "pg_stat_activity_count", &labels), [1.0], "{labels:?}");
        let longest = with(&families, "pg_stat_activity_max_tx_duration", &labels);
        assert!(longest.iter().all(|longest| (0.0..60.0).contains(longest)), "{longest:?}");
    }
}

#[tokio::test]
async fn are_all_in_the_catalogue_and_the_catalogue_in_them() {
    // The first segment is archived, and no other.
    let server = Postgres::options().setting("max_prepared_transactions = 1").setting("archive_mode = on");
    let server =
        server.setting("wal_level = logical").setting("shared_preload_libraries = pg_stat_statements");
    let server = server.setting("archive_command = 'test %f = 000000010000000000000001'");
    let server = server.setting("max_slot_wal_keep_size = '1GB'").start().await;
    let replica = Postgres::options().setting("primary_slot_name = 'standby'").replica_of(&server);
    let replica = replica.setting("max_prepared_transactions = 1");
    let replica = replica.setting("shared_preload_libraries = pg_stat_statements");
    server.sql("CREATE EXTENSION pg_stat_statements").await;
    server.sql("CREATE SUBSCRIPTION books CONNECTION '' PUBLICATION books WITH (connect = false)").await;
    server.sql("SELECT pg_create_physical_replication_slot('standby')").await;
    server.sql("CREATE TABLE orders (id int PRIMARY KEY, body text)").await;
    server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')").await;
    // An autovacuum that comes at once, to be seen in last_autovacuum.
    server
        .sql("ALTER TABLE orders SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)")
        .await;
    server.sql("ALTER SYSTEM SET autovacuum_naptime = '1s'").await;
    server.sql("SELECT pg_reload_conf()").await;
    server.sql("INSERT INTO orders SELECT generate_series(1, 100)").await;
    server.sql("DELETE FROM orders").await;
    server.sql("VACUUM ANALYZE orders").await;
    server.sql("INSERT INTO orders SELECT generate_series(1, 100)").await;
    server.sql("DELETE FROM orders").await;
    server.script("postgres", "BEGIN; PREPARE TRANSACTION 'forgotten';").await;
    let replica = replica.start().await;
    server.sql("SELECT pg_switch_wal()").await;
    let _idle = Session::open(&server, "postgres").await;
    let every = format!("collect: [{EVERY}]");
    let mut subjects = [&server, &replica].map(|server| source(&yaml(&server.url(), &every)));
    let catalogue = (Kind::Postgres.facts().catalogue)();
    let known: BTreeSet<_> = catalogue.iter().map(|desc| desc.name.to_string()).collect();
    // Newer servers have most of these, and nobody vacuums for long enough.
    let beginnings = [
        "pg_stat_checkpointer_",
        "pg_stat_progress_vacuum_",
        "pg_stat_activity_autovacuum_",
        "pg_stat_io_",
        "pg_buffercache_",
    ];
    let is_unseen =
        |name: &str| beginnings.iter().any(|start| name.starts_with(start)) || UNSEEN.contains(&name);
    let unseen = known.iter().filter(|name| is_unseen(name)).cloned().collect();
    let mut seen: BTreeSet<String> = unseen;
    eventually(SOON * 3, "everything was seen", async || {
        for subject in &mut subjects {
            let observation = subject.probe().await.expect("it answers");
            assert_eq!(observation.problems, []);
            for family in observation.families {
                let is_setting = family.desc.name.starts_with("pg_settings_");
                assert!(is_setting || catalogue.contains(&family.desc), "{:?}", family.desc);
                seen.insert(family.desc.name.to_string());
            }
        }
        seen.is_superset(&known)
    })
    .await;
}

#[tokio::test]
async fn stay_within_the_budget_of_tables() {
    let server = Postgres::start().await;
    for table in 1..=5 {
        server
            .sql(&format!(
                "CREATE TABLE t{table} (id int) WITH (autovacuum_enabled = off); \
                 INSERT INTO t{table} SELECT generate_series(1, {table}0); DELETE FROM t{table}"
            ))
            .await;
    }
    let mut subject = source(&yaml(&server.url(), "top_tables: 2"));
    let families = subject.probe().await.expect("it answers").families;
    let dead =
        |table: &str| value(&families, "pg_stat_user_tables_n_dead_tup", &["postgres", "public", table]);
    assert_eq!([dead("t5"), dead("t4"), dead("t3")], [Some(50.0), Some(40.0), None]);
    let other = ["postgres", "other", "other"];
    assert_eq!(value(&families, "pg_stat_user_tables_n_dead_tup", &other), Some(60.0));
    assert_eq!(value(&families, "pg_stat_user_tables_last_autovacuum", &other), None);
}
