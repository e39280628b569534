//! Every sample in hard states, recounted from what the server reports to another client.

mod fields;
mod latency;
mod sentinel;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::Value;

use self::fields::OF_INFO;
use super::{probe, source};
use testkit::recount::{Recounts, Series, series};
use testkit::redis::Redis;
use testkit::subject::Subject;
use testkit::wait::{eventually, until};

const PATIENCE: Duration = Duration::from_secs(20);

/// What moves between two readings, and not in one direction.
const MOVING: [&str; 3] = ["redis_memory_used", "redis_mem_fragmentation_ratio", "redis_allocator"];

/// The labels of a server, in their order.
const IDENTITY: [&str; 12] = [
    "role",
    "redis_version",
    "redis_build_id",
    "redis_mode",
    "os",
    "maxmemory_policy",
    "tcp_port",
    "run_id",
    "process_id",
    "master_replid",
    "valkey_version",
    "valkey_release_stage",
];

/// The streams and keys of the scenario.
const KEYS: [&str; 3] = ["jobs", "events", "gone"];

/// Every series, by another client.
async fn recount(server: &Redis, keys: &[&str]) -> Series {
    let text: String = server.run(&["INFO", "all"]).await;
    let info: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let number = |field: &str| info.get(field).and_then(|value| value.parse::<f64>().ok());
    let ok = |field: &str, good: &str| f64::from(info.get(field) == Some(&good));
    let mut all = Series::from([
        (series("redis_instance_info", &IDENTITY.map(|field| info.get(field).copied().unwrap_or(""))), 1.0),
        ("redis_latest_fork_seconds".to_owned(), number("latest_fork_usec").expect("INFO has it") / 1e6),
    ]);
    let started = number("server_time_usec").zip(number("uptime_in_seconds"));
    let (now, uptime) = started.expect("INFO has both");
    all.insert("redis_start_time_seconds".to_owned(), (now / 1e6).trunc() - uptime);
    let value = |field: &str| match field.ends_with("_status") {
        true => info.get(field).map(|status| f64::from(*status == "ok")),
        false => number(field),
    };
    all.extend(OF_INFO.iter().filter_map(|(name, field)| Some(((*name).to_owned(), value(field)?))));
    // The connection that asks.
    *all.get_mut("redis_connected_clients").expect("INFO has it") -= 1.0;
    for (field, value) in &info {
        all.extend(of_table(field, value));
    }
    if info.get("role") == Some(&"slave") {
        let master = [info["master_host"], info["master_port"]];
        let of_replica = [master[0], master[1], info["slave_read_only"]];
        all.insert(series("redis_slave_info", &of_replica), 1.0);
        let offset = number("slave_repl_offset").expect("a replica knows it");
        all.insert(series("redis_slave_repl_offset", &master), offset);
        all.insert(series("redis_master_link_up", &master), ok("master_link_status", "up"));
        all.insert(series("redis_master_sync_in_progress", &master), ok("master_sync_in_progress", "1"));
        let last = number("master_last_io_seconds_ago").expect("a replica knows it");
        all.insert(series("redis_master_last_io_seconds_ago", &master), last);
    }
    if info["redis_mode"] == "sentinel" {
        all.extend(sentinel::of_masters(server).await);
        return all;
    }
    all.extend(latency::of_commands(server, &info).await);
    all.extend(of_slow_log(server).await);
    all.extend(of_keys(server, keys).await);
    if info["cluster_enabled"] == "1" {
        let text: String = server.run(&["CLUSTER", "INFO"]).await;
        let cluster: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
        all.insert("redis_cluster_state".to_owned(), f64::from(cluster["cluster_state"] == "ok"));
        for (field, value) in cluster.into_iter().filter(|(field, _)| field.starts_with("cluster_")) {
            let Ok(value) = value.parse() else { continue };
            let name = match field {
                "cluster_stats_messages_sent" => "redis_cluster_messages_sent_total".to_owned(),
                "cluster_stats_messages_received" => "redis_cluster_messages_received_total".to_owned(),
                _ => format!("redis_{}", field.replace('-', "_")),
            };
            all.insert(name, value);
        }
    }
    all
}

/// The lines of INFO that have several values: `db0:keys=1,expires=0`.
fn of_table(field: &str, text: &str) -> Series {
    let values: BTreeMap<&str, &str> = text.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let number = |name: &str| values[name].parse::<f64>().expect("a number");
    if let Some(command) = field.strip_prefix("cmdstat_") {
        return Series::from([
            (series("redis_commands_total", &[command]), number("calls")),
            (series("redis_commands_duration_seconds_total", &[command]), number("usec") / 1e6),
            (series("redis_commands_rejected_calls_total", &[command]), number("rejected_calls")),
            (series("redis_commands_failed_calls_total", &[command]), number("failed_calls")),
        ]);
    }
    if let Some(error) = field.strip_prefix("errorstat_") {
        return Series::from([(series("redis_errors_total", &[error]), number("count"))]);
    }
    if field.starts_with("db") && values.contains_key("keys") {
        return Series::from([
            (series("redis_db_keys", &[field]), number("keys")),
            (series("redis_db_keys_expiring", &[field]), number("expires")),
            (series("redis_db_avg_ttl_seconds", &[field]), number("avg_ttl") / 1000.0),
        ]);
    }
    if field.starts_with("slave") && values.contains_key("ip") {
        let labels = ["ip", "port", "state"].map(|name| values[name]);
        return Series::from([
            (series("redis_connected_slave_lag_seconds", &labels), number("lag")),
            (series("redis_connected_slave_offset_bytes", &labels), number("offset")),
        ]);
    }
    Series::new()
}

async fn of_slow_log(server: &Redis) -> Series {
    let length: f64 = server.run(&["SLOWLOG", "LEN"]).await;
    let mut all = Series::from([("redis_slowlog_length".to_owned(), length)]);
    let entries: Vec<Vec<Value>> = server.run(&["SLOWLOG", "GET", "1"]).await;
    if let [entry] = &entries[..] {
        let number = |index: usize| redis::from_redis_value::<f64>(entry[index].clone()).expect("a number");
        all.insert("redis_slowlog_last_id".to_owned(), number(0));
        all.insert("redis_last_slow_execution_duration_seconds".to_owned(), number(2) / 1e6);
    }
    all
}

/// The sizes of the declared keys, by the command of each type.
async fn of_keys(server: &Redis, keys: &[&str]) -> Series {
    let mut all = Series::new();
    for &key in keys {
        let kind: String = server.run(&["TYPE", key]).await;
        let size: f64 = match kind.as_str() {
            "list" => server.run(&["LLEN", key]).await,
            "stream" => server.run(&["XLEN", key]).await,
            _ => 0.0,
        };
        all.insert(series("redis_key_size", &["db0", key]), size);
        if kind != "stream" {
            continue;
        }
        all.insert(series("redis_stream_length", &["db0", key]), size);
        let groups: Vec<BTreeMap<String, Value>> = server.run(&["XINFO", "GROUPS", key]).await;
        for group in groups {
            let name: String = redis::from_redis_value(group["name"].clone()).expect("a name");
            let number =
                |field: &str| redis::from_redis_value::<f64>(group[field].clone()).expect("a number");
            let labels = ["db0", key, &name];
            all.insert(series("redis_stream_group_lag", &labels), number("lag"));
            all.insert(series("redis_stream_group_messages_pending", &labels), number("pending"));
        }
    }
    all
}

/// A server with the source that watches it, and the keys whose size it exports.
struct Watched {
    keys: &'static [&'static str],
    subject: Subject,
}

impl Watched {
    fn new(server: &Redis, keys: &'static [&'static str], more: &str) -> Self {
        let named: Vec<String> = keys.iter().map(|key| format!("{{name: {key}}}")).collect();
        let subject = source(&server.url(), &format!("keys: [{}]{more}", named.join(", ")));
        Self { keys, subject }
    }

    async fn check(&mut self, recounts: &mut Recounts, state: &str, server: &Redis) {
        let mut before = recount(server, self.keys).await;
        let began = Instant::now();
        let observation = probe(&mut self.subject).await;
        let took = began.elapsed().as_secs_f64();
        let mut after = recount(server, self.keys).await;
        before.insert("redis_ping_duration_seconds".to_owned(), 0.0);
        after.insert("redis_ping_duration_seconds".to_owned(), took);
        latency::widen(&mut before, &mut after);
        recounts.compare(state, &before, &observation.families, &after, &MOVING);
    }
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    // Of a histogram, there are only the buckets that are not empty.
    let mut recounts = Recounts::without_count("redis_commands_latencies_usec_bucket");
    // A slow log that nothing enters by itself: each reading would change it.
    let mut primary = Redis::options().setting("slowlog-log-slower-than -1").start().await;
    let mut of_primary = Watched::new(&primary, &KEYS, "");
    of_primary.check(&mut recounts, "empty", &primary).await;

    for number in 0..5 {
        primary.run::<()>(&["RPUSH", "jobs", &number.to_string()]).await;
        primary.run::<()>(&["XADD", "events", "*", "number", &number.to_string()]).await;
    }
    primary.run::<()>(&["XGROUP", "CREATE", "events", "workers", "0"]).await;
    primary
        .run::<Value>(&["XREADGROUP", "GROUP", "workers", "w1", "COUNT", "2", "STREAMS", "events", ">"])
        .await;
    primary.run::<()>(&["SET", "brief", "1", "PX", "1"]).await;
    primary.run::<()>(&["SET", "lasting", "1", "EX", "1000"]).await;
    eventually(PATIENCE, "a key has expired", async || {
        primary.run::<Option<String>>(&["GET", "brief"]).await.is_none()
    })
    .await;
    of_primary.check(&mut recounts, "lists, streams, keys that expire", &primary).await;

    let replica = Redis::options().replica_of(&primary).setting("slowlog-log-slower-than -1").start().await;
    let mut of_replica = Watched::new(&replica, &KEYS, "");
    until(PATIENCE, "the replica is attached", async || {
        let info: String = primary.run(&["INFO", "replication"]).await;
        info.contains("state=online").then_some(())
    })
    .await;
    of_primary.check(&mut recounts, "a primary with a replica", &primary).await;
    of_replica.check(&mut recounts, "a replica", &replica).await;

    replica.stop();
    of_primary.check(&mut recounts, "a primary whose replica hangs", &primary).await;
    replica.resume();

    primary.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    primary.run::<()>(&["CONFIG", "SET", "maxmemory", "3mb"]).await;
    let mut filled = 0;
    until(PATIENCE, "keys are evicted", async || {
        for _ in 0..200 {
            filled += 1;
            primary.run::<()>(&["SET", &format!("filler:{filled}"), &"x".repeat(5000)]).await;
        }
        let info: String = primary.run(&["INFO", "stats"]).await;
        (!info.contains("evicted_keys:0\r")).then_some(())
    })
    .await;
    of_primary.check(&mut recounts, "memory is full, keys are evicted", &primary).await;

    primary.kill();
    until(PATIENCE, "the replica has lost its master", async || {
        let info: String = replica.run(&["INFO", "replication"]).await;
        info.contains("master_link_status:down").then_some(())
    })
    .await;
    of_replica.check(&mut recounts, "a replica without its master", &replica).await;
    primary.restart().await;
    // Its commands count on the primary.
    until(PATIENCE, "the replica has its master", async || {
        let info: String = replica.run(&["INFO", "replication"]).await;
        info.contains("master_link_status:up").then_some(())
    })
    .await;
    of_primary.check(&mut recounts, "restarted", &primary).await;

    let node = Redis::options().cluster().setting("slowlog-log-slower-than -1").start().await;
    let mut of_node = Watched::new(&node, &[], ", cluster: true");
    of_node.check(&mut recounts, "a cluster without slots", &node).await;
    node.take_all_slots().await;
    of_node.check(&mut recounts, "a cluster", &node).await;

    let sentinel = Redis::options().sentinel_of(&replica).start().await;
    let mut of_sentinel = Watched::new(&sentinel, &[], "");
    of_sentinel.check(&mut recounts, "a sentinel", &sentinel).await;
    recounts.finish("redis");
}
