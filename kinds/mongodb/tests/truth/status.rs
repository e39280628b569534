//! Counters, and what only the storage engine knows: by another client, before and after.

use mongodb::bson::Document;
use testkit::recount::{Series, series};

use super::member::number;

/// Counters of a server, with the labels that follow its name.
const COUNTERS: [(&str, &[&str], &str); 22] = [
    ("mongodb_ss_connections_created_total", &[], "connections.totalCreated"),
    ("mongodb_ss_opcounters", &["insert"], "opcounters.insert"),
    ("mongodb_ss_opcounters", &["query"], "opcounters.query"),
    ("mongodb_ss_opcounters", &["update"], "opcounters.update"),
    ("mongodb_ss_opcounters", &["delete"], "opcounters.delete"),
    ("mongodb_ss_opcounters", &["getmore"], "opcounters.getmore"),
    ("mongodb_ss_opcounters", &["command"], "opcounters.command"),
    ("mongodb_ss_op_latencies_latency", &["reads"], "opLatencies.reads.latency"),
    ("mongodb_ss_op_latencies_latency", &["writes"], "opLatencies.writes.latency"),
    ("mongodb_ss_op_latencies_latency", &["commands"], "opLatencies.commands.latency"),
    ("mongodb_ss_op_latencies_ops", &["reads"], "opLatencies.reads.ops"),
    ("mongodb_ss_op_latencies_ops", &["writes"], "opLatencies.writes.ops"),
    ("mongodb_ss_op_latencies_ops", &["commands"], "opLatencies.commands.ops"),
    ("mongodb_ss_metrics_cursor_timed_out", &[], "metrics.cursor.timedOut"),
    ("mongodb_ss_asserts", &["regular"], "asserts.regular"),
    ("mongodb_ss_asserts", &["warning"], "asserts.warning"),
    ("mongodb_ss_asserts", &["msg"], "asserts.msg"),
    ("mongodb_ss_asserts", &["user"], "asserts.user"),
    ("mongodb_ss_network_bytes_in", &[], "network.bytesIn"),
    ("mongodb_ss_network_bytes_out", &[], "network.bytesOut"),
    (
        "mongodb_ss_metrics_query_executor_collection_scans_total",
        &[],
        "metrics.queryExecutor.collectionScans.total",
    ),
    ("mongodb_ss_metrics_query_executor_scanned_objects", &[], "metrics.queryExecutor.scannedObjects"),
];

const GAUGES: [(&str, &[&str], &str); 8] = [
    (
        "mongodb_ss_wt_cache_bytes_currently_in_the_cache",
        &[],
        "wiredTiger.cache.bytes currently in the cache",
    ),
    (
        "mongodb_ss_wt_cache_tracked_dirty_bytes_in_the_cache",
        &[],
        "wiredTiger.cache.tracked dirty bytes in the cache",
    ),
    ("mongodb_ss_wt_concurrent_transactions_out", &["read"], "wiredTiger.concurrentTransactions.read.out"),
    ("mongodb_ss_wt_concurrent_transactions_out", &["write"], "wiredTiger.concurrentTransactions.write.out"),
    (
        "mongodb_ss_wt_concurrent_transactions_available",
        &["read"],
        "wiredTiger.concurrentTransactions.read.available",
    ),
    (
        "mongodb_ss_wt_concurrent_transactions_available",
        &["write"],
        "wiredTiger.concurrentTransactions.write.available",
    ),
    ("mongodb_ss_global_lock_current_queue", &["readers"], "globalLock.currentQueue.readers"),
    ("mongodb_ss_global_lock_current_queue", &["writers"], "globalLock.currentQueue.writers"),
];

/// The size of the cache that every server is started with here.
const CACHE: f64 = 256.0 * 1024.0 * 1024.0;

pub(super) fn series_of(status: &Document) -> Series {
    let host = status.get_str("host").expect("it has a name");
    let value = |path: &str| number(status, path).unwrap_or_else(|| panic!("no {path}"));
    let counters =
        COUNTERS.iter().map(|(name, labels, path)| (series(name, &[&[host], *labels].concat()), value(path)));
    let gauges = GAUGES.iter().map(|(name, labels, path)| (series(name, labels), value(path)));
    let version = status.get_str("version").expect("it has a version");
    let mut all: Series = counters.chain(gauges).collect();
    all.insert(series("mongodb_version_info", &[version]), 1.0);
    all.insert("mongodb_ss_wt_cache_maximum_bytes_configured".to_owned(), CACHE);
    all
}
