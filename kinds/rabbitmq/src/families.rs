//! The families of a broker.

use platform_core::metric::{Desc, Family};

use super::answer::{Alarm, BrokerNode, Overview, Resource};
use super::management::Survey;
use super::queue::{Queue, QueueType};

pub(super) const UP: Desc =
    Desc::gauge("rabbitmq_up", &[], "Whether the exporter could log in and open a channel.");

const QUEUE: &[&str] = &["vhost", "queue"];
const NODE: &[&str] = &["node"];

/// The families with one series per queue.
pub(super) const QUEUE_FAMILIES: [Desc; 5] = [
    Desc::gauge(
        "rabbitmq_queue_messages",
        QUEUE,
        "Messages in the queue, ready or unacknowledged, without streams; quorum queues update theirs every 5 seconds (management API, queues with totals).",
    ),
    Desc::gauge(
        "rabbitmq_queue_messages_ready",
        QUEUE,
        "Messages ready for delivery, without streams; AMQP alone does not report which queues are streams, and counts what they keep (management API, queues with totals; AMQP, passive declaration).",
    ),
    Desc::gauge(
        "rabbitmq_queue_messages_unacked",
        QUEUE,
        "Messages delivered but not yet acknowledged, without streams (management API, queues with totals).",
    ),
    Desc::gauge(
        "rabbitmq_queue_consumers",
        QUEUE,
        "Consumers of the queue (management API, consumers; AMQP, passive declaration).",
    ),
    Desc::gauge(
        "rabbitmq_queue_without_consumers",
        QUEUE,
        "1 if the queue has messages but no consumers; for `other`, if that is so of any queue in it. Without dead-letter queues, delay queues and streams, which AMQP alone cannot distinguish: there, a stream never has consumers (management API, consumers; AMQP, passive declaration).",
    ),
];

pub(super) const MEMBERS: Desc = Desc::gauge(
    "rabbitmq_queue_members",
    QUEUE,
    "Replicas of a quorum queue (management API, queues with totals).",
);
pub(super) const MEMBERS_ONLINE: Desc = Desc::gauge(
    "rabbitmq_queue_members_online",
    QUEUE,
    "Running replicas of a quorum queue, which needs more than half of them (management API, queues with totals).",
);

pub(super) const DEAD_LETTERS: Desc = Desc::gauge(
    "rabbitmq_dead_letter_queue_messages",
    QUEUE,
    "Messages in a dead-letter queue, or in one that only gets what exchanges cannot route, as determined from arguments, policies and bindings; without streams (management API).",
);
pub(super) const DEAD_LETTER_HEAD: Desc = Desc::gauge(
    "rabbitmq_dead_letter_queue_head_message_timestamp_seconds",
    QUEUE,
    "Timestamp of the first message in a dead-letter queue, if its publisher or the broker set one; the 20 deepest queues (management API, queue, head_message_timestamp).",
);
pub(super) const DEAD_LETTER_INFO: Desc = Desc::gauge(
    "rabbitmq_dead_letter_info",
    &["vhost", "queue", "dead_letter_exchange", "dead_letter_queue"],
    "Which queue's dead letters go to which dead-letter queue; always 1 (management API, policies and bindings).",
);

const QUEUES: Desc =
    Desc::gauge("rabbitmq_queues", &[], "Queues visible to the user (management API, queues).");
const WITHOUT_CONSUMERS: Desc = Desc::gauge(
    "rabbitmq_queues_without_consumers",
    &[],
    "Queues with messages but no consumers, among those that `rabbitmq_queue_without_consumers` is about; absent while it is unknown of one (management API, consumers; AMQP, passive declaration).",
);
const MESSAGES: Desc = Desc::gauge(
    "rabbitmq_queue_messages_global",
    &[],
    "Messages in all queues except streams, regardless of the filter; absent while the count of one is unknown, as when its node is down (management API, queues with totals).",
);
const READY: Desc = Desc::gauge(
    "rabbitmq_queue_messages_ready_global",
    &[],
    "Messages ready for delivery in all queues except streams, regardless of the filter; absent while the count of one is unknown (management API, queues with totals).",
);
const UNACKED: Desc = Desc::gauge(
    "rabbitmq_queue_messages_unacknowledged_global",
    &[],
    "Messages delivered but not yet acknowledged in all queues except streams, regardless of the filter; absent while the count of one is unknown (management API, queues with totals).",
);

const CONNECTIONS: Desc =
    Desc::gauge("rabbitmq_connections", &[], "Open connections (management API, overview).");
const CHANNELS: Desc = Desc::gauge("rabbitmq_channels", &[], "Open channels (management API, overview).");
const CONSUMERS: Desc = Desc::gauge("rabbitmq_consumers", &[], "Consumers (management API, overview).");
const STATISTICS: Desc = Desc::gauge(
    "rabbitmq_statistics_enabled",
    &[],
    "Whether the management plugin collects statistics; without them, few node metrics are available (management API, overview).",
);
const BUILD: Desc = Desc::gauge(
    "rabbitmq_build_info",
    &["rabbitmq_version", "erlang_version"],
    "RabbitMQ and Erlang versions of the responding node as labels; always 1 (management API, overview).",
);

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

type OfNode = fn(&BrokerNode) -> Option<f64>;

const NODE_FAMILIES: [(Desc, OfNode); 8] = [
    (RUNNING, |node| Some(f64::from(node.running))),
    (PARTITIONS, |node| node.partitions.as_ref().map(|others| count(others.len() as u64))),
    (
        Desc::gauge(
            "rabbitmq_process_resident_memory_bytes",
            NODE,
            "Memory used by the node (management API, nodes, mem_used).",
        ),
        |node| node.mem_used.known(),
    ),
    (
        Desc::gauge(
            "rabbitmq_resident_memory_limit_bytes",
            NODE,
            "Memory limit at which the node blocks publishers (management API, nodes, mem_limit).",
        ),
        |node| node.mem_limit.known(),
    ),
    (
        Desc::gauge(
            "rabbitmq_disk_space_available_bytes",
            NODE,
            "Free disk space of the node (management API, nodes, disk_free).",
        ),
        |node| node.disk_free.known(),
    ),
    (
        Desc::gauge(
            "rabbitmq_disk_space_available_limit_bytes",
            NODE,
            "Free disk space below which the node blocks publishers (management API, nodes, disk_free_limit).",
        ),
        |node| node.disk_free_limit.known(),
    ),
    (
        Desc::gauge(
            "rabbitmq_process_open_fds",
            NODE,
            "Open file descriptors of the node (management API, nodes, fd_used).",
        ),
        |node| node.fd_used.known(),
    ),
    (
        Desc::gauge(
            "rabbitmq_process_max_fds",
            NODE,
            "Maximum number of open file descriptors of the node (management API, nodes, fd_total).",
        ),
        |node| node.fd_total.known(),
    ),
];

/// Every family except [`UP`].
pub(super) fn catalogue() -> Vec<Desc> {
    let mut catalogue = Vec::from(QUEUE_FAMILIES);
    catalogue.extend([MEMBERS, MEMBERS_ONLINE, DEAD_LETTERS, DEAD_LETTER_HEAD, DEAD_LETTER_INFO]);
    catalogue.extend([QUEUES, WITHOUT_CONSUMERS, MESSAGES, READY, UNACKED]);
    catalogue.extend([CONNECTIONS, CHANNELS, CONSUMERS, STATISTICS, BUILD, MEMORY_ALARM, DISK_ALARM]);
    catalogue.extend(NODE_FAMILIES.map(|(desc, _)| desc));
    catalogue
}

#[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is out of reach")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// What the broker reports about itself.
pub(super) fn of_broker(survey: &Survey) -> Vec<Family> {
    let nodes = survey.nodes.as_deref().unwrap_or_default();
    let alarms = survey.alarms.iter().flat_map(|alarms| of_alarms(nodes, alarms));
    let families = survey.overview.iter().flat_map(of_cluster).chain(of_nodes(nodes)).chain(alarms);
    families.filter(|family| !family.samples.is_empty()).collect()
}

fn of_cluster(overview: &Overview) -> Vec<Family> {
    let totals = &overview.object_totals;
    let counts =
        [(CONNECTIONS, totals.connections), (CHANNELS, totals.channels), (CONSUMERS, totals.consumers)];
    let known = counts.into_iter().filter_map(|(desc, total)| Some(desc.value(count(total?))));
    let statistics = STATISTICS.value(f64::from(!overview.disable_stats));
    let build = BUILD.family().with([&overview.rabbitmq_version, &overview.erlang_version], 1.0);
    known.chain([statistics, build]).collect()
}

fn of_nodes(nodes: &[BrokerNode]) -> Vec<Family> {
    let family = |(desc, value): (Desc, OfNode)| {
        let mut family = desc.family();
        for node in nodes {
            if let Some(value) = value(node) {
                family.push([&node.name], value);
            }
        }
        family
    };
    NODE_FAMILIES.map(family).into()
}

fn of_alarms(nodes: &[BrokerNode], alarms: &[Alarm]) -> Vec<Family> {
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

/// The sums over all queues.
pub(super) fn of_all(queues: &[Queue]) -> Vec<Family> {
    let sum = |desc: Desc, value: fn(&Queue) -> Option<u64>| {
        let counted = queues.iter().filter(|queue| queue.queue_type != QueueType::Stream);
        // A sum without one of them would be a false total.
        Some(desc.value(count(counted.map(value).sum::<Option<u64>>()?)))
    };
    let totals = [
        Some(QUEUES.value(count(queues.len() as u64))),
        sum(MESSAGES, |queue| queue.messages),
        sum(READY, |queue| queue.ready),
        sum(UNACKED, |queue| queue.unacked),
    ];
    totals.into_iter().flatten().collect()
}

/// How many of these queues, which should have consumers, have messages but none; `None` if that is unknown of one.
pub(super) fn of_attended<'a>(mut queues: impl Iterator<Item = &'a Queue>) -> Option<Family> {
    let number = queues.try_fold(0, |number, queue| Some(number + u64::from(queue.is_abandoned()?)))?;
    Some(WITHOUT_CONSUMERS.value(count(number)))
}
