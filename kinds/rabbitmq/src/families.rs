//! The families of a broker.

use platform_core::metric::{Desc, Family};

use super::answer::{Overview, count};
use super::management::Survey;
use super::node;
use super::queue::{Queue, QueueType};
use super::queue_statistics;

pub(super) const UP: Desc =
    Desc::gauge("rabbitmq_up", &[], "Whether the exporter could log in and open a channel.");

const QUEUE: &[&str] = &["vhost", "queue"];

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

const EXCHANGES: Desc = Desc::gauge(
    "rabbitmq_exchanges",
    &[],
    "Exchanges, those that every virtual host has included (management API, overview).",
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
    &["rabbitmq_version", "erlang_version", "product_name", "product_version"],
    "Versions of RabbitMQ, of Erlang and of the product on the responding node as labels; always 1 (management API, overview).",
);
const IDENTITY: Desc = Desc::gauge(
    "rabbitmq_identity_info",
    &["rabbitmq_node", "rabbitmq_cluster", "rabbitmq_endpoint"],
    "The responding node and its cluster as labels, for dashboards that join on them; always 1 (management API, overview).",
);

/// Every family except [`UP`].
pub(super) fn catalogue() -> Vec<Desc> {
    let mut catalogue = Vec::from(QUEUE_FAMILIES);
    catalogue.extend([MEMBERS, MEMBERS_ONLINE, DEAD_LETTERS, DEAD_LETTER_HEAD, DEAD_LETTER_INFO]);
    catalogue.extend([QUEUES, WITHOUT_CONSUMERS, MESSAGES, READY, UNACKED]);
    catalogue.extend([EXCHANGES, CONNECTIONS, CHANNELS, CONSUMERS, STATISTICS, BUILD, IDENTITY]);
    catalogue.extend(node::catalogue());
    catalogue.extend(queue_statistics::catalogue());
    catalogue
}

/// What the broker reports about itself.
pub(super) fn of_broker(survey: &Survey) -> Vec<Family> {
    let nodes = survey.nodes.as_deref().unwrap_or_default();
    let alarms = survey.alarms.iter().flat_map(|alarms| node::of_alarms(nodes, alarms));
    let messages =
        survey.overview.iter().flat_map(|overview| node::of_messages(nodes, &overview.message_stats));
    let families = survey.overview.iter().flat_map(of_cluster).chain(node::of_nodes(nodes));
    families.chain(alarms).chain(messages).filter(|family| !family.samples.is_empty()).collect()
}

fn of_cluster(overview: &Overview) -> Vec<Family> {
    let totals = &overview.object_totals;
    let counts = [
        (EXCHANGES, totals.exchanges),
        (CONNECTIONS, totals.connections),
        (CHANNELS, totals.channels),
        (CONSUMERS, totals.consumers),
    ];
    let known = counts.into_iter().filter_map(|(desc, total)| Some(desc.value(count(total?))));
    let statistics = STATISTICS.value(f64::from(!overview.disable_stats));
    let Overview { rabbitmq_version, erlang_version, product_name, product_version, .. } = overview;
    let build = BUILD.family().with([rabbitmq_version, erlang_version, product_name, product_version], 1.0);
    let identity = IDENTITY.family().with([&overview.node, &overview.cluster_name, "aggregated"], 1.0);
    let identity = Some(identity).filter(|_| !overview.node.is_empty());
    known.chain([statistics, build]).chain(identity).collect()
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
