use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use platform_core::metric::{Desc, Family};
use platform_core::probe::Reason;
use platform_exporter::registry::Kind;

use super::{failure, plain, probe, reasons, source, source_of};
use testkit::redis::Redis;
use testkit::subject::value;
use testkit::wait::{eventually, until};

const PATIENCE: Duration = Duration::from_secs(10);

/// A field of INFO, as the server reports it to another client.
async fn info(server: &Redis, field: &str) -> String {
    known(server, field).await.unwrap_or_else(|| panic!("no {field}"))
}

/// `None` if this server has no such field.
async fn known(server: &Redis, field: &str) -> Option<String> {
    let info: String = server.run(&["INFO", "all"]).await;
    info.lines().find_map(|line| line.strip_prefix(&format!("{field}:"))).map(str::to_owned)
}

#[tokio::test]
async fn golden_values_are_those_of_the_server() {
    let server = Redis::options()
        .setting("maxmemory 100mb")
        .setting("maxclients 123")
        .setting("slowlog-log-slower-than -1")
        .start()
        .await;
    for key in ["a", "b", "c"] {
        server.run::<()>(&["SET", key, "1"]).await;
    }
    server.run::<()>(&["EXPIRE", "a", "1000"]).await;
    server.run::<Option<String>>(&["GET", "a"]).await;
    for _ in 0..2 {
        server.run::<Option<String>>(&["GET", "missing"]).await;
    }
    server.run::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    server.run::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]).await;
    let observation = probe(&mut source_of(&server)).await;
    assert_eq!(observation.problems, []);
    let families = &observation.families;
    for (name, expected) in [
        ("redis_memory_max_bytes", 104_857_600.0),
        ("redis_max_clients", 123.0),
        ("redis_keyspace_hits_total", 1.0),
        ("redis_keyspace_misses_total", 2.0),
        ("redis_connected_slaves", 0.0),
        ("redis_loading_dump_file", 0.0),
        ("redis_rdb_last_bgsave_status", 1.0),
        ("redis_aof_last_write_status", 1.0),
        ("redis_aof_enabled", 0.0),
        ("redis_rdb_changes_since_last_save", 4.0),
        ("redis_blocked_clients", 0.0),
        ("redis_rejected_connections_total", 0.0),
    ] {
        assert_eq!(plain(families, name).to_string(), expected.to_string(), "{name}");
    }
    let saved: f64 = info(&server, "rdb_last_save_time").await.parse().expect("a number");
    assert_eq!(plain(families, "redis_rdb_last_save_timestamp_seconds").to_string(), saved.to_string());
    let entries: f64 = server.run(&["SLOWLOG", "LEN"]).await;
    assert!(entries > 0.0);
    assert_eq!(plain(families, "redis_slowlog_length").to_string(), entries.to_string());
    assert_eq!(plain(families, "redis_slowlog_last_id").to_string(), (entries - 1.0).to_string());
    let slowest = plain(families, "redis_last_slow_execution_duration_seconds");
    assert!((0.0..0.1).contains(&slowest), "{slowest}");
    assert_eq!(value(families, "redis_db_keys", &["db0"]), Some(3.0));
    assert_eq!(value(families, "redis_db_keys_expiring", &["db0"]), Some(1.0));
    assert_eq!(value(families, "redis_commands_total", &["set"]), Some(3.0));
    assert_eq!(value(families, "redis_commands_total", &["get"]), Some(3.0));
    assert_eq!(value(families, "redis_commands_failed_calls_total", &["get"]), Some(0.0));
    let time = value(families, "redis_commands_duration_seconds_total", &["get"]).expect("it was called");
    assert!(time > 0.0 && time < 0.1, "{time}");
    let (version, os) = (info(&server, "redis_version").await, info(&server, "os").await);
    let mut labels = vec!["master".to_owned(), version, info(&server, "redis_build_id").await];
    labels.extend(["standalone".to_owned(), os, "noeviction".to_owned()]);
    for field in ["tcp_port", "run_id", "process_id", "master_replid"] {
        labels.push(info(&server, field).await);
    }
    for of_valkey in ["valkey_version", "valkey_release_stage"] {
        labels.push(known(&server, of_valkey).await.unwrap_or_default());
    }
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    assert_eq!(value(families, "redis_instance_info", &labels), Some(1.0));
    assert!((1e5..1e8).contains(&plain(families, "redis_memory_used_bytes")));
    assert!(plain(families, "redis_memory_used_rss_bytes") > 1e6);
    let ping = plain(families, "redis_ping_duration_seconds");
    assert!(ping > 0.0 && ping < 1.0, "{ping}");
}

/// The names with their label names.
fn shapes<'a>(descs: impl IntoIterator<Item = &'a Desc>) -> BTreeSet<(String, Vec<String>)> {
    let shape = |desc: &Desc| (desc.name.to_string(), desc.labels.iter().map(str::to_owned).collect());
    descs.into_iter().map(shape).collect()
}

#[tokio::test]
async fn what_comes_is_the_catalogue() {
    let primary = Redis::options()
        .setting("slowlog-log-slower-than 0")
        .setting("enable-debug-command yes")
        .start()
        .await;
    let replica = Redis::options().replica_of(&primary).start().await;
    let cluster = Redis::options().cluster().start().await;
    cluster.take_all_slots().await;
    primary.run::<()>(&["XADD", "events", "*", "field", "value"]).await;
    primary.run::<()>(&["XGROUP", "CREATE", "events", "workers", "0"]).await;
    let sentinel = Redis::options().sentinel_of(&primary).start().await;
    primary.run::<()>(&["CONFIG", "SET", "latency-monitor-threshold", "1"]).await;
    primary.run::<()>(&["DEBUG", "SLEEP", "0.01"]).await;
    let mut families: Vec<Family> = Vec::new();
    let mut with_keys = source(&primary.url(), "keys: [{name: events}]");
    let attached = until(PATIENCE, "the replica is attached", async || {
        let families = probe(&mut with_keys).await.families;
        families
            .iter()
            .any(|family| family.desc.name == "redis_connected_slave_lag_seconds")
            .then_some(families)
    });
    families.extend(attached.await);
    families.extend(probe(&mut source_of(&replica)).await.families);
    families.extend(probe(&mut source(&cluster.url(), "cluster: true")).await.families);
    families.extend(probe(&mut source_of(&sentinel)).await.families);
    let others = super::versions::with_every_field().await;
    families.extend(probe(&mut source(&others.url(), "collect: [config]")).await.families);
    let catalogue = (Kind::Redis.facts().catalogue)();
    assert_eq!(shapes(families.iter().map(|family| &*family.desc)), shapes(&catalogue));
    assert_eq!(plain(&families, "redis_cluster_state").to_string(), "1");
    assert_eq!(plain(&families, "redis_cluster_slots_assigned").to_string(), "16384");
    for desc in &catalogue {
        assert!(desc.name.starts_with("redis_") && desc.help.ends_with('.'), "{}: {}", desc.name, desc.help);
    }
}

#[tokio::test]
async fn a_replica_reports_its_link_and_the_primary_the_replica() {
    let mut primary = Redis::start().await;
    let replica = Redis::options().replica_of(&primary).start().await;
    let (mut of_primary, mut of_replica) = (source_of(&primary), source_of(&replica));
    let port = primary.address().replace("127.0.0.1:", "");
    let link = |families: &[Family]| value(families, "redis_master_link_up", &["127.0.0.1", &port]);
    eventually(PATIENCE, "the link is up", async || {
        let observation = probe(&mut of_replica).await;
        link(&observation.families) == Some(1.0) && observation.problems.is_empty()
    })
    .await;
    let replica_port = replica.address().replace("127.0.0.1:", "");
    eventually(PATIENCE, "the primary sees its replica", async || {
        let families = probe(&mut of_primary).await.families;
        let lag =
            value(&families, "redis_connected_slave_lag_seconds", &["127.0.0.1", &replica_port, "online"]);
        lag.is_some_and(|lag| lag < 5.0) && plain(&families, "redis_connected_slaves") > 0.5
    })
    .await;
    primary.kill();
    let down = until(PATIENCE, "the link is down", async || {
        let observation = probe(&mut of_replica).await;
        (link(&observation.families) == Some(0.0)).then_some(observation)
    });
    let down = down.await;
    assert_eq!(reasons(&down), [Reason::Alarm]);
    assert!(down.problems[0].detail.contains(&format!("127.0.0.1:{port}")), "{:?}", down.problems);
}

#[tokio::test]
async fn a_failed_save_is_an_alarm() {
    let server = Redis::start().await;
    let mut subject = source_of(&server);
    assert_eq!(probe(&mut subject).await.problems, []);
    let (_, directory): (String, String) = server.run(&["CONFIG", "GET", "dir"]).await;
    // A directory stands where the dump has to go.
    fs::create_dir(Path::new(&directory).join("dump.rdb")).expect("the directory is the server's");
    server.run::<()>(&["BGSAVE"]).await;
    eventually(PATIENCE, "the save has failed", async || {
        let observation = probe(&mut subject).await;
        plain(&observation.families, "redis_rdb_last_bgsave_status") < 0.5
            && reasons(&observation) == [Reason::Alarm]
    })
    .await;
}

#[tokio::test]
async fn full_memory_without_eviction_is_an_alarm() {
    let server = Redis::start().await;
    let mut subject = source_of(&server);
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "100kb"]).await;
    assert_eq!(reasons(&probe(&mut subject).await), [Reason::Alarm]);
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    assert_eq!(reasons(&probe(&mut subject).await), []);
}

#[tokio::test]
async fn the_last_free_connection_is_an_alarm_and_a_refused_one_too() {
    let server = Redis::options().setting("maxclients 2").start().await;
    let held = server.connection().await;
    let mut subject = source_of(&server);
    let observation = probe(&mut subject).await;
    assert_eq!(reasons(&observation), [Reason::Alarm]);
    assert_eq!(plain(&observation.families, "redis_connected_clients").to_string(), "2");
    for url in [server.url(), server.url().replace("redis://", "redis://:password@")] {
        let problem = failure(&mut source(&url, "")).await;
        assert_eq!(problem.reason, Reason::Alarm, "{problem}");
        assert!(problem.detail.contains("max number of clients"), "{problem}");
    }
    drop(held);
}

#[tokio::test]
async fn a_server_that_loads_is_up_with_an_alarm() {
    let mut server = Redis::options()
        .setting("key-load-delay 10000")
        .setting("rdbcompression no")
        .setting("loading-process-events-interval-bytes 1024")
        .start()
        .await;
    let value = "x".repeat(1024);
    for index in 0..500 {
        server.run::<()>(&["SET", &format!("key:{index}"), &value]).await;
    }
    server.run::<()>(&["SAVE"]).await;
    server.restart().await;
    let mut subject = source(&server.url(), "keys: [{name: 'key:1'}]");
    let observation = probe(&mut subject).await;
    assert_eq!(plain(&observation.families, "redis_loading_dump_file").to_string(), "1");
    assert!(
        reasons(&observation).iter().all(|reason| *reason == Reason::Alarm),
        "{:?}",
        observation.problems
    );
    assert!(observation.problems.iter().any(|problem| problem.detail.contains("loading")));
    assert!(!observation.families.iter().any(|family| family.desc.name == "redis_key_size"));
    server.run::<()>(&["CONFIG", "SET", "key-load-delay", "0"]).await;
    eventually(PATIENCE, "it is loaded", async || {
        let observation = probe(&mut subject).await;
        observation.problems.is_empty()
            && super::value(&observation.families, "redis_key_size", &["db0", "key:1"]) == Some(1024.0)
    })
    .await;
}
