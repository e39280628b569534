//! Sums and counts are of everything that there is, and what is unknown is left out.

use super::{SOON, Subject, number, postgres, the, value};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

const READY: &str = "pg_archive_ready_files";
const OLDEST_READY: &str = "pg_archive_ready_oldest_timestamp_seconds";
const LAST_ARCHIVED: &str = "pg_stat_archiver_last_archived_timestamp_seconds";
const LAST_FAILED: &str = "pg_stat_archiver_last_failed_timestamp_seconds";

#[tokio::test]
async fn of_prepared_transactions_are_their_own() {
    let server = Postgres::options().setting("max_prepared_transactions = 5").start().await;
    let mut subject = postgres(&server.url());
    let families = subject.probe().await.expect("it answers").families;
    assert_eq!(the(&families, "pg_prepared_transactions", &[]), 0.0);
    assert_eq!(value(&families, "pg_prepared_transactions_oldest_timestamp_seconds", &[]), None);
    for name in ["first", "second"] {
        server.script("postgres", &format!("BEGIN; PREPARE TRANSACTION '{name}';")).await;
    }
    let families = subject.probe().await.expect("it answers").families;
    assert_eq!(the(&families, "pg_prepared_transactions", &[]), 2.0);
    let oldest = "SELECT extract(epoch FROM prepared) FROM pg_prepared_xacts WHERE gid = 'first'";
    let oldest = number(&server, oldest).await;
    assert_eq!(the(&families, "pg_prepared_transactions_oldest_timestamp_seconds", &[]), oldest);
    // The names that postgres_exporter established are about sessions.
    assert_eq!(the(&families, "pg_long_running_transactions", &[]), 0.0);
}

#[tokio::test]
async fn of_tables_include_those_without_a_series() {
    let server = Postgres::start().await;
    let tables = "DO $$ BEGIN FOR number IN 1..1100 LOOP
        EXECUTE format('CREATE TABLE t%s (id int) WITH (autovacuum_enabled = off)', number);
        EXECUTE format('INSERT INTO t%s SELECT generate_series(1, 3)', number);
        EXECUTE format('DELETE FROM t%s WHERE id = 1', number);
    END LOOP; END $$";
    server.sql(tables).await;
    let mut subject = postgres(&server.url());
    let mut sums = (0.0, 0.0);
    eventually(SOON, "the statistics are complete", async || {
        let families = subject.probe().await.expect("it answers").families;
        let sum = |name: &str| {
            let family = families.iter().find(|family| family.desc.name == name).expect("it is there");
            assert_eq!(family.samples.len(), 101);
            family.samples.iter().map(|sample| sample.value).sum::<f64>()
        };
        sums = (sum("pg_stat_user_tables_n_live_tup"), sum("pg_stat_user_tables_n_dead_tup"));
        let due = "pg_stat_user_tables_autovacuum_threshold";
        assert_eq!(value(&families, due, &["postgres", "other", "other"]), None);
        sums.1 >= 1100.0
    })
    .await;
    assert_eq!(sums, (2200.0, 1100.0));
}

#[tokio::test]
async fn of_dead_rows_that_make_autovacuum_due_follow_the_settings_of_a_table() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE usual (id int) WITH (autovacuum_enabled = off)").await;
    let own =
        "autovacuum_enabled = off, autovacuum_vacuum_threshold = 7, autovacuum_vacuum_scale_factor = 0.5";
    server.sql(&format!("CREATE TABLE own (id int) WITH ({own})")).await;
    server.sql("INSERT INTO usual SELECT generate_series(1, 1000)").await;
    server.sql("INSERT INTO own SELECT generate_series(1, 1000)").await;
    let mut subject = postgres(&server.url());
    let mut due = async |table: &str| {
        let families = subject.probe().await.expect("it answers").families;
        the(&families, "pg_stat_user_tables_autovacuum_threshold", &["postgres", "public", table])
    };
    // The number of rows is not known yet.
    assert_eq!((due("usual").await, due("own").await), (50.0, 7.0));
    server.sql("ANALYZE").await;
    assert_eq!((due("usual").await, due("own").await), (250.0, 507.0));
}

#[tokio::test]
async fn of_wal_are_of_segments_only() {
    // An archive that takes nothing keeps the file of the backup.
    let server = Postgres::options().setting("archive_mode = on").setting("archive_command = 'false'");
    let server = server.start().await;
    server.sql("SELECT pg_backup_start('x', true); SELECT pg_backup_stop(false)").await;
    let files = |pattern: &str| format!("SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '{pattern}'");
    assert_eq!(number(&server, &files("backup$")).await, 1.0);
    let families = postgres(&server.url()).probe().await.expect("it answers").families;
    assert_eq!(the(&families, "pg_wal_segments", &[]), number(&server, &files("^[0-9A-F]{24}$")).await);
    assert_eq!(the(&families, "pg_wal_size_bytes", &[]) % f64::from(16 << 20), 0.0);
}

#[tokio::test]
async fn of_sizes_include_templates_and_databases_that_refuse_connections() {
    let server = Postgres::start().await;
    server.sql("CREATE DATABASE closed ALLOW_CONNECTIONS false").await;
    let families = postgres(&server.url()).probe().await.expect("it answers").families;
    for name in ["postgres", "template0", "template1", "closed"] {
        let size = number(&server, &format!("SELECT pg_database_size('{name}')")).await;
        assert_eq!(value(&families, "pg_database_size_bytes", &[name]), Some(size), "{name}");
    }
}

#[tokio::test]
async fn of_the_archive_say_what_waits_and_since_when() {
    let server = Postgres::start().await;
    let families = postgres(&server.url()).probe().await.expect("it answers").families;
    for name in [READY, OLDEST_READY, LAST_ARCHIVED, LAST_FAILED] {
        assert_eq!(value(&families, name, &[]), None, "{name} without archive_mode");
    }

    let server = Postgres::options().setting("archive_mode = on").setting("archive_command = 'false'");
    let server = server.start().await;
    let begun = number(&server, "SELECT extract(epoch FROM clock_timestamp())").await;
    let mut subject = postgres(&server.url());
    assert_eq!(the(&subject.probe().await.expect("it answers").families, READY, &[]), 0.0);
    server.sql("CREATE TABLE orders (id int)").await;
    server.sql("SELECT pg_switch_wal()").await;
    let mut families = Vec::new();
    eventually(SOON, "it fails", async || {
        families = subject.probe().await.expect("it answers").families;
        value(&families, LAST_FAILED, &[]).is_some()
    })
    .await;
    assert_eq!(value(&families, LAST_ARCHIVED, &[]), None);
    assert_eq!(the(&families, READY, &[]), 1.0);
    // Files have whole seconds.
    assert!(the(&families, OLDEST_READY, &[]) >= begun.floor());

    server.sql("ALTER SYSTEM SET archive_command = 'true'").await;
    server.sql("SELECT pg_reload_conf()").await;
    server.sql("CREATE TABLE more (id int)").await;
    server.sql("SELECT pg_switch_wal()").await;
    eventually(SOON * 10, "it is archived", async || {
        families = subject.probe().await.expect("it answers").families;
        value(&families, READY, &[]) == Some(0.0)
    })
    .await;
    assert_eq!(value(&families, OLDEST_READY, &[]), None);
    assert!(the(&families, LAST_ARCHIVED, &[]) > the(&families, LAST_FAILED, &[]));
}

#[tokio::test]
async fn of_what_a_slot_may_still_lose_are_there_with_a_limit() {
    let server = Postgres::options().setting("max_slot_wal_keep_size = '1GB'").start().await;
    server.sql("SELECT pg_create_physical_replication_slot('reports', true)").await;
    let families = postgres(&server.url()).probe().await.expect("it answers").families;
    let safe = number(&server, "SELECT safe_wal_size FROM pg_replication_slots").await;
    let found = the(&families, "pg_replication_slots_safe_wal_size_bytes", &["reports", "physical"]);
    assert_eq!(found, safe);
    // PostgreSQL 15 does not have the column.
    assert_eq!(value(&families, "pg_replication_slots_synced", &["reports", ""]), None);
}

#[tokio::test]
async fn a_slot_that_has_lost_its_wal_says_so() {
    let server = Postgres::options().setting("max_slot_wal_keep_size = '1MB'").start().await;
    server.sql("SELECT pg_create_physical_replication_slot('reports', true)").await;
    let mut subject = postgres(&server.url());
    let states = async |subject: &mut Subject| {
        let families = subject.probe().await.expect("it answers").families;
        let states = ["reserved", "lost"].map(|state| ["reports", "physical", state]);
        states.map(|labels| value(&families, "pg_replication_slots_wal_status", &labels))
    };
    assert_eq!(states(&mut subject).await, [Some(1.0), None]);
    server.sql("CREATE TABLE orders (id int)").await;
    for _ in 0..3 {
        server.sql("INSERT INTO orders VALUES (1)").await;
        server.sql("SELECT pg_switch_wal()").await;
    }
    server.sql("CHECKPOINT").await;
    assert_eq!(states(&mut subject).await, [None, Some(1.0)]);
}
