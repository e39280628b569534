//! What only some sources collect.

use super::known::{Known, Side, Table};
use super::recount::{EXPORTER, number};
use super::session::{Client, Session, settle};
use super::{Watched, add_roles, quiet};
use testkit::postgres::Postgres;
use testkit::recount::{Recounts, Series, series};
use testkit::time::now;

/// How often the one statement was run that is counted, and how many rows it returned each time.
const CALLS: usize = 5;
const ROWS: usize = 30;

/// The columns of the function of the WAL, and the families.
const OF_WAL: [(&str, &str); 8] = [
    ("wal_records", "records"),
    ("wal_fpi", "fpi"),
    ("wal_bytes", "bytes"),
    ("wal_buffers_full", "buffers_full"),
    ("wal_write", "write"),
    ("wal_sync", "sync"),
    ("wal_write_time / 1000", "write_seconds"),
    ("wal_sync_time / 1000", "sync_seconds"),
];

/// Only what `shop` runs counts as a statement.
const SCENE: &str = "
    CREATE EXTENSION pg_stat_statements;
    CREATE SUBSCRIPTION books CONNECTION '' PUBLICATION books WITH (connect = false);
    CREATE ROLE shop LOGIN CONNECTION LIMIT 7;
    CREATE TABLE pages (id int PRIMARY KEY);
    INSERT INTO pages SELECT generate_series(1, 30);
    GRANT SELECT ON pages TO shop;
    ALTER ROLE postgres SET pg_stat_statements.track = none;
    ALTER ROLE platform_exporter SET pg_stat_statements.track = none;";

pub(super) async fn of_every_one(recounts: &mut Recounts) {
    let server = quiet().setting("shared_preload_libraries = pg_stat_statements").start().await;
    add_roles(&server).await;
    server.script("postgres", SCENE).await;
    server.sql("SELECT pg_stat_statements_reset()").await;
    work(&server).await;
    let tables = [("pages".to_owned(), Table::default())].into();
    let known = Known { tables, collects_all: true, ..Known::default() };
    let mut watched = Watched::new(&server, known).await;
    watched.check(recounts, "every collector", &server).await;
}

async fn work(server: &Postgres) {
    let mut shop = Session::at(&server.url_as("shop", "", "postgres")).await.expect("it may log in");
    for _ in 0..CALLS {
        assert_eq!(shop.rows("SELECT id FROM pages").await.len(), ROWS);
    }
    shop.close().await;
    settle(server, 0).await;
}

pub(super) async fn recount(watcher: &mut Session, clients: &[Client], side: Side) -> Series {
    let mut all = idle(clients, side);
    all.extend(statements(watcher).await);
    all.extend(indexes(watcher).await);
    for (column, family) in OF_WAL {
        let value = watcher.number(&format!("SELECT {column} FROM pg_stat_get_wal()")).await;
        all.insert(format!("pg_stat_wal_{family}_total"), value);
    }
    for family in ["active", "stats_apply_errors_total", "stats_sync_errors_total"] {
        all.insert(series(&format!("pg_stat_subscription_{family}"), &["books"]), 0.0);
    }
    all
}

/// The one who recounts is idle, since the last question of the recount before the probe.
fn idle(clients: &[Client], side: Side) -> Series {
    let idle = clients.iter().filter(|client| client.user != EXPORTER);
    let longest = match side {
        Side::Before => 0.0,
        Side::After(began) => now() - began,
    };
    let labels = ["idle", ""];
    let count = number(idle.count());
    let mut all = Series::from([
        (series("pg_process_idle_seconds_count", &labels), count),
        (series("pg_process_idle_seconds_sum", &labels), longest),
    ]);
    for bound in ["1", "2", "5", "15", "30", "60", "90", "120", "300", "+Inf"] {
        // How long they are idle depends on the load of the machine.
        let at_most = if matches!(side, Side::Before) && bound != "+Inf" { 0.0 } else { count };
        all.insert(series("pg_process_idle_seconds_bucket", &["idle", "", bound]), at_most);
    }
    all
}

async fn statements(watcher: &mut Session) -> Series {
    let rows = watcher.rows("SELECT queryid, total_exec_time / 1000 FROM pg_stat_statements(true)").await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let id = row[0].as_deref().expect("it has a number");
    let spent = row[1].as_ref().and_then(|text| text.parse().ok()).expect("a number");
    let of = |family: &str| series(&format!("pg_stat_statements_{family}_total"), &["shop", "postgres", id]);
    Series::from([
        (of("calls"), number(CALLS)),
        (of("rows"), number(CALLS * ROWS)),
        (of("seconds"), spent),
        // Nobody measures this.
        (of("block_read_seconds"), 0.0),
        (of("block_write_seconds"), 0.0),
    ])
}

async fn indexes(watcher: &mut Session) -> Series {
    let labels = ["postgres", "public", "pages", "pages_pkey"];
    let mut all = Series::new();
    for (family, function) in [
        ("pg_statio_user_indexes_idx_blks_hit_total", "pg_stat_get_blocks_hit(oid)"),
        (
            "pg_statio_user_indexes_idx_blks_read_total",
            "pg_stat_get_blocks_fetched(oid) - pg_stat_get_blocks_hit(oid)",
        ),
        ("pg_stat_user_indexes_idx_scan_total", "pg_stat_get_numscans(oid)"),
        ("pg_stat_user_indexes_idx_tup_read_total", "pg_stat_get_tuples_returned(oid)"),
    ] {
        let sql = format!("SELECT {function} FROM pg_class WHERE relname = 'pages_pkey'");
        all.insert(series(family, &labels), watcher.number(&sql).await);
    }
    all
}
