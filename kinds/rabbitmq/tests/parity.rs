//! Public dashboards and rules for RabbitMQ's plugin find their series here.

use std::time::Duration;

use lapin::options::{BasicAckOptions, BasicGetOptions};
use serde_json::json;
use testkit::exporter::Exporter;
use testkit::rabbitmq::Rabbitmq;
use testkit::selector::answers;
use testkit::wait::until;

use super::{client, publish};

const PATIENCE: Duration = Duration::from_secs(60);

/// What they ask for: board 10991 of RabbitMQ itself, board 4279, and awesome-prometheus-alerts.
const ASKED: [&str; 60] = [
    "rabbitmq_up",
    "rabbitmq_running",
    "rabbitmq_partitions",
    "rabbitmq_build_info{rabbitmq_version,erlang_version,product_name,product_version}",
    "rabbitmq_identity_info{rabbitmq_node,rabbitmq_cluster,rabbitmq_endpoint=aggregated}",
    "rabbitmq_connections",
    "rabbitmq_channels",
    "rabbitmq_consumers",
    "rabbitmq_queues",
    "rabbitmq_exchanges",
    "rabbitmq_queue_messages{queue=orders,vhost}",
    "rabbitmq_queue_messages_ready{queue=orders}",
    "rabbitmq_queue_messages_unacked{queue=orders}",
    "rabbitmq_queue_consumers{queue=orders}",
    "rabbitmq_queue_messages_global",
    "rabbitmq_queue_messages_ready_global",
    "rabbitmq_queue_messages_unacknowledged_global",
    "rabbitmq_connections_opened_total",
    "rabbitmq_connections_closed_total",
    "rabbitmq_channels_opened_total",
    "rabbitmq_channels_closed_total",
    "rabbitmq_queues_declared_total",
    "rabbitmq_queues_created_total",
    "rabbitmq_queues_deleted_total",
    "rabbitmq_global_messages_received_total",
    "rabbitmq_global_messages_confirmed_total",
    "rabbitmq_global_messages_unroutable_returned_total",
    "rabbitmq_global_messages_unroutable_dropped_total",
    "rabbitmq_global_messages_delivered_total",
    "rabbitmq_global_messages_delivered_consume_manual_ack_total",
    "rabbitmq_global_messages_delivered_consume_auto_ack_total",
    "rabbitmq_global_messages_delivered_get_manual_ack_total",
    "rabbitmq_global_messages_delivered_get_auto_ack_total",
    "rabbitmq_global_messages_redelivered_total",
    "rabbitmq_global_messages_acknowledged_total",
    "rabbitmq_global_messages_get_empty_total",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_resident_memory_limit_bytes",
    "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes",
    "rabbitmq_process_open_fds",
    "rabbitmq_process_max_fds",
    "rabbitmq_process_open_tcp_sockets",
    "rabbitmq_process_max_tcp_sockets",
    "rabbitmq_erlang_processes_used",
    "rabbitmq_erlang_processes_limit",
    "rabbitmq_erlang_uptime_seconds",
    "rabbitmq_erlang_gc_runs_total",
    "rabbitmq_erlang_scheduler_run_queue",
    "rabbitmq_io_read_ops_total",
    "rabbitmq_io_write_bytes_total",
    "rabbitmq_io_sync_ops_total",
    "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_alarms_free_disk_space_watermark",
    // With `collect: [queues]`.
    "rabbitmq_queue_messages_bytes{queue=orders}",
    "rabbitmq_queue_messages_ready_bytes{queue=orders}",
    "rabbitmq_queue_consumer_utilisation{queue=orders}",
    "rabbitmq_queue_messages_published_total{queue=orders}",
    "rabbitmq_queue_messages_acked_total{queue=orders}",
    "rabbitmq_queue_messages_delivered_ack_total{queue=orders}",
];

/// What has no series, and why.
const EXCEPTIONS: [(&str, &str); 11] = [
    (
        "rabbitmq_identity_info{rabbitmq_cluster_permanent_id}",
        "the management API shows it to administrators only",
    ),
    ("rabbitmq_global_messages_routed_total", "only the plugin counts it"),
    ("rabbitmq_global_messages_received_confirm_total", "only the plugin counts it"),
    ("rabbitmq_global_publishers", "only the plugin counts it"),
    ("rabbitmq_message_size_bytes_bucket", "only the plugin counts it, since RabbitMQ 4.1"),
    ("rabbitmq_raft_log_commit_index", "only the plugin reads it; board 11340 needs the plugin"),
    ("erlang_vm_allocators", "Erlang's memory is not reachable from outside; board 11350 needs the plugin"),
    ("rabbitmq_io_read_time_seconds_total", "the management API has a mean of it only"),
    (
        "rabbitmq_channel_messages_unroutable_returned_total",
        "it ends with each channel; the global count does not",
    ),
    ("rabbitmq_queue_process_memory_bytes", "it is that of Erlang, and changes with each garbage collection"),
    ("rabbitmq_node_mem_used", "rabbitmq_process_resident_memory_bytes is the plugin's name for it"),
];

#[tokio::test]
async fn public_expressions_are_answered() {
    let broker = Rabbitmq::start().await;
    broker.add_queue("%2f", "orders", json!({})).await;
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "orders", 5).await;
    let got = channel.basic_get("orders".into(), BasicGetOptions::default()).await.expect("it answers");
    got.expect("there are messages")
        .delivery
        .acker
        .ack(BasicAckOptions::default())
        .await
        .expect("it is taken");
    let source = format!(
        "rabbitmq: {{url: '{}', management_url: 'http://{}', collect: [queues]}}",
        broker.url(),
        broker.management_address()
    );
    let exporter = Exporter::start(&format!("sources: {{broker: {{{source}, interval: 1s}}}}")).await;
    let page = until(PATIENCE, "the statistics are there", async || {
        let page = exporter.get("/metrics").await;
        let last = ["rabbitmq_global_messages_received_total", "rabbitmq_queue_messages_acked_total"];
        last.iter().all(|asked| answers(&page, asked)).then_some(page)
    })
    .await;
    let unanswered: Vec<_> = ASKED.into_iter().filter(|asked| !answers(&page, asked)).collect();
    assert_eq!(unanswered, [""; 0]);
    for (asked, why) in EXCEPTIONS {
        assert!(!answers(&page, asked), "{asked} is answered, although {why}");
    }
}
