//! What the server counts: from its functions one by one, its log, its tables, and what the scenario did.

use std::fs;
use std::path::Path;

use super::files::{files, modified};
use super::known::{Known, Moment, Side};
use super::recount::{Database, log, number, parsed};
use super::session::{Session, clients};
use testkit::postgres::Postgres;
use testkit::recount::{Series, series};
use testkit::time::now;

/// Counters of a database, and the functions that they come from.
const OF_DATABASE: [(&str, &str); 16] = [
    ("xact_commit", "pg_stat_get_db_xact_commit(oid)"),
    ("xact_rollback", "pg_stat_get_db_xact_rollback(oid)"),
    ("blks_read", "pg_stat_get_db_blocks_fetched(oid) - pg_stat_get_db_blocks_hit(oid)"),
    ("blks_hit", "pg_stat_get_db_blocks_hit(oid)"),
    ("tup_returned", "pg_stat_get_db_tuples_returned(oid)"),
    ("tup_fetched", "pg_stat_get_db_tuples_fetched(oid)"),
    ("tup_inserted", "pg_stat_get_db_tuples_inserted(oid)"),
    ("tup_updated", "pg_stat_get_db_tuples_updated(oid)"),
    ("tup_deleted", "pg_stat_get_db_tuples_deleted(oid)"),
    ("conflicts", "pg_stat_get_db_conflict_all(oid)"),
    ("temp_files", "pg_stat_get_db_temp_files(oid)"),
    ("temp_bytes", "pg_stat_get_db_temp_bytes(oid)"),
    ("deadlocks", "pg_stat_get_db_deadlocks(oid)"),
    ("blk_read_time", "pg_stat_get_db_blk_read_time(oid)"),
    ("blk_write_time", "pg_stat_get_db_blk_write_time(oid)"),
    ("active_time_seconds_total", "pg_stat_get_db_active_time(oid) / 1000"),
];

/// Why a replica cancelled queries, and the functions that count it.
const CONFLICTS: [(&str, &str); 5] = [
    ("tablespace", "pg_stat_get_db_conflict_tablespace(oid)"),
    ("lock", "pg_stat_get_db_conflict_lock(oid)"),
    ("snapshot", "pg_stat_get_db_conflict_snapshot(oid)"),
    ("bufferpin", "pg_stat_get_db_conflict_bufferpin(oid)"),
    ("deadlock", "pg_stat_get_db_conflict_startup_deadlock(oid)"),
];

/// Counters of the writers, and the functions that they come from.
const OF_WRITERS: [(&str, &str); 9] = [
    ("maxwritten_clean", "pg_stat_get_bgwriter_maxwritten_clean()"),
    ("checkpoint_write_time", "pg_stat_get_checkpoint_write_time()"),
    ("checkpoint_sync_time", "pg_stat_get_checkpoint_sync_time()"),
    ("buffers_checkpoint", "pg_stat_get_bgwriter_buf_written_checkpoints()"),
    ("buffers_clean", "pg_stat_get_bgwriter_buf_written_clean()"),
    ("buffers_backend", "pg_stat_get_buf_written_backend()"),
    ("buffers_backend_fsync", "pg_stat_get_buf_fsync_backend()"),
    ("buffers_alloc", "pg_stat_get_buf_alloc()"),
    ("stats_reset", "extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())"),
];

/// The counters of one database.
pub(super) async fn of_database(watcher: &mut Session, database: &str) -> Vec<(&'static str, f64)> {
    counters(watcher, database, &OF_DATABASE).await
}

async fn counters(
    watcher: &mut Session,
    database: &str,
    counters: &[(&'static str, &str)],
) -> Vec<(&'static str, f64)> {
    let functions: Vec<&str> = counters.iter().map(|(_, function)| *function).collect();
    let sql = format!("SELECT {} FROM pg_database WHERE datname = '{database}'", functions.join(", "));
    let row = watcher.rows(&sql).await.remove(0);
    counters.iter().zip(&row).map(|((name, _), cell)| (*name, parsed(cell.as_ref()))).collect()
}

pub(super) async fn databases(
    watcher: &mut Session,
    databases: &[Database],
    titles: &[String],
    known: &Known,
) -> Series {
    let mut all = Series::new();
    for Database { oid, name, .. } in databases {
        let here = clients(titles).iter().filter(|client| &client.database == name).count();
        let vacuums = titles.iter().filter(|title| **title == format!("autovacuum worker {name}")).count();
        all.insert(series("pg_stat_database_numbackends", &[oid, name]), number(here + vacuums));
        let done = known.work.get(name.as_str());
        for (counter, value) in of_database(watcher, name).await {
            let value = done.and_then(|done| done.get(counter)).copied().unwrap_or(value);
            all.insert(series(&format!("pg_stat_database_{counter}"), &[oid, name]), value);
        }
        for (cause, value) in counters(watcher, name, &CONFLICTS).await {
            all.insert(series(&format!("pg_stat_database_conflicts_confl_{cause}"), &[oid, name]), value);
        }
    }
    all
}

/// The archiver by the files that it has made, and checkpoints by the log.
pub(super) async fn background(watcher: &mut Session, data: &Path, known: &Known, side: Side) -> Series {
    let archived = known.archive.as_ref().map_or(Vec::new(), |archive| files(&archive.folder));
    let failures = known.archive.as_ref().and_then(|archive| fs::read_to_string(&archive.failures).ok());
    let failures = failures.map_or(0, |text| text.lines().count());
    let mut all = Series::from([
        ("pg_stat_archiver_archived_count".to_owned(), number(archived.len())),
        ("pg_stat_archiver_failed_count".to_owned(), number(failures)),
    ]);
    let last = archived.iter().map(|(_, file)| modified(file)).max_by(f64::total_cmp);
    let failed =
        known.archive.as_ref().and_then(|archive| Some(modified(&archive.failures.metadata().ok()?)));
    for (name, time) in [("archived", last), ("failed", failed)] {
        if let Some(earliest) = time {
            let time = side.time(Moment { earliest, latest: now() });
            all.insert(format!("pg_stat_archiver_last_{name}_timestamp_seconds"), time);
            if name == "archived" {
                let age = side.age(Moment { earliest, latest: now() }).max(0.0);
                all.insert("pg_stat_archiver_last_archive_age".to_owned(), age);
            }
        }
    }
    all.extend(checkpoints(&log(data)));
    for (counter, function) in OF_WRITERS {
        let value = watcher.number(&format!("SELECT {function}")).await;
        all.insert(format!("pg_stat_bgwriter_{counter}_total"), value);
    }
    all
}

/// Since the last start. The one that ends a server is not counted.
fn checkpoints(log: &str) -> Series {
    let (mut timed, mut requested) = (0, 0);
    for line in log.lines() {
        let Some((_, why)) = line.split_once("point starting: ") else {
            if line.contains("starting PostgreSQL") {
                (timed, requested) = (0, 0);
            }
            continue;
        };
        match why {
            "time" => timed += 1,
            _ if why.contains("shutdown") => {}
            _ => requested += 1,
        }
    }
    let name = |kind: &str| format!("pg_stat_bgwriter_checkpoints_{kind}_total");
    Series::from([(name("timed"), number(timed)), (name("req"), number(requested))])
}

/// How many temporary files a server has logged, and their bytes.
pub(super) async fn temporary(server: &Postgres) -> (f64, f64) {
    let data = server.sql("SHOW data_directory").await;
    let log = log(Path::new(&data));
    let sizes = log.lines().filter(|line| line.contains("temporary file: "));
    let sizes = sizes.filter_map(|line| line.rsplit_once("size ")?.1.parse::<u32>().ok());
    sizes.fold((0.0, 0.0), |(files, bytes), size| (files + 1.0, bytes + f64::from(size)))
}
