//! The families of nodes. A counter is that of one node, since it started.

use std::sync::LazyLock;

use platform_core::metric::{Desc, Family};

use super::answer::{Alarm, ApiNumbers, BrokerNode, Resource, count};

const NODE: &[&str] = &["node"];

const RUNNING: Desc =
    Desc::gauge("rabbitmq_running", NODE, "Whether the node is running (management API, nodes).");
const PARTITIONS: Desc = Desc::gauge(
    "rabbitmq_partitions",
    NODE,
    "Other nodes from which the node is partitioned (management API, nodes).",
);
const MEMORY_ALARM: Desc = Desc::gauge(
    "rabbitmq_alarms_memory_used_watermark",
    NODE,
    "1 while publishers are blocked because the node uses too much memory (management API, alarms).",
);
const DISK_ALARM: Desc = Desc::gauge(
    "rabbitmq_alarms_free_disk_space_watermark",
    NODE,
    "1 while publishers are blocked because the node has too little disk space (management API, alarms).",
);

/// A number of the API, and its family.
type NodeNumber = (&'static str, Desc);

const fn gauge(field: &'static str, name: &'static str, help: &'static str) -> NodeNumber {
    (field, Desc::gauge(name, NODE, help))
}

const fn counter(field: &'static str, name: &'static str, help: &'static str) -> NodeNumber {
    (field, Desc::counter(name, NODE, help))
}

/// What the list of nodes reports of each.
const NUMBERS: [NodeNumber; 36] = [
    gauge(
        "mem_used",
        "rabbitmq_process_resident_memory_bytes",
        "Memory used by the node (management API, nodes, mem_used).",
    ),
    gauge(
        "mem_limit",
        "rabbitmq_resident_memory_limit_bytes",
        "Memory limit at which the node blocks publishers (management API, nodes, mem_limit).",
    ),
    gauge(
        "disk_free",
        "rabbitmq_disk_space_available_bytes",
        "Free disk space of the node (management API, nodes, disk_free).",
    ),
    gauge(
        "disk_free_limit",
        "rabbitmq_disk_space_available_limit_bytes",
        "Free disk space below which the node blocks publishers (management API, nodes, disk_free_limit).",
    ),
    gauge(
        "fd_used",
        "rabbitmq_process_open_fds",
        "Open file descriptors of the node (management API, nodes, fd_used).",
    ),
    gauge(
        "fd_total",
        "rabbitmq_process_max_fds",
        "Maximum number of open file descriptors of the node (management API, nodes, fd_total).",
    ),
    gauge(
        "sockets_used",
        "rabbitmq_process_open_tcp_sockets",
        "Open TCP sockets of the node (before RabbitMQ 4) (management API, nodes, sockets_used).",
    ),
    gauge(
        "sockets_total",
        "rabbitmq_process_max_tcp_sockets",
        "Maximum number of open TCP sockets of the node (before RabbitMQ 4) (management API, nodes, sockets_total).",
    ),
    gauge(
        "proc_used",
        "rabbitmq_erlang_processes_used",
        "Erlang processes of the node (management API, nodes, proc_used).",
    ),
    gauge(
        "proc_total",
        "rabbitmq_erlang_processes_limit",
        "Maximum number of Erlang processes of the node (management API, nodes, proc_total).",
    ),
    gauge(
        "run_queue",
        "rabbitmq_erlang_scheduler_run_queue",
        "Erlang processes that wait for a scheduler of the node (management API, nodes, run_queue).",
    ),
    gauge(
        "net_ticktime",
        "rabbitmq_erlang_net_ticktime_seconds",
        "Interval of heartbeats between the nodes (management API, nodes, net_ticktime).",
    ),
    gauge(
        "uptime",
        "rabbitmq_erlang_uptime_seconds",
        "Seconds since the node started (management API, nodes, uptime).",
    ),
    counter(
        "gc_num",
        "rabbitmq_erlang_gc_runs_total",
        "Runs of the garbage collector of Erlang (management API, nodes, gc_num).",
    ),
    counter(
        "gc_bytes_reclaimed",
        "rabbitmq_erlang_gc_reclaimed_bytes_total",
        "Memory reclaimed by the garbage collector of Erlang (management API, nodes, gc_bytes_reclaimed).",
    ),
    counter(
        "context_switches",
        "rabbitmq_erlang_scheduler_context_switches_total",
        "Context switches of the schedulers of Erlang (management API, nodes, context_switches).",
    ),
    counter(
        "io_read_count",
        "rabbitmq_io_read_ops_total",
        "Reads from disk (management API, nodes, io_read_count).",
    ),
    counter(
        "io_read_bytes",
        "rabbitmq_io_read_bytes_total",
        "Bytes read from disk (management API, nodes, io_read_bytes).",
    ),
    counter(
        "io_write_count",
        "rabbitmq_io_write_ops_total",
        "Writes to disk (management API, nodes, io_write_count).",
    ),
    counter(
        "io_write_bytes",
        "rabbitmq_io_write_bytes_total",
        "Bytes written to disk (management API, nodes, io_write_bytes).",
    ),
    counter(
        "io_sync_count",
        "rabbitmq_io_sync_ops_total",
        "Syncs of files to disk (management API, nodes, io_sync_count).",
    ),
    counter(
        "io_seek_count",
        "rabbitmq_io_seek_ops_total",
        "Seeks in files (management API, nodes, io_seek_count).",
    ),
    counter(
        "io_reopen_count",
        "rabbitmq_io_reopen_ops_total",
        "Files opened again (management API, nodes, io_reopen_count).",
    ),
    counter(
        "mnesia_ram_tx_count",
        "rabbitmq_schema_db_ram_tx_total",
        "Transactions of the schema database in memory (Mnesia) (management API, nodes, mnesia_ram_tx_count).",
    ),
    counter(
        "mnesia_disk_tx_count",
        "rabbitmq_schema_db_disk_tx_total",
        "Transactions of the schema database on disk (Mnesia) (management API, nodes, mnesia_disk_tx_count).",
    ),
    counter(
        "msg_store_read_count",
        "rabbitmq_msg_store_read_total",
        "Messages read from the message store (management API, nodes, msg_store_read_count).",
    ),
    counter(
        "msg_store_write_count",
        "rabbitmq_msg_store_write_total",
        "Messages written to the message store (management API, nodes, msg_store_write_count).",
    ),
    counter(
        "queue_index_read_count",
        "rabbitmq_queue_index_read_ops_total",
        "Reads of queue indexes (management API, nodes, queue_index_read_count).",
    ),
    counter(
        "queue_index_write_count",
        "rabbitmq_queue_index_write_ops_total",
        "Writes of queue indexes (management API, nodes, queue_index_write_count).",
    ),
    counter(
        "connection_created",
        "rabbitmq_connections_opened_total",
        "Connections opened on the node (management API, nodes, connection_created).",
    ),
    counter(
        "connection_closed",
        "rabbitmq_connections_closed_total",
        "Connections of the node closed or lost (management API, nodes, connection_closed).",
    ),
    counter(
        "channel_created",
        "rabbitmq_channels_opened_total",
        "Channels opened on the node (management API, nodes, channel_created).",
    ),
    counter(
        "channel_closed",
        "rabbitmq_channels_closed_total",
        "Channels of the node closed (management API, nodes, channel_closed).",
    ),
    counter(
        "queue_declared",
        "rabbitmq_queues_declared_total",
        "Declarations of queues on the node, those of existing ones included (management API, nodes, queue_declared).",
    ),
    counter(
        "queue_created",
        "rabbitmq_queues_created_total",
        "Queues created on the node (management API, nodes, queue_created).",
    ),
    counter(
        "queue_deleted",
        "rabbitmq_queues_deleted_total",
        "Queues of the node deleted (management API, nodes, queue_deleted).",
    ),
];

/// What the overview counts in the channels of AMQP 0-9-1. It adds up the nodes of a cluster, and a sum jumps when one of
/// them restarts: these are for a single node.
const MESSAGES: [NodeNumber; 12] = [
    counter(
        "publish",
        "rabbitmq_global_messages_received_total",
        "Messages received from publishers; only of a broker with one node that keeps statistics (management API, overview, message_stats.publish).",
    ),
    counter(
        "confirm",
        "rabbitmq_global_messages_confirmed_total",
        "Messages confirmed to publishers; only of a broker with one node that keeps statistics (management API, overview, message_stats.confirm).",
    ),
    counter(
        "return_unroutable",
        "rabbitmq_global_messages_unroutable_returned_total",
        "Messages returned to publishers because no queue wanted them; only of a broker with one node that keeps statistics (management API, overview, message_stats.return_unroutable).",
    ),
    counter(
        "drop_unroutable",
        "rabbitmq_global_messages_unroutable_dropped_total",
        "Messages dropped because no queue wanted them; only of a broker with one node that keeps statistics (management API, overview, message_stats.drop_unroutable).",
    ),
    counter(
        "deliver",
        "rabbitmq_global_messages_delivered_consume_manual_ack_total",
        "Messages delivered to consumers that acknowledge them; only of a broker with one node that keeps statistics (management API, overview, message_stats.deliver).",
    ),
    counter(
        "deliver_no_ack",
        "rabbitmq_global_messages_delivered_consume_auto_ack_total",
        "Messages delivered to consumers that do not acknowledge them; only of a broker with one node that keeps statistics (management API, overview, message_stats.deliver_no_ack).",
    ),
    counter(
        "get",
        "rabbitmq_global_messages_delivered_get_manual_ack_total",
        "Messages fetched with basic.get and to be acknowledged; only of a broker with one node that keeps statistics (management API, overview, message_stats.get).",
    ),
    counter(
        "get_no_ack",
        "rabbitmq_global_messages_delivered_get_auto_ack_total",
        "Messages fetched with basic.get and not to be acknowledged; only of a broker with one node that keeps statistics (management API, overview, message_stats.get_no_ack).",
    ),
    counter(
        "deliver_get",
        "rabbitmq_global_messages_delivered_total",
        "Messages delivered to consumers or fetched with basic.get; only of a broker with one node that keeps statistics (management API, overview, message_stats.deliver_get).",
    ),
    counter(
        "redeliver",
        "rabbitmq_global_messages_redelivered_total",
        "Messages delivered or fetched once more; only of a broker with one node that keeps statistics (management API, overview, message_stats.redeliver).",
    ),
    counter(
        "ack",
        "rabbitmq_global_messages_acknowledged_total",
        "Messages acknowledged by consumers; only of a broker with one node that keeps statistics (management API, overview, message_stats.ack).",
    ),
    counter(
        "get_empty",
        "rabbitmq_global_messages_get_empty_total",
        "Calls of basic.get that found no message; only of a broker with one node that keeps statistics (management API, overview, message_stats.get_empty).",
    ),
];

/// The path of the list of nodes, with all that is read of each.
pub(super) static PATH: LazyLock<String> = LazyLock::new(|| {
    let fields = NUMBERS.map(|(field, _)| field).join(",");
    format!("nodes?columns=name,running,partitions,{fields}")
});

pub(super) fn catalogue() -> Vec<Desc> {
    let numbers = NUMBERS.into_iter().chain(MESSAGES).map(|(_, desc)| desc);
    [RUNNING, PARTITIONS, MEMORY_ALARM, DISK_ALARM].into_iter().chain(numbers).collect()
}

pub(super) fn of_nodes(nodes: &[BrokerNode]) -> Vec<Family> {
    let (mut running, mut partitions) = (RUNNING.family(), PARTITIONS.family());
    let mut numbers = NUMBERS.map(|(field, desc)| (field, desc.family()));
    for node in nodes {
        running.push([&node.name], f64::from(node.running));
        if let Some(others) = &node.partitions {
            partitions.push([&node.name], count(others.len() as u64));
        }
        for (field, family) in &mut numbers {
            // Milliseconds are the only unit that differs.
            let scale = if *field == "uptime" { 1e-3 } else { 1.0 };
            if let Some(number) = node.numbers.get(field) {
                family.push([&node.name], number * scale);
            }
        }
    }
    [running, partitions].into_iter().chain(numbers.map(|(_, family)| family)).collect()
}

pub(super) fn of_messages(nodes: &[BrokerNode], counted: &ApiNumbers) -> Vec<Family> {
    let [node] = nodes else { return Vec::new() };
    let family = |(field, desc): NodeNumber| Some(desc.family().with([&node.name], counted.get(field)?));
    MESSAGES.into_iter().filter_map(family).collect()
}

pub(super) fn of_alarms(nodes: &[BrokerNode], alarms: &[Alarm]) -> Vec<Family> {
    let family = |(desc, resource): (Desc, Resource)| {
        let mut family = desc.family();
        for node in nodes {
            let raised = alarms.iter().any(|alarm| alarm.node == node.name && alarm.resource == resource);
            family.push([&node.name], f64::from(raised));
        }
        family
    };
    [(MEMORY_ALARM, Resource::Memory), (DISK_ALARM, Resource::Disk)].map(family).into()
}
