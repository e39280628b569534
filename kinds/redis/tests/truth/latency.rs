//! How long commands take, by another client.

use std::collections::BTreeMap;

use redis::Value;
use testkit::recount::{Series, series};
use testkit::redis::Redis;

/// Commands that neither probes nor recounts send. The percentiles of others move with each.
const QUIET: [&str; 6] = ["rpush", "xadd", "xgroup|create", "xreadgroup", "set", "get"];

/// What depends on who is connected, on the load of the machine, and on when it is asked, up to a bound.
const WIDE: [(&str, f64); 16] = [
    // Whole seconds since its last acknowledgement, one of which comes each second.
    ("redis_connected_slave_lag_seconds", 60.0),
    ("redis_mem_clients_normal", 1e9),
    ("redis_mem_clients_slaves", 1e9),
    // An estimate, of keys that live for 1000 s.
    ("redis_db_avg_ttl_seconds", 1e3),
    ("redis_expired_stale_percentage", 100.0),
    ("redis_client_recent_max_input_buffer_bytes", 1e9),
    ("redis_client_recent_max_output_buffer_bytes", 1e9),
    ("redis_memory_used_dataset_bytes", 1e9),
    ("redis_allocator_frag_bytes", 1e9),
    ("redis_allocator_rss_bytes", 1e9),
    ("redis_allocator_frag_ratio", 100.0),
    ("redis_allocator_rss_ratio", 100.0),
    ("redis_mem_fragmentation_bytes", 1e9),
    ("redis_current_eviction_exceeded_time_ms", 1e6),
    ("redis_hz", 500.0),
    ("redis_sentinel_master_last_ok_ping_reply_seconds", 10.0),
];

/// The number of calls, and of those that took at most so many microseconds, each after its name.
type Histogram = (String, f64, String, Vec<(u64, f64)>);

pub(super) async fn of_commands(server: &Redis, info: &BTreeMap<&str, &str>) -> Series {
    let mut all = Series::new();
    let stats =
        |command: &str| -> BTreeMap<&str, f64> { numbers(info[format!("cmdstat_{command}").as_str()]) };
    for (field, percentiles) in info {
        let Some(command) = field.strip_prefix("latency_percentiles_usec_") else { continue };
        for (percentile, value) in numbers(percentiles) {
            let labels = [command, percentile.trim_start_matches('p')];
            all.insert(series("redis_latency_percentiles_usec", &labels), value);
        }
        all.insert(series("redis_latency_percentiles_usec_count", &[command]), stats(command)["calls"]);
        all.insert(series("redis_latency_percentiles_usec_sum", &[command]), stats(command)["usec"]);
        all.insert(series("redis_commands_latencies_usec_sum", &[command]), stats(command)["usec"]);
    }
    let histograms: BTreeMap<String, Histogram> = server.run(&["LATENCY", "HISTOGRAM"]).await;
    for (command, (_, calls, _, buckets)) in &histograms {
        all.insert(series("redis_commands_latencies_usec_count", &[command]), *calls);
        let buckets = buckets.iter().map(|(bound, calls)| (bound.to_string(), *calls));
        for (bound, calls) in buckets.chain([("+Inf".to_owned(), *calls)]) {
            all.insert(series("redis_commands_latencies_usec_bucket", &[command, &bound]), calls);
        }
    }
    let spikes: Vec<(String, f64, f64, Value)> = server.run(&["LATENCY", "LATEST"]).await;
    for (event, last, milliseconds, _) in &spikes {
        all.insert(series("redis_latency_spike_last", &[event]), *last);
        all.insert(series("redis_latency_spike_duration_seconds", &[event]), milliseconds / 1e3);
    }
    all
}

/// `calls=1,usec=2`
fn numbers(record: &str) -> BTreeMap<&str, f64> {
    let pairs = record.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name, value.parse().expect("a number"))).collect()
}

/// Sets bounds where two readings bound nothing.
pub(super) fn widen(before: &mut Series, after: &mut Series) {
    let is_quiet = |labels: &str| QUIET.iter().any(|command| labels.starts_with(&format!("{{{command},")));
    let bound = |name: &str| match name.strip_prefix("redis_latency_percentiles_usec") {
        Some(labels) if labels.starts_with('{') => (!is_quiet(labels)).then_some(1e6),
        _ => WIDE.iter().find(|(wide, _)| name.split('{').next() == Some(wide)).map(|(_, most)| *most),
    };
    for (name, high) in after {
        if let Some(most) = bound(name) {
            *high = most;
            before.entry(name.clone()).and_modify(|low| *low = 0.0);
        }
    }
}
