//! Tables: rows by what the scenario did, counters from functions one by one, sizes by files.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::files;
use super::known::{Known, Side, Table};
use super::recount::parsed;
use super::session::Session;
use testkit::recount::{Series, series};

/// Tables without a series of their own.
const OTHER: [&str; 3] = ["postgres", "other", "other"];

/// What a function says of the indexes of a table.
macro_rules! of_indexes {
    ($function:literal, $table:literal) => {
        concat!("(SELECT sum(", $function, "(indexrelid)) FROM pg_index WHERE indrelid = ", $table, ")")
    };
}

/// What is counted about changes, which a standby does not see.
const CHANGES: [(&str, &str); 12] = [
    ("n_mod_since_analyze", "pg_stat_get_mod_since_analyze(oid)"),
    ("n_tup_ins", "pg_stat_get_tuples_inserted(oid)"),
    ("n_tup_upd", "pg_stat_get_tuples_updated(oid)"),
    ("n_tup_del", "pg_stat_get_tuples_deleted(oid)"),
    ("n_tup_hot_upd", "pg_stat_get_tuples_hot_updated(oid)"),
    ("vacuum_count", "pg_stat_get_vacuum_count(oid)"),
    ("autovacuum_count", "pg_stat_get_autovacuum_count(oid)"),
    ("analyze_count", "pg_stat_get_analyze_count(oid)"),
    ("autoanalyze_count", "pg_stat_get_autoanalyze_count(oid)"),
    ("last_vacuum", "extract(epoch FROM pg_stat_get_last_vacuum_time(oid))"),
    ("last_analyze", "extract(epoch FROM pg_stat_get_last_analyze_time(oid))"),
    ("last_autoanalyze", "extract(epoch FROM pg_stat_get_last_autoanalyze_time(oid))"),
];

/// What is counted about reads.
const READS: [(&str, &str); 12] = [
    ("pg_stat_user_tables_seq_scan", "pg_stat_get_numscans(oid)"),
    ("pg_stat_user_tables_seq_tup_read", "pg_stat_get_tuples_returned(oid)"),
    ("pg_stat_user_tables_idx_scan", of_indexes!("pg_stat_get_numscans", "c.oid")),
    ("pg_stat_user_tables_idx_tup_fetch", of_indexes!("pg_stat_get_tuples_fetched", "c.oid")),
    (
        "pg_statio_user_tables_heap_blocks_read",
        "pg_stat_get_blocks_fetched(oid) - pg_stat_get_blocks_hit(oid)",
    ),
    ("pg_statio_user_tables_heap_blocks_hit", "pg_stat_get_blocks_hit(oid)"),
    (
        "pg_statio_user_tables_idx_blocks_read",
        concat!(
            of_indexes!("pg_stat_get_blocks_fetched", "c.oid"),
            " - ",
            of_indexes!("pg_stat_get_blocks_hit", "c.oid")
        ),
    ),
    ("pg_statio_user_tables_idx_blocks_hit", of_indexes!("pg_stat_get_blocks_hit", "c.oid")),
    (
        "pg_statio_user_tables_toast_blocks_read",
        "pg_stat_get_blocks_fetched(nullif(reltoastrelid, 0)) - pg_stat_get_blocks_hit(nullif(reltoastrelid, 0))",
    ),
    ("pg_statio_user_tables_toast_blocks_hit", "pg_stat_get_blocks_hit(nullif(reltoastrelid, 0))"),
    (
        "pg_statio_user_tables_tidx_blocks_read",
        concat!(
            of_indexes!("pg_stat_get_blocks_fetched", "c.reltoastrelid"),
            " - ",
            of_indexes!("pg_stat_get_blocks_hit", "c.reltoastrelid")
        ),
    ),
    ("pg_statio_user_tables_tidx_blocks_hit", of_indexes!("pg_stat_get_blocks_hit", "c.reltoastrelid")),
];

/// Every file of a table: its own and those of its TOAST table and of the indexes of that, and those of its indexes.
const FILES: &str = "WITH c AS (SELECT * FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
    SELECT relname, 'table', pg_relation_filenode(oid) FROM c
    UNION ALL SELECT relname, 'table', pg_relation_filenode(reltoastrelid) FROM c WHERE reltoastrelid <> 0
    UNION ALL SELECT relname, CASE WHEN indrelid = c.oid THEN 'index' ELSE 'table' END, pg_relation_filenode(indexrelid)
              FROM c JOIN pg_index ON indrelid IN (c.oid, c.reltoastrelid)";

/// Which tables have series of their own: those with the most dead rows, which have the most rows and reads as well.
struct Places<'a>(Vec<&'a String>);

impl<'a> Places<'a> {
    fn of(known: &'a Known) -> Self {
        let mut ranked: Vec<(&String, &Table)> = known.tables.iter().collect();
        ranked.sort_by(|a, b| b.1.dead.total_cmp(&a.1.dead));
        let own = if ranked.len() > known.top_tables + 1 { known.top_tables } else { ranked.len() };
        Self(ranked.into_iter().take(own).map(|(name, _)| name).collect())
    }

    fn labels<'b>(&self, name: &'b String) -> Option<[&'b str; 3]> {
        self.0.contains(&name).then_some(["postgres", "public", name])
    }
}

pub(super) async fn tables(
    watcher: &mut Session,
    directory: &Path,
    is_replica: bool,
    known: &Known,
    side: Side,
) -> Series {
    let places = Places::of(known);
    let mut all = reads(watcher, &places, side).await;
    all.extend(sizes(watcher, directory, &places).await);
    if !is_replica {
        all.extend(rows(watcher, &places, known, side).await);
        all.extend(changes(watcher, &places).await);
    }
    all
}

async fn rows(watcher: &mut Session, places: &Places<'_>, known: &Known, side: Side) -> Series {
    let mut all = Series::new();
    for (name, table) in &known.tables {
        let live = match known.forgets_rows {
            true => 0.0,
            false => watcher.number(&format!("SELECT count(*) FROM {name}")).await,
        };
        let own = places.labels(name);
        let labels = own.unwrap_or(OTHER);
        *all.entry(series("pg_stat_user_tables_n_dead_tup", &labels)).or_default() += table.dead;
        *all.entry(series("pg_stat_user_tables_n_live_tup", &labels)).or_default() += live;
        if own.is_some() {
            let due = table.threshold + table.scale_factor * table.analyzed;
            all.insert(series("pg_stat_user_tables_autovacuum_threshold", &labels), due);
            if let Some(run) = table.autovacuum {
                all.insert(series("pg_stat_user_tables_last_autovacuum", &labels), side.time(run));
            }
        }
    }
    all
}

/// A row for each table, with its name first.
async fn counted(watcher: &mut Session, columns: &[(&str, &str)]) -> Vec<(String, Vec<Option<f64>>)> {
    let columns: Vec<&str> = columns.iter().map(|(_, function)| *function).collect();
    let sql = format!(
        "SELECT relname, {} FROM pg_class AS c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        columns.join(", ")
    );
    let row = |mut row: Vec<Option<String>>| {
        let values =
            row.split_off(1).iter().map(|cell| cell.as_ref().map(|cell| parsed(Some(cell)))).collect();
        (row.remove(0).expect("it has a name"), values)
    };
    watcher.rows(&sql).await.into_iter().map(row).collect()
}

/// Nobody changes the tables that have no series of their own, so nothing is added under `other`.
async fn changes(watcher: &mut Session, places: &Places<'_>) -> Series {
    let mut all = Series::new();
    for (name, values) in counted(watcher, &CHANGES).await {
        for ((column, _), value) in CHANGES.iter().zip(values) {
            let family = format!("pg_stat_user_tables_{column}");
            match (places.labels(&name), value) {
                (Some(labels), Some(value)) => drop(all.insert(series(&family, &labels), value)),
                (None, Some(value)) if *column == "n_mod_since_analyze" => {
                    *all.entry(series(&family, &OTHER)).or_default() += value;
                }
                (None, Some(_)) => drop(all.insert(series(&family, &OTHER), 0.0)),
                (_, None) => {}
            }
        }
    }
    all
}

/// Under `other`, what was read since the first probe: all that was read, at most.
async fn reads(watcher: &mut Session, places: &Places<'_>, side: Side) -> Series {
    let mut all = Series::new();
    for (name, values) in counted(watcher, &READS).await {
        for ((family, _), value) in READS.iter().zip(values) {
            match (places.labels(&name), value, side) {
                (Some(labels), Some(value), _) => drop(all.insert(series(family, &labels), value)),
                (Some(_), None, _) => {}
                (None, value, Side::After(_)) => {
                    *all.entry(series(family, &OTHER)).or_default() += value.unwrap_or(0.0);
                }
                (None, _, Side::Before) => drop(all.insert(series(family, &OTHER), 0.0)),
            }
        }
    }
    all
}

async fn sizes(watcher: &mut Session, directory: &Path, places: &Places<'_>) -> Series {
    let mut on_disk: BTreeMap<String, u64> = BTreeMap::new();
    for (name, file) in files(directory) {
        // Parts of a gigabyte, and maps of free space and of visibility.
        let node = name.split(['.', '_']).next().expect("it has a beginning").to_owned();
        *on_disk.entry(node).or_default() += file.len();
    }
    let mut all = Series::new();
    for row in watcher.rows(FILES).await {
        let [name, part, node] =
            <[_; 3]>::try_from(row).expect("three columns").map(|cell| cell.expect("known"));
        #[expect(clippy::cast_precision_loss, reason = "files of a test are small")]
        let bytes = on_disk.get(&node).copied().unwrap_or_default() as f64;
        let labels = places.labels(&name).unwrap_or(OTHER);
        let [of_table, of_indexes] =
            ["table", "index"].map(|part| format!("pg_stat_user_tables_{part}_size_bytes"));
        // A table without an index has none on disk.
        *all.entry(series(&of_indexes, &labels)).or_default() += if part == "index" { bytes } else { 0.0 };
        *all.entry(series(&of_table, &labels)).or_default() += if part == "table" { bytes } else { 0.0 };
    }
    all
}
