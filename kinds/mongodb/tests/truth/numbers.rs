//! Every number of an answer, under the name that mongodb_exporter documents for its path.

use mongodb::bson::{Bson, Document};
use testkit::recount::{Series, series};

/// A number as it is exported: times in milliseconds, and none for the beginning of 1970.
fn value(bson: &Bson) -> Option<f64> {
    match bson {
        Bson::Boolean(yes) => Some(f64::from(u8::from(*yes))),
        Bson::Double(number) => Some(*number),
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::DateTime(time) if time.timestamp_millis() != 0 => Some(time.timestamp_millis() as f64),
        Bson::Timestamp(time) if time.time != 0 => Some(f64::from(time.time)),
        _ => None,
    }
}

/// Calls back with the keys that lead to each number, and the number.
fn walk<'a>(document: &'a Document, keys: &mut Vec<&'a str>, found: &mut impl FnMut(&[&str], f64)) {
    for (key, bson) in document.iter().filter(|(key, _)| *key != "$clusterTime" && *key != "operationTime") {
        keys.push(key);
        match (bson, value(bson)) {
            (Bson::Document(inner), _) => walk(inner, keys, found),
            (_, Some(number)) => found(keys, number),
            _ => {}
        }
        keys.pop();
    }
}

/// `["cache", "bytes read (MB)"]` as `cache_bytes_read_MB`.
fn joined(keys: &[&str]) -> String {
    let text: String =
        keys.join(".").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    text.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// Every number of an answer below a prefix. `rule` gives another name, and the labels that keys become.
pub(super) fn numbers(
    prefix: &str,
    labels: &[&str],
    answer: &Document,
    rule: impl Fn(&[&str]) -> Option<(String, Vec<String>)>,
) -> Series {
    let mut all = Series::new();
    walk(answer, &mut Vec::new(), &mut |keys, number| {
        let (name, own) = rule(keys).unwrap_or_else(|| (joined(keys), Vec::new()));
        let labels: Vec<&str> = labels.iter().copied().chain(own.iter().map(String::as_str)).collect();
        all.insert(series(&format!("mongodb_{prefix}{name}"), &labels), number);
    });
    all
}

/// No rule: each path is a name.
pub(super) fn plain(_: &[&str]) -> Option<(String, Vec<String>)> {
    None
}

/// The rules for serverStatus.
pub(super) fn of_server_status(keys: &[&str]) -> Option<(String, Vec<String>)> {
    let labelled = |name: &str, label: &str| Some((name.to_owned(), vec![label.to_owned()]));
    match keys {
        [section @ ("asserts" | "connections" | "opcounters" | "opcountersRepl"), key] => {
            labelled(section, key)
        }
        ["globalLock", "currentQueue", key] => labelled("globalLock_currentQueue", key),
        ["metrics", "cursor", "open", key] => labelled("metrics_cursor_open", key),
        ["metrics", section @ ("commands" | "document"), key] => labelled(&format!("metrics_{section}"), key),
        ["opLatencies", kind, what @ ("ops" | "latency")] => labelled(&format!("opLatencies_{what}"), kind),
        ["wiredTiger", "concurrentTransactions", kind, what] => {
            labelled(&format!("wt_concurrentTransactions_{what}"), kind)
        }
        ["wiredTiger", "perf", bucket] => labelled("wt_perf", bucket),
        ["wiredTiger", "transaction", rest @ ..] => Some((format!("wt_txn_{}", joined(rest)), Vec::new())),
        ["wiredTiger", rest @ ..] => Some((format!("wt_{}", joined(rest)), Vec::new())),
        _ => None,
    }
}

/// The locks that also have their mode as a label.
pub(super) fn locks(host: &str, status: &Document) -> Series {
    let shown = [
        ("acquireCount", "Global", "r"),
        ("acquireCount", "Global", "w"),
        ("acquireCount", "Global", "W"),
        ("acquireCount", "ParallelBatchWriterMode", "r"),
        ("acquireCount", "ReplicationStateTransition", "w"),
        ("acquireWaitCount", "ReplicationStateTransition", "W"),
        ("timeAcquiringMicros", "ReplicationStateTransition", "w"),
    ];
    let of = |(what, resource, mode): (&str, &str, &str)| {
        let counts =
            status.get_document("locks").ok()?.get_document(resource).ok()?.get_document(what).ok()?;
        Some((
            series(&format!("mongodb_ss_locks_{what}"), &[host, mode, resource]),
            value(counts.get(mode)?)?,
        ))
    };
    shown.into_iter().filter_map(of).collect()
}
