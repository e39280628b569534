//! What is known of tables, and how many of them.

use super::{OpenTransaction, SOON, number, postgres, source, the, value, with, yaml};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

const OF_TABLE: &str = "pg_stat_user_tables_table_size_bytes";
const OF_INDEXES: &str = "pg_stat_user_tables_index_size_bytes";

#[tokio::test]
async fn that_are_locked_lack_only_their_sizes() {
    let server = Postgres::start().await;
    for table in ["free", "held", "rebuilt", "wanted"] {
        server.sql(&format!("CREATE TABLE {table} (id int PRIMARY KEY, body text)")).await;
        server.sql(&format!("INSERT INTO {table} SELECT generate_series(1, 100)")).await;
    }
    let mut subject = postgres(&server.url());
    let _holder = OpenTransaction::asleep(
        &server,
        "LOCK TABLE held; REINDEX INDEX rebuilt_pkey; SELECT count(*) FROM wanted",
    )
    .await;
    // It also keeps out those who come after it.
    let _waiting = OpenTransaction::begin(&server, "LOCK TABLE wanted");
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    eventually(SOON, "somebody waits", async || server.sql(waits).await == "1").await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    let families = observation.families;
    for (table, is_known) in [("free", true), ("held", false), ("rebuilt", false), ("wanted", false)] {
        let labels = ["postgres", "public", table];
        for (family, function) in [(OF_TABLE, "pg_table_size"), (OF_INDEXES, "pg_indexes_size")] {
            let expected = match is_known {
                true => Some(number(&server, &format!("SELECT {function}('{table}')")).await),
                false => None,
            };
            assert_eq!(value(&families, family, &labels), expected, "{family} {table}");
        }
        assert!(the(&families, "pg_stat_user_tables_n_live_tup", &labels) >= 0.0);
        assert!(the(&families, "pg_stat_user_tables_seq_scan", &labels) >= 0.0);
    }
}

#[tokio::test]
async fn are_all_there_if_all_are_wanted() {
    let server = Postgres::start().await;
    server
        .sql("DO $$ BEGIN FOR n IN 1..150 LOOP EXECUTE format('CREATE TABLE t%s (id int)', n); END LOOP; END $$")
        .await;
    for (top_tables, series) in [("100", 101), ("all", 150)] {
        let mut subject = source(&yaml(&server.url(), &format!("top_tables: {top_tables}")));
        let families = subject.probe().await.expect("it answers").families;
        for family in
            ["n_live_tup", "seq_scan", "table_size_bytes"].map(|name| format!("pg_stat_user_tables_{name}"))
        {
            assert_eq!(with(&families, &family, &[]).len(), series, "{family}");
        }
        assert_eq!(with(&families, "pg_statio_user_tables_heap_blocks_hit", &[]).len(), series);
    }
}

#[tokio::test]
async fn are_not_read_by_collectors_that_are_off() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let mut subject = source(&yaml(&server.url(), "collect: []"));
    let families = subject.probe().await.expect("it answers").families;
    for family in [OF_TABLE, "pg_statio_user_tables_heap_blocks_hit", "pg_settings_work_mem_bytes"] {
        assert_eq!(with(&families, family, &[]), [0.0; 0], "{family}");
    }
    // What rules need is there.
    assert_eq!(the(&families, "pg_settings_max_connections", &[]), 40.0);
    assert_eq!(with(&families, "pg_stat_user_tables_n_dead_tup", &[]), [0.0]);
}
