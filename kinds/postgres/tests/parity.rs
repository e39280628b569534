//! Public dashboards and rules for postgres_exporter find their series here.

use std::time::Duration;

use super::EVERY;
use super::truth::session::Session;
use testkit::exporter::Exporter;
use testkit::postgres::{Options, Postgres};
use testkit::selector::answers;
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// What awesome-prometheus-alerts, the postgres_exporter mixin and kube-prometheus ask for.
const RULES: [&str; 43] = [
    "pg_up",
    "pg_postmaster_start_time_seconds",
    "pg_settings_max_connections",
    "pg_settings_superuser_reserved_connections",
    "pg_stat_activity_count{datname=postgres}",
    "pg_stat_activity_count{state=idle in transaction}",
    "pg_stat_activity_count{state=idle in transaction,usename=postgres}",
    "pg_stat_activity_max_tx_duration{datname,state=active}",
    "pg_long_running_transactions",
    "pg_long_running_transactions_oldest_timestamp_seconds",
    "pg_stat_database_xact_commit{datid,datname=postgres}",
    "pg_stat_database_xact_rollback{datname=postgres}",
    "pg_stat_database_blks_hit{datname=postgres}",
    "pg_stat_database_blks_read{datname=postgres}",
    "pg_stat_database_deadlocks{datid,datname=template1}",
    "pg_stat_database_conflicts{datname=postgres}",
    "pg_stat_database_temp_files{datname=postgres}",
    "pg_stat_database_temp_bytes{datname=postgres}",
    "pg_stat_database_numbackends{datname=postgres}",
    "pg_replication_lag_seconds{source=replica}",
    "pg_replication_is_replica{source=replica}",
    "pg_replication_last_replay_seconds{source=replica}",
    "pg_replication_slots_active{slot_name=standby,database}",
    "pg_replication_slots_pg_wal_lsn_diff{slot_name=standby}",
    "pg_stat_user_tables_last_autovacuum{datname,schemaname,relname=orders}",
    "pg_stat_user_tables_last_autoanalyze{relname=orders}",
    "pg_stat_user_tables_last_vacuum{relname=orders}",
    "pg_stat_user_tables_last_analyze{relname=orders}",
    "pg_stat_user_tables_n_dead_tup{relname=orders}",
    "pg_stat_user_tables_n_live_tup{relname=orders}",
    "pg_stat_archiver_failed_count",
    "pg_stat_archiver_archived_count",
    "pg_stat_archiver_last_archive_age",
    "pg_locks_count{datname=postgres,mode=exclusivelock}",
    "pg_locks_count{mode=accessexclusivelock}",
    "pg_database_size_bytes{datname=postgres}",
    "pg_database_wraparound_age_datfrozenxid_seconds{datname=postgres}",
    "pg_database_wraparound_age_datminmxid_seconds{datname=postgres}",
    "pg_settings_max_locks_per_transaction",
    "pg_settings_max_wal_senders",
    "pg_settings_autovacuum_freeze_max_age",
    "pg_wal_size_bytes",
    "pg_wal_segments",
];

/// What boards 9628, 455, 6742, 12273, 12485, 14114, 3742 and 24298 ask for beside that.
const BOARDS: [&str; 94] = [
    "pg_settings_server_version_num",
    "pg_settings_shared_buffers_bytes",
    "pg_settings_effective_cache_size_bytes",
    "pg_settings_maintenance_work_mem_bytes",
    "pg_settings_work_mem_bytes",
    "pg_settings_max_wal_size_bytes",
    "pg_settings_min_wal_size_bytes",
    "pg_settings_wal_buffers_bytes",
    "pg_settings_random_page_cost",
    "pg_settings_seq_page_cost",
    "pg_settings_max_worker_processes",
    "pg_settings_max_parallel_workers",
    "pg_settings_max_parallel_workers_per_gather",
    "pg_settings_max_prepared_transactions",
    "pg_settings_checkpoint_completion_target",
    "pg_settings_checkpoint_timeout_seconds",
    "pg_settings_default_statistics_target",
    "pg_settings_effective_io_concurrency",
    "pg_settings_autovacuum",
    "pg_settings_autovacuum_max_workers",
    "pg_settings_autovacuum_naptime_seconds",
    "pg_settings_autovacuum_vacuum_threshold",
    "pg_settings_autovacuum_vacuum_scale_factor",
    "pg_settings_autovacuum_analyze_threshold",
    "pg_settings_autovacuum_analyze_scale_factor",
    "pg_settings_autovacuum_vacuum_cost_delay_seconds",
    "pg_settings_track_io_timing",
    "pg_settings_fsync",
    "pg_settings_log_min_duration_statement_seconds",
    "pg_settings_max_standby_streaming_delay_seconds",
    "pg_settings_in_hot_standby{source=replica}",
    "pg_stat_database_tup_fetched{datname=postgres}",
    "pg_stat_database_tup_returned{datname=postgres}",
    "pg_stat_database_tup_inserted{datname=postgres}",
    "pg_stat_database_tup_updated{datname=postgres}",
    "pg_stat_database_tup_deleted{datname=postgres}",
    "pg_stat_database_blk_read_time{datname=postgres}",
    "pg_stat_database_blk_write_time{datname=postgres}",
    "pg_stat_database_active_time_seconds_total{datname=postgres}",
    "pg_stat_database_stats_reset{datname=postgres}",
    "pg_database_connection_limit{datname=postgres}",
    "pg_stat_activity_count{backend_type=client backend,wait_event_type=Client,wait_event=ClientRead}",
    "pg_stat_activity_count{application_name=platform_exporter}",
    "pg_stat_bgwriter_checkpoints_timed_total",
    "pg_stat_bgwriter_checkpoints_req_total",
    "pg_stat_bgwriter_checkpoint_write_time_total",
    "pg_stat_bgwriter_checkpoint_sync_time_total",
    "pg_stat_bgwriter_buffers_alloc_total",
    "pg_stat_bgwriter_buffers_backend_total",
    "pg_stat_bgwriter_buffers_backend_fsync_total",
    "pg_stat_bgwriter_buffers_checkpoint_total",
    "pg_stat_bgwriter_buffers_clean_total",
    "pg_stat_bgwriter_maxwritten_clean_total",
    "pg_stat_bgwriter_stats_reset_total",
    "pg_stat_replication_pg_wal_lsn_diff{application_name=walreceiver,client_addr,state=streaming,slot_name=standby}",
    "pg_stat_replication_pg_current_wal_lsn_bytes{application_name,client_addr,state}",
    "pg_replication_slots_slot_is_active{slot_name=standby,slot_type=physical}",
    "pg_replication_slots_slot_current_wal_lsn{slot_name=changes,slot_type=logical}",
    "pg_replication_slots_slot_confirmed_flush_lsn{slot_name=changes,slot_type=logical}",
    "pg_replication_slots_safe_wal_size_bytes{slot_name=standby,slot_type=physical}",
    "pg_replication_slots_wal_status{slot_name,slot_type,wal_status=reserved}",
    "pg_stat_user_tables_seq_scan{datname=postgres,schemaname=public,relname=orders}",
    "pg_stat_user_tables_seq_tup_read{relname=orders}",
    "pg_stat_user_tables_idx_scan{relname=orders}",
    "pg_stat_user_tables_idx_tup_fetch{relname=orders}",
    "pg_stat_user_tables_n_tup_ins{relname=orders}",
    "pg_stat_user_tables_n_tup_upd{relname=orders}",
    "pg_stat_user_tables_n_tup_del{relname=orders}",
    "pg_stat_user_tables_n_tup_hot_upd{relname=orders}",
    "pg_stat_user_tables_n_mod_since_analyze{relname=orders}",
    "pg_stat_user_tables_vacuum_count{relname=orders}",
    "pg_stat_user_tables_autovacuum_count{relname=orders}",
    "pg_stat_user_tables_analyze_count{relname=orders}",
    "pg_stat_user_tables_autoanalyze_count{relname=orders}",
    "pg_stat_user_tables_table_size_bytes{relname=orders}",
    "pg_stat_user_tables_index_size_bytes{relname=orders}",
    "pg_statio_user_tables_heap_blocks_read{datname,schemaname,relname=orders}",
    "pg_statio_user_tables_heap_blocks_hit{relname=orders}",
    "pg_statio_user_tables_idx_blocks_read{relname=orders}",
    "pg_statio_user_tables_idx_blocks_hit{relname=orders}",
    "pg_statio_user_tables_toast_blocks_read{relname=orders}",
    "pg_statio_user_tables_toast_blocks_hit{relname=orders}",
    "pg_statio_user_tables_tidx_blocks_read{relname=orders}",
    "pg_statio_user_tables_tidx_blocks_hit{relname=orders}",
    "pg_stat_progress_vacuum_phase{datname=postgres,relname=pages,phase=scanning heap}",
    "pg_stat_progress_vacuum_heap_blks{datname=postgres,relname=pages}",
    "pg_stat_progress_vacuum_heap_blks_scanned{relname=pages}",
    "pg_stat_progress_vacuum_heap_blks_vacuumed{relname=pages}",
    "pg_stat_progress_vacuum_index_vacuums{relname=pages}",
    "pg_stat_progress_vacuum_max_dead_tuples{relname=pages}",
    "pg_stat_progress_vacuum_num_dead_tuples{relname=pages}",
    "pg_static{short_version,version}",
    "pg_stat_database_conflicts_confl_lock{datid,datname=postgres}",
    "pg_roles_connection_limit{rolname=postgres}",
];

/// What collectors ask for that are off by default.
const COLLECTED: [&str; 20] = [
    "pg_stat_statements_calls_total{user=postgres,datname=postgres,queryid}",
    "pg_stat_statements_seconds_total{user,datname,queryid}",
    "pg_stat_statements_rows_total{user,datname,queryid}",
    "pg_stat_statements_block_read_seconds_total{user,datname,queryid}",
    "pg_stat_statements_block_write_seconds_total{user,datname,queryid}",
    "pg_statio_user_indexes_idx_blks_read_total{schemaname=public,relname=orders,indexrelname=orders_pkey}",
    "pg_statio_user_indexes_idx_blks_hit_total{schemaname,relname,indexrelname=orders_pkey}",
    "pg_stat_wal_receiver_receive_start_lsn{upstream_host,slot_name=standby,status=streaming}",
    "pg_stat_wal_receiver_receive_start_tli{slot_name=standby}",
    "pg_stat_wal_receiver_flushed_lsn{slot_name=standby}",
    "pg_stat_wal_receiver_received_tli{slot_name=standby}",
    "pg_stat_wal_receiver_last_msg_send_time{slot_name=standby}",
    "pg_stat_wal_receiver_last_msg_receipt_time{slot_name=standby}",
    "pg_stat_wal_receiver_latest_end_lsn{slot_name=standby}",
    "pg_stat_wal_receiver_latest_end_time{slot_name=standby}",
    "pg_process_idle_seconds_count{state,application_name}",
    "pg_process_idle_seconds_sum{state,application_name}",
    "pg_process_idle_seconds_bucket{state,application_name,le}",
    "pg_roles_connection_limit{rolname=platform_exporter}",
    "pg_stat_activity_autovacuum_timestamp_seconds{relname=pages}",
];

/// What takes a while.
const LAST: [&str; 8] = [
    "pg_stat_wal_receiver_latest_end_lsn{slot_name=standby}",
    "pg_stat_user_tables_last_autovacuum{relname=orders}",
    "pg_stat_user_tables_last_autoanalyze{relname=orders}",
    "pg_stat_progress_vacuum_phase{relname=pages}",
    "pg_stat_activity_autovacuum_timestamp_seconds{relname=pages}",
    "pg_stat_archiver_last_archive_age{source=primary}",
    "pg_stat_wal_receiver_latest_end_time{slot_name=standby}",
    "pg_replication_last_replay_seconds{source=replica}",
];

/// What has no series, and why.
const EXCEPTIONS: [(&str, &str); 5] = [
    ("pg_stat_replication_pg_wal_lsn_diff{pid}", "each connection would leave a series behind"),
    ("pg_stat_statements_query_id", "texts of statements may hold secrets"),
    ("pg_settings_statement_timeout_seconds", "the exporter sets its own"),
    ("pg_stat_checkpointer_num_timed_total", "PostgreSQL 17 has it first"),
    ("pg_buffercache_summary_buffers_used", "PostgreSQL 16 has it first"),
];

fn settings() -> Options {
    let lines = [
        "wal_level = logical",
        "shared_preload_libraries = pg_stat_statements",
        "max_slot_wal_keep_size = 1GB",
        "archive_mode = on",
        "archive_command = true",
        "autovacuum_naptime = 1s",
        "track_io_timing = on",
    ];
    lines.into_iter().fold(Postgres::options(), Options::setting)
}

/// Reads and writes, vacuums by hand and by itself, and one vacuum that takes long.
const WORK: &str = "
    CREATE EXTENSION pg_stat_statements;
    SELECT pg_create_physical_replication_slot('standby', true);
    SELECT pg_create_logical_replication_slot('changes', 'pgoutput');
    SELECT pg_stat_reset();
    CREATE TABLE orders (id int PRIMARY KEY, body text);
    INSERT INTO orders SELECT generate_series(1, 1000);
    UPDATE orders SET body = 'sent' WHERE id = 7;
    VACUUM ANALYZE orders;
    CREATE TABLE pages WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1) AS
        SELECT id, repeat('x', 1000) AS body FROM generate_series(1, 10000) AS id;
    DELETE FROM orders WHERE id > 100;
    DELETE FROM pages WHERE id > 100;
    SELECT pg_switch_wal();";

#[tokio::test]
async fn public_expressions_are_answered() {
    let server = settings().start().await;
    server.script("postgres", include_str!("../role.sql")).await;
    server.script("postgres", WORK).await;
    let replica = settings().setting("primary_slot_name = standby").replica_of(&server).start().await;
    let mut reader = Session::open(&server, "postgres").await;
    reader.rows("BEGIN; SELECT count(*) FROM orders").await;
    let source = |name: &str, server: &Postgres| {
        let url = server.url_as("platform_exporter", "", "postgres");
        format!("  {name}: {{postgres: {{url: '{url}', collect: [{EVERY}]}}, interval: 1s, timeout: 1s}}\n")
    };
    let sources = [source("primary", &server), source("replica", &replica)].concat();
    let exporter = Exporter::start(&format!("sources:\n{sources}")).await;
    let asked: Vec<&str> = RULES.into_iter().chain(BOARDS).chain(COLLECTED).collect();
    let page = until(PATIENCE, "vacuum has run, and runs", async || {
        let page = exporter.get("/metrics").await;
        LAST.iter().all(|asked| answers(&page, asked)).then_some(page)
    })
    .await;
    let unanswered: Vec<_> = asked.into_iter().filter(|asked| !answers(&page, asked)).collect();
    assert_eq!(unanswered, [""; 0]);
    for (asked, why) in EXCEPTIONS {
        assert!(!answers(&page, asked), "{asked} is answered, although {why}");
    }
}
