//! The statistics of single queues, for sources that ask for them.

use std::sync::LazyLock;

use platform_core::bounded::{self, NAME};
use platform_core::metric::{Desc, Family};
use serde::Deserialize;

use super::answer::ApiNumbers;

/// What the broker has counted of a queue, a few seconds ago.
#[derive(Debug, Deserialize)]
pub(super) struct QueueStatistics {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    vhost: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) name: String,
    #[serde(default)]
    message_stats: ApiNumbers,
    #[serde(flatten)]
    numbers: ApiNumbers,
}

/// A number of the API, and its family.
type QueueNumber = (&'static str, Desc);

const fn gauge(field: &'static str, name: &'static str, help: &'static str) -> QueueNumber {
    (field, Desc::gauge(name, &["vhost", "queue"], help))
}

const fn counter(field: &'static str, name: &'static str, help: &'static str) -> QueueNumber {
    (field, Desc::counter(name, &["vhost", "queue"], help))
}

const NUMBERS: [QueueNumber; 10] = [
    gauge(
        "message_bytes",
        "rabbitmq_queue_messages_bytes",
        "Size of the messages in the queue; with `collect: [queues]` (management API, queues, message_bytes).",
    ),
    gauge(
        "message_bytes_ready",
        "rabbitmq_queue_messages_ready_bytes",
        "Size of the messages ready for delivery; with `collect: [queues]` (management API, queues, message_bytes_ready).",
    ),
    gauge(
        "message_bytes_unacknowledged",
        "rabbitmq_queue_messages_unacked_bytes",
        "Size of the messages delivered but not yet acknowledged; with `collect: [queues]` (management API, queues, message_bytes_unacknowledged).",
    ),
    gauge(
        "message_bytes_persistent",
        "rabbitmq_queue_messages_persistent_bytes",
        "Size of the persistent messages in the queue; with `collect: [queues]` (management API, queues, message_bytes_persistent).",
    ),
    gauge(
        "message_bytes_ram",
        "rabbitmq_queue_messages_ram_bytes",
        "Size of the messages of the queue in memory; with `collect: [queues]` (management API, queues, message_bytes_ram).",
    ),
    gauge(
        "messages_persistent",
        "rabbitmq_queue_messages_persistent",
        "Persistent messages in the queue; with `collect: [queues]` (management API, queues, messages_persistent).",
    ),
    gauge(
        "messages_ram",
        "rabbitmq_queue_messages_ram",
        "Messages of the queue in memory; with `collect: [queues]` (management API, queues, messages_ram).",
    ),
    gauge(
        "consumer_capacity",
        "rabbitmq_queue_consumer_capacity",
        "Share of the time in which consumers could take messages at once, from 0 to 1; with `collect: [queues]` (management API, queues, consumer_capacity).",
    ),
    gauge(
        "consumer_utilisation",
        "rabbitmq_queue_consumer_utilisation",
        "The same as the capacity, under its older name; with `collect: [queues]` (management API, queues, consumer_utilisation).",
    ),
    gauge(
        "head_message_timestamp",
        "rabbitmq_queue_head_message_timestamp",
        "Timestamp of the first message in the queue, if it has one; with `collect: [queues]` (management API, queues, head_message_timestamp).",
    ),
];

/// The API adds up what was counted on the nodes of a cluster, so these are for a single node.
const MESSAGES: [QueueNumber; 8] = [
    counter(
        "publish",
        "rabbitmq_queue_messages_published_total",
        "Messages published into the queue; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.publish).",
    ),
    counter(
        "deliver",
        "rabbitmq_queue_messages_delivered_ack_total",
        "Messages delivered to consumers that acknowledge them; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.deliver).",
    ),
    counter(
        "deliver_no_ack",
        "rabbitmq_queue_messages_delivered_total",
        "Messages delivered to consumers that do not acknowledge them; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.deliver_no_ack).",
    ),
    counter(
        "get",
        "rabbitmq_queue_get_ack_total",
        "Messages fetched with basic.get and to be acknowledged; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.get).",
    ),
    counter(
        "get_no_ack",
        "rabbitmq_queue_get_total",
        "Messages fetched with basic.get and not to be acknowledged; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.get_no_ack).",
    ),
    counter(
        "redeliver",
        "rabbitmq_queue_messages_redelivered_total",
        "Messages delivered or fetched once more; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.redeliver).",
    ),
    counter(
        "ack",
        "rabbitmq_queue_messages_acked_total",
        "Messages acknowledged by consumers; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.ack).",
    ),
    counter(
        "get_empty",
        "rabbitmq_queue_get_empty_total",
        "Calls of basic.get that found no message; with `collect: [queues]`, only of a broker with one node (management API, queues, message_stats.get_empty).",
    ),
];

/// The path of the list of queues, with all that is read of each.
pub(super) static PATH: LazyLock<String> = LazyLock::new(|| {
    let numbers = NUMBERS.map(|(field, _)| field.to_owned());
    let messages = MESSAGES.map(|(field, _)| format!("message_stats.{field}"));
    let fields: Vec<String> = numbers.into_iter().chain(messages).collect();
    format!("queues?columns=vhost,name,{}", fields.join(","))
});

pub(super) fn catalogue() -> impl Iterator<Item = Desc> {
    NUMBERS.into_iter().chain(MESSAGES).map(|(_, desc)| desc)
}

/// The families of these queues.
pub(super) fn families<'a>(
    queues: impl Iterator<Item = &'a QueueStatistics> + Clone,
    has_one_node: bool,
) -> Vec<Family> {
    let family = |desc: Desc, number: &dyn Fn(&QueueStatistics) -> Option<f64>| {
        let mut family = desc.family();
        for queue in queues.clone() {
            if let Some(number) = number(queue) {
                family.push([&queue.vhost, &queue.name], number);
            }
        }
        family
    };
    let numbers = NUMBERS.into_iter().map(|(field, desc)| family(desc, &|queue| queue.numbers.get(field)));
    let messages = MESSAGES.into_iter().filter(|_| has_one_node);
    let messages = messages.map(|(field, desc)| family(desc, &|queue| queue.message_stats.get(field)));
    numbers.chain(messages).filter(|family| !family.samples.is_empty()).collect()
}
