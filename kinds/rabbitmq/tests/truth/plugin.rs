//! What the broker's own plugin for Prometheus counts.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::http;
use testkit::rabbitmq::Rabbitmq;
use testkit::recount::{Series, series};

/// How the names begin that the plugin has as well, beside those that the kernel recounts.
const NAMES: [&str; 10] = [
    "rabbitmq_erlang_",
    "rabbitmq_io_",
    "rabbitmq_schema_db_",
    "rabbitmq_msg_store_",
    "rabbitmq_queue_index_",
    "rabbitmq_connections_",
    "rabbitmq_channels_",
    "rabbitmq_queues_",
    "rabbitmq_process_open_tcp_sockets",
    "rabbitmq_process_max_tcp_sockets",
];

/// What it counts and the management API does not.
const ALONE: [&str; 4] = [
    "rabbitmq_io_read_time_seconds_total",
    "rabbitmq_io_write_time_seconds_total",
    "rabbitmq_io_sync_time_seconds_total",
    "rabbitmq_io_seek_time_seconds_total",
];

/// The counts of messages under their names in the management API and in the plugin.
const MESSAGES: [(&str, &str); 12] = [
    ("publish", "rabbitmq_global_messages_received_total"),
    ("confirm", "rabbitmq_global_messages_confirmed_total"),
    ("return_unroutable", "rabbitmq_global_messages_unroutable_returned_total"),
    ("drop_unroutable", "rabbitmq_global_messages_unroutable_dropped_total"),
    ("deliver", "rabbitmq_global_messages_delivered_consume_manual_ack_total"),
    ("deliver_no_ack", "rabbitmq_global_messages_delivered_consume_auto_ack_total"),
    ("get", "rabbitmq_global_messages_delivered_get_manual_ack_total"),
    ("get_no_ack", "rabbitmq_global_messages_delivered_get_auto_ack_total"),
    ("deliver_get", "rabbitmq_global_messages_delivered_total"),
    ("redeliver", "rabbitmq_global_messages_redelivered_total"),
    ("ack", "rabbitmq_global_messages_acknowledged_total"),
    ("get_empty", "rabbitmq_global_messages_get_empty_total"),
];

/// The same of what rises on a node: connections, channels, queues, and what Erlang does.
const RISING: [(&str, &str); 14] = [
    ("gc_num", "rabbitmq_erlang_gc_runs_total"),
    ("gc_bytes_reclaimed", "rabbitmq_erlang_gc_reclaimed_bytes_total"),
    ("context_switches", "rabbitmq_erlang_scheduler_context_switches_total"),
    ("io_read_count", "rabbitmq_io_read_ops_total"),
    ("io_write_count", "rabbitmq_io_write_ops_total"),
    ("mnesia_ram_tx_count", "rabbitmq_schema_db_ram_tx_total"),
    ("mnesia_disk_tx_count", "rabbitmq_schema_db_disk_tx_total"),
    ("connection_created", "rabbitmq_connections_opened_total"),
    ("connection_closed", "rabbitmq_connections_closed_total"),
    ("channel_created", "rabbitmq_channels_opened_total"),
    ("channel_closed", "rabbitmq_channels_closed_total"),
    ("queue_declared", "rabbitmq_queues_declared_total"),
    ("queue_created", "rabbitmq_queues_created_total"),
    ("queue_deleted", "rabbitmq_queues_deleted_total"),
];

/// The numbers of the plugin by name, each the sum over its labels.
pub(super) struct Plugin(BTreeMap<String, f64>);

impl Plugin {
    pub(super) async fn of(broker: &Rabbitmq) -> Self {
        let page = http::client().get(broker.prometheus_url("/metrics")).send().await.expect("it answers");
        let page = page.text().await.expect("it answers in full");
        let mut numbers = BTreeMap::new();
        for line in page.lines().filter(|line| line.starts_with("rabbitmq_")) {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            let name = series.split('{').next().unwrap_or(series);
            *numbers.entry(name.to_owned()).or_default() += value.parse::<f64>().unwrap_or(f64::NAN);
        }
        Self(numbers)
    }

    /// Whether the management API, which is some seconds late, has counted as far.
    pub(super) fn is_reported(&self, node: &Value, overview: &Value) -> bool {
        let reached = |(field, name): &(&str, &str)| node[field].as_f64() >= Some(self.0[*name]);
        let uptime = node["uptime"]
            .as_f64()
            .is_some_and(|uptime| uptime / 1e3 >= self.0["rabbitmq_erlang_uptime_seconds"]);
        let messages = MESSAGES.iter().all(|(field, name)| {
            overview["message_stats"][field].as_f64().unwrap_or(0.0).to_string() == self.0[*name].to_string()
        });
        uptime && messages && RISING.iter().all(reached)
    }

    /// The series of a node. There are counts of messages once one was counted.
    pub(super) fn series(&self, node: &str, overview: &Value) -> Series {
        let has_counted = overview["message_stats"].get("publish").is_some();
        let messages = MESSAGES.iter().filter(|_| has_counted).map(|(_, name)| *name);
        let of_node = self
            .0
            .keys()
            .map(String::as_str)
            .filter(|name| NAMES.iter().any(|start| name.starts_with(start)) && !ALONE.contains(name));
        messages.chain(of_node).map(|name| (series(name, &[node]), self.0[name])).collect()
    }
}
