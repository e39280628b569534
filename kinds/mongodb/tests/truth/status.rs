//! serverStatus, by another client, before and after.

use mongodb::bson::Document;
use testkit::recount::{Series, series};

use super::numbers::{locks, numbers, of_server_status};

/// What each server only counts up.
const COUNTERS: [&str; 9] = [
    "mongodb_ss_opcounters",
    "mongodb_ss_opLatencies_",
    "mongodb_ss_asserts",
    "mongodb_ss_network_bytes",
    "mongodb_ss_network_numRequests",
    "mongodb_ss_metrics_commands_",
    "mongodb_ss_metrics_document",
    "mongodb_ss_metrics_queryExecutor_",
    "mongodb_ss_metrics_cursor_timedOut",
];

/// What other parts of the truth know better, or what is exact.
const EXACT: [&str; 8] = [
    "mongodb_ss_connections",
    "mongodb_ss_metrics_cursor_open",
    "mongodb_ss_globalLock_currentQueue",
    "mongodb_ss_mem_resident",
    "mongodb_ss_uptime{",
    "mongodb_ss_wt_cache_maximum",
    "mongodb_ss_wt_concurrentTransactions",
    "mongodb_ss_storageEngine_",
];

/// The size of the cache that every server is started with here.
const CACHE: f64 = 256.0 * 1024.0 * 1024.0;

/// Memory that a server may take and give back between two readings.
const MEMORY: f64 = 64.0 * 1024.0 * 1024.0;

pub(super) fn series_of(status: &Document) -> Series {
    let host = status.get_str("host").expect("it has a name");
    let version = status.get_str("version").expect("it has a version");
    let mut counted = status.clone();
    counted.remove("oplog");
    let mut all = numbers("ss_", &[host], &counted, of_server_status);
    all.extend(locks(host, status));
    all.insert(series("mongodb_version_info", &[version, "Community", "MongoDB"]), 1.0);
    all.insert(series("mongodb_ss_wt_cache_maximum_bytes_configured", &[host]), CACHE);
    all
}

/// How far a series may be from what it was before and after: not at all for what is known to be a counter, or known
/// better. What a server says of its inside goes up and down by itself.
pub(super) fn slack(series: &str, value: f64) -> f64 {
    // What was counted under `other` since the first probe.
    if series.starts_with("mongodb_collstats_latencyStats_") && series.contains("{other") {
        return f64::INFINITY;
    }
    let is_one_of = |names: &[&str]| names.iter().any(|name| series.starts_with(name));
    let is_inside = ["mongodb_ss_", "mongodb_oplog_stats_wt_"].iter().any(|start| series.starts_with(start));
    if !is_inside || is_one_of(&COUNTERS) || is_one_of(&EXACT) {
        return 0.0;
    }
    let holds_memory =
        ["bytes", "Bytes", "tcmalloc", "heap", "size"].iter().any(|part| series.contains(part));
    0.5 * value.abs() + if holds_memory { MEMORY } else { 1_000.0 }
}
