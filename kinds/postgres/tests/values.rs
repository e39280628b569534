//! The golden values are what the server itself says.

use std::collections::BTreeSet;

use platform_exporter::registry::Kind;

use super::{OpenTransaction, SOON, number, postgres, source, the, value, yaml};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

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
        ("pg_stat_activity_count", vec!["postgres", "active"], 1.0),
        ("pg_stat_activity_count", vec!["shop", "idle in transaction"], 0.0),
        ("pg_long_running_transactions", vec![], 0.0),
        ("pg_long_running_transactions_oldest_timestamp_seconds", vec![], 0.0),
        ("pg_stat_database_numbackends", vec!["shop"], 0.0),
        ("pg_stat_database_numbackends", vec!["postgres"], 1.0),
        ("pg_stat_database_tup_inserted", vec!["shop"], 0.0),
        ("pg_stat_database_deadlocks", vec!["postgres"], 0.0),
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
    let inserted = the(&families, "pg_stat_database_tup_inserted", &["postgres"]);
    assert!((100.0..10_000.0).contains(&inserted), "{inserted}");
    let commits_seen = the(&families, "pg_stat_database_xact_commit", &["postgres"]);
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
    assert_eq!(the(&families, "pg_stat_activity_count", &["postgres", "active"]), 3.0);
    let longest = the(&families, "pg_stat_activity_max_tx_duration", &["postgres", "active"]);
    assert!(longest > 0.0 && longest < 60.0, "{longest}");
}

#[tokio::test]
async fn are_all_in_the_catalogue_and_the_catalogue_in_them() {
    // The first segment is archived, and no other.
    let server = Postgres::options().setting("max_prepared_transactions = 1").setting("archive_mode = on");
    let server = server.setting("archive_command = 'test %f = 000000010000000000000001'");
    let server = server.setting("max_slot_wal_keep_size = '1GB'").start().await;
    let replica = Postgres::options().setting("primary_slot_name = 'standby'").replica_of(&server);
    let replica = replica.setting("max_prepared_transactions = 1");
    server.sql("SELECT pg_create_physical_replication_slot('standby')").await;
    server.sql("CREATE TABLE orders (id int)").await;
    // An autovacuum that comes at once, to be seen in last_autovacuum.
    server
        .sql("ALTER TABLE orders SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)")
        .await;
    server.sql("ALTER SYSTEM SET autovacuum_naptime = '1s'").await;
    server.sql("SELECT pg_reload_conf()").await;
    server.sql("INSERT INTO orders SELECT generate_series(1, 100)").await;
    server.sql("DELETE FROM orders").await;
    server.script("postgres", "BEGIN; PREPARE TRANSACTION 'forgotten';").await;
    let replica = replica.start().await;
    server.sql("SELECT pg_switch_wal()").await;
    let (mut primary, mut standby) = (postgres(&server.url()), postgres(&replica.url()));
    let catalogue = (Kind::Postgres.facts().catalogue)();
    // Newer servers have these.
    let known: BTreeSet<_> = catalogue.iter().map(|desc| desc.name.to_string()).collect();
    let unseen: BTreeSet<_> = [
        "pg_stat_checkpointer_num_timed_total",
        "pg_stat_checkpointer_num_requested_total",
        "pg_replication_slots_synced",
    ]
    .map(str::to_owned)
    .into();
    let mut seen = unseen;
    eventually(SOON * 3, "everything was seen", async || {
        for subject in [&mut primary, &mut standby] {
            let observation = subject.probe().await.expect("it answers");
            assert_eq!(observation.problems, []);
            for family in observation.families {
                assert!(catalogue.contains(&family.desc), "{:?}", family.desc);
                seen.insert(family.desc.name.to_string());
            }
        }
        seen == known
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
    let other = ["other"; 3];
    assert_eq!(value(&families, "pg_stat_user_tables_n_dead_tup", &other), Some(60.0));
    assert_eq!(value(&families, "pg_stat_user_tables_last_autovacuum", &other), None);
}
