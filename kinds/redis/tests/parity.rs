//! Public dashboards and rules for redis_exporter find their series here.

use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::redis::Redis;
use testkit::selector::answers;
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// What they ask of a master: boards 763, 11835, 14091 and 14615, the mixin, and awesome-prometheus-alerts.
const OF_MASTER: [&str; 68] = [
    "redis_up",
    "redis_uptime_in_seconds",
    "redis_start_time_seconds",
    "redis_instance_info{role=master,redis_version,redis_mode=standalone,os,maxmemory_policy}",
    "redis_instance_info{tcp_port,run_id,process_id,redis_build_id,master_replid}",
    "redis_connected_clients",
    "redis_blocked_clients",
    "redis_config_maxclients",
    "redis_config_maxmemory",
    "redis_client_recent_max_input_buffer_bytes",
    "redis_client_recent_max_output_buffer_bytes",
    "redis_connections_received_total",
    "redis_rejected_connections_total",
    "redis_memory_used_bytes",
    "redis_memory_used_rss_bytes",
    "redis_memory_used_peak_bytes",
    "redis_memory_used_lua_bytes",
    "redis_memory_used_overhead_bytes",
    "redis_memory_used_dataset_bytes",
    "redis_memory_used_startup_bytes",
    "redis_memory_max_bytes",
    "redis_total_system_memory_bytes",
    "redis_mem_fragmentation_ratio",
    "redis_mem_fragmentation_bytes",
    "redis_mem_clients_normal",
    "redis_mem_clients_slaves",
    "redis_mem_replication_backlog_bytes",
    "redis_allocator_active_bytes",
    "redis_allocator_resident_bytes",
    "redis_allocator_frag_ratio",
    "redis_active_defrag_running",
    "redis_defrag_hits",
    "redis_rdb_last_save_timestamp_seconds",
    "redis_rdb_changes_since_last_save",
    "redis_rdb_last_bgsave_duration_sec",
    "redis_rdb_last_bgsave_status",
    "redis_rdb_bgsave_in_progress",
    "redis_aof_enabled",
    "redis_aof_current_size_bytes",
    "redis_aof_delayed_fsync",
    "redis_aof_last_bgrewrite_status",
    "redis_aof_last_write_status",
    "redis_commands_processed_total",
    "redis_net_input_bytes_total",
    "redis_net_output_bytes_total",
    "redis_keyspace_hits_total",
    "redis_keyspace_misses_total",
    "redis_evicted_keys_total",
    "redis_expired_keys_total",
    "redis_expired_stale_percentage",
    "redis_latest_fork_seconds",
    "redis_pubsub_channels",
    "redis_total_error_replies",
    "redis_total_reads_processed",
    "redis_cpu_sys_seconds_total",
    "redis_cpu_user_children_seconds_total",
    "redis_db_keys{db=db0}",
    "redis_db_keys_expiring{db=db0}",
    "redis_db_avg_ttl_seconds{db=db0}",
    "redis_commands_total{cmd=set}",
    "redis_commands_duration_seconds_total{cmd=get}",
    "redis_commands_rejected_calls_total{cmd=set}",
    "redis_commands_failed_calls_total{cmd=lpush}",
    "redis_errors_total{err=WRONGTYPE}",
    "redis_latency_percentiles_usec{cmd=set,quantile=99.9}",
    "redis_latency_percentiles_usec_count{cmd=set}",
    "redis_commands_latencies_usec_bucket{cmd=get,le=+Inf}",
    "redis_latency_spike_duration_seconds{event_name=command}",
];

const OF_REPLICATION: [&str; 14] = [
    "redis_slowlog_length",
    "redis_slowlog_last_id",
    "redis_last_slow_execution_duration_seconds",
    "redis_connected_slaves",
    "redis_connected_slave_offset_bytes{slave_ip,slave_port,slave_state=online}",
    "redis_connected_slave_lag_seconds{slave_ip,slave_port,slave_state=online}",
    "redis_master_repl_offset",
    "redis_replication_backlog_bytes",
    "redis_replica_resyncs_full",
    "redis_replica_partial_resync_accepted",
    "redis_slave_info{master_host,master_port,read_only=1}",
    "redis_slave_repl_offset{master_host,master_port}",
    "redis_master_link_up{master_host,master_port}",
    "redis_master_last_io_seconds_ago{master_host,master_port}",
];

const OF_CLUSTER_AND_SENTINEL: [&str; 20] = [
    "redis_cluster_enabled{source=node}",
    "redis_cluster_state",
    "redis_cluster_slots_assigned",
    "redis_cluster_slots_ok",
    "redis_cluster_slots_pfail",
    "redis_cluster_slots_fail",
    "redis_cluster_known_nodes",
    "redis_cluster_size",
    "redis_cluster_current_epoch",
    "redis_cluster_messages_sent_total",
    "redis_cluster_messages_received_total",
    "redis_sentinel_masters",
    "redis_sentinel_tilt",
    "redis_sentinel_master_status{master_name=main,master_address,master_status=ok}",
    "redis_sentinel_master_slaves{master_name=main,master_address}",
    "redis_sentinel_master_sentinels{master_name=main}",
    "redis_sentinel_master_ok_sentinels{master_name=main}",
    "redis_sentinel_master_ok_slaves{master_name=main}",
    "redis_sentinel_master_setting_ckquorum{master_name=main}",
    "redis_sentinel_master_ckquorum_status{master_name=main}",
];

/// With `collect: [config]`.
const OF_CONFIG: [&str; 4] = [
    "redis_config_io_threads",
    "redis_config_repl_backlog_size",
    "redis_config_client_output_buffer_limit_bytes{class=pubsub,limit=soft}",
    "redis_config_client_output_buffer_limit_overcome_seconds{class=slave,limit=soft}",
];

/// What has no series, and why.
const EXCEPTIONS: [(&str, &str); 5] = [
    (
        "redis_db_keys{db=db15}",
        "only CONFIG GET knows how many databases there are: empty ones are not listed",
    ),
    ("redis_sentinel_master_ckquorum_status{message}", "texts of errors are no labels"),
    ("redis_exporter_last_scrape_error", "platform_source_up says it, and platform_source_problem why"),
    ("redis_exporter_scrapes_total", "platform_probe_failures_total counts those that failed"),
    ("redis_config_value", "CONFIG GET * returns passwords"),
];

/// Reads and writes, errors, and commands that are slow.
async fn load(server: &Redis) {
    server.run::<()>(&["SET", "lasting", "1", "EX", "1000"]).await;
    server.run::<()>(&["GET", "lasting"]).await;
    let mut connection = server.connection().await;
    let wrong = redis::cmd("LPUSH").arg(&["lasting", "1"]).exec_async(&mut connection).await;
    assert!(wrong.is_err(), "it is no list");
    server.run::<()>(&["DEBUG", "SLEEP", "0.05"]).await;
}

#[tokio::test]
async fn public_expressions_are_answered() {
    let settings = ["slowlog-log-slower-than 1000", "latency-monitor-threshold 1", "appendonly yes"];
    let options = Redis::options().setting("enable-debug-command yes");
    let options = settings.into_iter().fold(options, |options, line| options.setting(line));
    let master = options.start().await;
    load(&master).await;
    let replica = Redis::options().replica_of(&master).start().await;
    let sentinel = Redis::options().sentinel_of(&master).start().await;
    let node = Redis::options().cluster().start().await;
    node.take_all_slots().await;
    let sources = [
        ("master", master.url(), "collect: [config]"),
        ("replica", replica.url(), ""),
        ("sentinel", sentinel.url(), ""),
        ("node", node.url(), "cluster: true"),
    ];
    let sources = sources
        .map(|(name, url, keys)| format!("  {name}: {{redis: {{url: '{url}', {keys}}}, interval: 1s}}\n"));
    let exporter = Exporter::start(&format!("sources:\n{}", sources.concat())).await;
    let every = OF_MASTER.into_iter().chain(OF_REPLICATION).chain(OF_CLUSTER_AND_SENTINEL).chain(OF_CONFIG);
    let settled = [
        "redis_connected_slave_lag_seconds{slave_state=online}",
        "redis_master_link_up",
        "redis_sentinel_tilt",
        "redis_cluster_state",
    ];
    let page = until(PATIENCE, "the replica is attached, and the others are probed", async || {
        let page = exporter.get("/metrics").await;
        settled.iter().all(|asked| answers(&page, asked)).then_some(page)
    })
    .await;
    let unanswered: Vec<_> = every.into_iter().filter(|asked| !answers(&page, asked)).collect();
    assert_eq!(unanswered, [""; 0]);
    for (asked, why) in EXCEPTIONS {
        assert!(!answers(&page, asked), "{asked} is answered, although {why}");
    }
}
