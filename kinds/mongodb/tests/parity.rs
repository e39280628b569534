//! Public dashboards and rules for mongodb_exporter find their series here.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use testkit::exporter::Exporter;
use testkit::mongodb_set::MongodbSet;
use testkit::selector::answers;
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// What rules and dashboards for the current names ask for: awesome-prometheus-alerts, and boards 12079, 14997, 16490
/// and those of PMM.
const CURRENT: [&str; 78] = [
    "mongodb_up",
    "mongodb_version_info{mongodb,edition,vendor}",
    "mongodb_rs_members_health{member_idx,member_state}",
    "mongodb_rs_members_state{member_idx,member_state=PRIMARY}",
    "mongodb_rs_members_state{member_state=SECONDARY}",
    "mongodb_rs_members_optimeDate{member_state=PRIMARY}",
    "mongodb_rs_members_optimeDate{member_state=SECONDARY}",
    "mongodb_rs_members_pingMs{member_state=SECONDARY}",
    "mongodb_rs_members_uptime",
    "mongodb_rs_members_id",
    "mongodb_rs_members_electionDate",
    "mongodb_rs_members_configVersion",
    "mongodb_rs_members_lastHeartbeat",
    "mongodb_rs_myState",
    "mongodb_rs_term",
    "mongodb_rs_heartbeatIntervalMillis",
    "mongodb_rs_optimes_lastAppliedWallTime",
    "mongodb_members_health{member_idx,member_state}",
    "mongodb_members_state{member_idx}",
    "mongodb_myState",
    "mongodb_ss_uptime",
    "mongodb_ss_connections{conn_type=current}",
    "mongodb_ss_connections{conn_type=available}",
    "mongodb_ss_connections{conn_type=active}",
    "mongodb_ss_connections{conn_type=totalCreated}",
    "mongodb_ss_opcounters{legacy_op_type=insert}",
    "mongodb_ss_opcounters{legacy_op_type=query}",
    "mongodb_ss_opcounters{legacy_op_type=command}",
    "mongodb_ss_opcountersRepl{legacy_op_type=insert}",
    "mongodb_ss_opLatencies_latency{op_type=reads}",
    "mongodb_ss_opLatencies_latency{op_type=transactions}",
    "mongodb_ss_opLatencies_ops{op_type=commands}",
    "mongodb_ss_asserts{assert_type=regular}",
    "mongodb_ss_asserts{assert_type=rollovers}",
    "mongodb_ss_metrics_cursor_open{csr_type=total}",
    "mongodb_ss_metrics_cursor_open{csr_type=pinned}",
    "mongodb_ss_metrics_cursor_open{csr_type=noTimeout}",
    "mongodb_ss_metrics_cursor_timedOut",
    "mongodb_ss_metrics_document{doc_op_type=inserted}",
    "mongodb_ss_metrics_document{doc_op_type=returned}",
    "mongodb_ss_metrics_operation_scanAndOrder",
    "mongodb_ss_metrics_operation_writeConflicts",
    "mongodb_ss_metrics_queryExecutor_scanned",
    "mongodb_ss_metrics_queryExecutor_scannedObjects",
    "mongodb_ss_metrics_queryExecutor_collectionScans_total",
    "mongodb_ss_metrics_getLastError_wtime_totalMillis",
    "mongodb_ss_metrics_repl_buffer_count",
    "mongodb_ss_metrics_repl_buffer_sizeBytes",
    "mongodb_ss_metrics_repl_network_bytes",
    "mongodb_ss_metrics_repl_apply_ops",
    "mongodb_ss_metrics_ttl_deletedDocuments",
    "mongodb_ss_metrics_ttl_passes",
    "mongodb_ss_network_bytesIn",
    "mongodb_ss_network_bytesOut",
    "mongodb_ss_network_numRequests",
    "mongodb_ss_mem_resident",
    "mongodb_ss_mem_virtual",
    "mongodb_ss_extra_info_page_faults",
    "mongodb_ss_globalLock_currentQueue{count_type=readers}",
    "mongodb_ss_globalLock_currentQueue{count_type=total}",
    "mongodb_ss_globalLock_activeClients_total",
    "mongodb_ss_locks_acquireCount{resource=Global,lock_mode=r}",
    "mongodb_ss_flowControl_isLagged",
    "mongodb_ss_transactions_totalCommitted",
    "mongodb_ss_wt_cache_bytes_currently_in_the_cache",
    "mongodb_ss_wt_cache_maximum_bytes_configured",
    "mongodb_ss_wt_cache_tracked_dirty_bytes_in_the_cache",
    "mongodb_ss_wt_cache_pages_read_into_cache",
    "mongodb_ss_wt_cache_modified_pages_evicted",
    "mongodb_ss_wt_concurrentTransactions_available{txn_rw=read}",
    "mongodb_ss_wt_concurrentTransactions_out{txn_rw=write}",
    "mongodb_ss_wt_concurrentTransactions_totalTickets{txn_rw=read}",
    "mongodb_ss_wt_txn_transaction_checkpoint_most_recent_time_msecs",
    "mongodb_dbstats_dataSize{database=shop}",
    "mongodb_dbstats_storageSize{database=shop}",
    "mongodb_dbstats_indexes{database=shop}",
    "mongodb_oplog_stats_size",
    "mongodb_oplog_stats_count",
];

/// With collectors that are not on by default.
const COLLECTED: [&str; 16] = [
    "mongodb_collstats_storageStats_size{database=shop,collection=orders}",
    "mongodb_collstats_storageStats_count{collection=orders}",
    "mongodb_collstats_storageStats_indexSizes{collection=orders,index_name=_id_}",
    "mongodb_collstats_storageStats_indexSizes{collection=orders,index_name=customer.name_1}",
    "mongodb_collstats_latencyStats_reads_latency{collection=orders}",
    "mongodb_collstats_latencyStats_writes_ops{collection=orders}",
    "mongodb_indexstats_accesses_ops{database=shop,collection=orders,key_name=_id_}",
    "mongodb_top_total_count{database=shop,collection=orders}",
    "mongodb_top_insert_time{database=shop,collection=orders}",
    "mongodb_top_readLock_count{collection=orders}",
    "mongodb_currentop_query_uptime{database=shop,collection=orders,op=query,ns=shop.orders}",
    "mongodb_rs_cfg_version",
    "mongodb_rs_cfg_members_votes{member_idx}",
    "mongodb_fcv_feature_compatibility_version{version=6.0}",
    "mongodb_profile_slow_query_count{database=shop}",
    "mongodb_sys_cpu_user_ms",
];

/// What boards 2583 and 7353, those of PMM 2 and older rules ask for, with `compatible: true`.
const OLDER: [&str; 50] = [
    "mongodb_connections{state=current}",
    "mongodb_connections{state=available}",
    "mongodb_connections_metrics_created_total",
    "mongodb_op_counters_total{type=insert}",
    "mongodb_asserts_total{type=user}",
    "mongodb_memory{type=resident}",
    "mongodb_memory{type=virtual}",
    "mongodb_network_bytes_total{state=in_bytes}",
    "mongodb_network_bytes_total{state=out_bytes}",
    "mongodb_network_metrics_num_requests_total",
    "mongodb_instance_uptime_seconds",
    "mongodb_instance_local_time",
    "mongodb_extra_info_page_faults_total",
    "mongodb_mongod_instance_uptime_seconds",
    "mongodb_mongod_op_counters_repl_total{type=insert}",
    "mongodb_mongod_op_latencies_latency_total{type=read}",
    "mongodb_mongod_op_latencies_ops_total{type=command}",
    "mongodb_mongod_global_lock_client{type=reader}",
    "mongodb_mongod_global_lock_current_queue{type=reader}",
    "mongodb_mongod_metrics_cursor_open{state=total}",
    "mongodb_mongod_metrics_cursor_timed_out_total",
    "mongodb_mongod_metrics_document_total{state=inserted}",
    "mongodb_mongod_metrics_operation_total{state=scanAndOrder}",
    "mongodb_mongod_metrics_query_executor_total{state=scanned}",
    "mongodb_mongod_metrics_query_executor_total{state=scanned_objects}",
    "mongodb_mongod_metrics_get_last_error_wtime_total_milliseconds",
    "mongodb_mongod_metrics_repl_buffer_count",
    "mongodb_mongod_metrics_repl_network_ops_total",
    "mongodb_mongod_metrics_ttl_deleted_documents_total",
    "mongodb_mongod_replset_my_state{set=rs0}",
    "mongodb_mongod_replset_my_name{set=rs0,self=1}",
    "mongodb_mongod_replset_number_of_members{set=rs0}",
    "mongodb_mongod_replset_member_state{set=rs0,state=SECONDARY,name}",
    "mongodb_mongod_replset_member_health{set=rs0,state=PRIMARY,name}",
    "mongodb_mongod_replset_member_replication_lag{state=SECONDARY,self=0}",
    "mongodb_mongod_replset_member_election_date{state=PRIMARY}",
    "mongodb_mongod_replset_member_ping_ms{state=SECONDARY}",
    "mongodb_mongod_replset_member_optime_date{state=PRIMARY}",
    "mongodb_mongod_replset_oplog_head_timestamp",
    "mongodb_mongod_replset_oplog_tail_timestamp",
    "mongodb_mongod_storage_engine{engine=wiredTiger}",
    "mongodb_mongod_wiredtiger_blockmanager_bytes_total{type=read}",
    "mongodb_mongod_wiredtiger_cache_bytes{type=total}",
    "mongodb_mongod_wiredtiger_cache_bytes{type=dirty}",
    "mongodb_mongod_wiredtiger_cache_bytes_total{type=written}",
    "mongodb_mongod_wiredtiger_cache_evicted_total",
    "mongodb_mongod_wiredtiger_cache_max_bytes",
    "mongodb_mongod_wiredtiger_cache_pages{type=total}",
    "mongodb_mongod_wiredtiger_concurrent_transactions_out_tickets{txn_rw=read}",
    "mongodb_mongod_db_data_size_bytes{database=shop}",
];

const LAST: [&str; 4] = [
    "mongodb_currentop_query_uptime",
    "mongodb_sys_cpu_user_ms",
    "mongodb_rs_members_pingMs{member_state=SECONDARY}",
    "mongodb_rs_members_optimeDate{member_state=SECONDARY}",
];

/// What has no series, and why.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("mongodb_currentop_query_uptime{opid}", "a series for each operation fills Prometheus"),
    ("mongodb_ss_opcounters{rs_state}", "a label of a counter must not change at a failover"),
    ("mongodb_ss_connections{cl_id}", "`source` says which cluster it is"),
    ("mongodb_mongod_durability_commits", "MMAPv1 is gone since MongoDB 4.2"),
];

/// Reads and writes, an operation that lasts, and what the server records of its host.
async fn load(set: &MongodbSet) -> tokio::task::JoinHandle<()> {
    let primary = set.primary_member().await;
    // Servers of tests do not record themselves.
    primary.run(doc! {"setParameter": 1, "diagnosticDataCollectionEnabled": true}).await;
    let orders = primary.client().await.database("shop").collection::<Document>("orders");
    let index = mongodb::IndexModel::builder().keys(doc! {"customer.name": 1}).build();
    orders.create_index(index).await.expect("it is primary");
    orders.insert_many((0..50).map(|n| doc! {"n": n})).await.expect("it is primary");
    orders.update_many(doc! {}, doc! {"$inc": {"n": 1}}).await.expect("it is primary");
    orders.find_one(doc! {"n": 7}).sort(doc! {"n": 1}).await.expect("it answers");
    tokio::spawn(async move {
        // It ends with the server.
        let _ = orders.find_one(doc! {"$where": "sleep(600000) || true"}).await;
    })
}

#[tokio::test]
async fn public_expressions_are_answered() {
    let set = MongodbSet::start("root", "secret").await;
    let waiting = load(&set).await;
    let url = format!("mongodb://root:secret@{}/?authSource=admin&replicaSet=rs0", set.hosts());
    let every =
        "dbstats, collstats, indexstats, oplog, top, currentop, replicasetconfig, system, fcv, profile";
    let source = format!(
        "{{mongodb: {{url: '{url}', collections: [shop.orders], slow_operation: 100ms, compatible: true, \
         collect: [{every}]}}, interval: 1s}}"
    );
    let exporter = Exporter::start(&format!("sources: {{shop: {source}}}")).await;
    let asked: Vec<&str> = CURRENT.into_iter().chain(COLLECTED).chain(OLDER).collect();
    // What comes last: the members hear of each other, and the server records its host.
    let page = until(PATIENCE, "the set has settled", async || {
        let page = exporter.get("/metrics").await;
        LAST.iter().all(|asked| answers(&page, asked)).then_some(page)
    })
    .await;
    let unanswered: Vec<_> = asked.into_iter().filter(|asked| !answers(&page, asked)).collect();
    assert_eq!(unanswered, [""; 0]);
    for (asked, why) in EXCEPTIONS {
        assert!(!answers(&page, asked), "{asked} is answered, although {why}");
    }
    waiting.abort();
}
