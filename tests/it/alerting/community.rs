//! Rules that were made for the single exporters work as they are, where each source is a target of its own.

use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::prometheus::Prometheus;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::wait::eventually;

/// Alerts as public rule sets have them: what is measured, and when it is too much.
const ALERTS: [(&str, &str, &str); 39] = [
    ("db", "pg_up", "== 0"),
    ("db", "time() - pg_postmaster_start_time_seconds", "< 60"),
    (
        "db",
        "sum by (instance, job) (pg_stat_activity_count)",
        "> min by (instance, job) (pg_settings_max_connections * 0.8)",
    ),
    (
        "db",
        "sum by (instance) (pg_stat_activity_count)",
        ">= sum by (instance) (pg_settings_max_connections) - sum by (instance) (pg_settings_superuser_reserved_connections)",
    ),
    ("db", "increase(pg_stat_database_deadlocks{datname!~\"template.*|postgres\"}[1m])", "> 5"),
    (
        "db",
        "sum by (instance, datname) (rate(pg_stat_database_xact_rollback{datname!~\"template.*\"}[3m])) / (sum by (instance, datname) (rate(pg_stat_database_xact_rollback{datname!~\"template.*\"}[3m])) + sum by (instance, datname) (rate(pg_stat_database_xact_commit{datname!~\"template.*\"}[3m])))",
        "> 0.02",
    ),
    (
        "db",
        "sum by (instance) (rate(pg_stat_database_blks_hit[5m])) / (sum by (instance) (rate(pg_stat_database_blks_hit[5m])) + sum by (instance) (rate(pg_stat_database_blks_read[5m])))",
        "< 0.98",
    ),
    ("db", "rate(pg_stat_database_temp_bytes[5m])", "> 1e7"),
    ("db", "pg_replication_lag_seconds", "> 30 and on (instance) pg_replication_is_replica == 1"),
    ("db", "pg_replication_slots_active", "== 0"),
    ("db", "pg_replication_slots_pg_wal_lsn_diff", "> 1e10"),
    (
        "db",
        "max by (instance, datname) (pg_stat_activity_max_tx_duration{state=~\"active|idle in transaction\"})",
        "> 300",
    ),
    (
        "db",
        "pg_stat_user_tables_n_dead_tup / (pg_stat_user_tables_n_live_tup + pg_stat_user_tables_n_dead_tup)",
        ">= 0.1 and pg_stat_user_tables_n_dead_tup > 10000",
    ),
    ("db", "sum by (instance) (pg_locks_count{mode=\"accessexclusivelock\"})", "> 20"),
    ("db", "rate(pg_stat_archiver_failed_count[5m])", "> 0"),
    ("db", "pg_database_size_bytes", "> 1e12"),
    ("cache", "redis_up", "== 0"),
    (
        "cache",
        "redis_memory_used_bytes / redis_memory_max_bytes * 100",
        "> 90 and redis_memory_max_bytes > 0",
    ),
    ("cache", "redis_connected_clients / redis_max_clients * 100", "> 90"),
    ("cache", "increase(redis_rejected_connections_total[1m])", "> 0"),
    ("cache", "time() - redis_rdb_last_save_timestamp_seconds", "> 60 * 60 * 24"),
    ("cache", "redis_rdb_last_bgsave_status", "== 0"),
    ("cache", "count by (instance) (redis_instance_info{role=\"master\"})", "< 1"),
    ("cache", "delta(redis_connected_slaves[1m])", "< 0"),
    ("cache", "rate(redis_evicted_keys_total[5m])", "> 0"),
    ("cache", "rate(redis_commands_processed_total[5m])", "> 1e5"),
    ("cache", "redis_mem_fragmentation_ratio", "> 1.5"),
    ("cache", "redis_blocked_clients", "> 100"),
    ("cache", "increase(redis_slowlog_length[5m])", "> 0"),
    ("broker", "rabbitmq_queue_messages_ready", "> 1000"),
    ("broker", "sum by (instance, queue) (rabbitmq_queue_messages_unacked)", "> 1000"),
    ("broker", "rabbitmq_queue_consumers", "< 1"),
    ("broker", "rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes * 100", "> 90"),
    ("broker", "rabbitmq_process_open_fds / rabbitmq_process_max_fds * 100", "> 90"),
    ("broker", "rabbitmq_connections", "> 1000"),
    ("broker", "sum by (instance) (rabbitmq_build_info)", "< 3"),
    ("broker", "rabbitmq_alarms_memory_used_watermark", "> 0"),
    ("broker", "rabbitmq_alarms_free_disk_space_watermark", "> 0"),
    ("broker", "rabbitmq_disk_space_available_bytes", "< rabbitmq_disk_space_available_limit_bytes"),
];

#[tokio::test]
async fn public_rules_find_their_metrics() {
    let (postgres, redis, rabbitmq) = tokio::join!(
        Postgres::start(),
        Redis::options().setting("maxmemory 64mb").start(),
        Rabbitmq::start()
    );
    postgres.sql("CREATE DATABASE shop").await;
    postgres
        .sql("CREATE TABLE orders (id int); SELECT pg_create_physical_replication_slot('reports', true)")
        .await;
    rabbitmq.add_queue("%2f", "mail", serde_json::json!({})).await;
    let config = format!(
        "sources:\n  db: {{postgres: {{url: \"{}\"}}}}\n  cache: {{redis: {{url: \"{}\"}}}}\n  \
         broker: {{rabbitmq: {{url: \"{}\", management_url: \"{}\"}}}}\n  \
         media: {{s3: {{bucket: media, region: eu-north-1, endpoint: \"http://127.0.0.1:1\"}}}}\n",
        postgres.url(),
        redis.url(),
        rabbitmq.url(),
        rabbitmq.management_url()
    );
    let exporter = Exporter::start(&config).await;
    let config = include_str!("../../../prometheus/probe.yml");
    let options = Prometheus::shipped(config, &exporter.address(), "127.0.0.1:1").every(1);
    let prometheus = options.start().await;
    for (source, measured, limit) in ALERTS {
        let what = format!("{measured} is there");
        eventually(Duration::from_secs(60), &what, async || {
            let found = prometheus.query(measured).await;
            let of_source = |series: &serde_json::Value| series["metric"]["instance"] == source;
            found.as_array().is_some_and(|found| !found.is_empty() && found.iter().all(of_source))
        })
        .await;
        // It panics when Prometheus refuses the expression.
        prometheus.query(&format!("{measured} {limit}")).await;
    }
    // Nothing is there twice: what the exporter says of sources comes from their own targets alone.
    let ups = prometheus.query("platform_source_up{source!=\"media\"}").await;
    assert_eq!(ups.as_array().unwrap().len(), 3, "{ups}");
    let own = prometheus.query("platform_exporter_build_info{job=\"platform_exporter\"}").await;
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    // Sources that are probed less often are in the same job.
    let targets = prometheus.get("targets").await["activeTargets"].take();
    let of_media = targets.as_array().unwrap().iter().find(|target| target["labels"]["source"] == "media");
    let of_media = of_media.unwrap_or_else(|| panic!("{targets}"));
    assert_eq!(of_media["scrapePool"], "platform_sources_slow");
    assert_eq!(of_media["labels"]["job"], "platform_sources");
}
