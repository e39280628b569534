//! A queue, by whatever way it is known. Pure.

use platform_core::bounded::{self, NAME};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A queue; the fields that serde reads are those of the management interface.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Queue {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) vhost: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) queue_type: QueueType,
    #[serde(default)]
    pub(super) arguments: Settings,
    /// The name of the policy in force, empty where there is none; `None` where the broker does not say.
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    pub(super) policy: Option<String>,
    /// Absent while the queue's node is down.
    pub(super) messages: Option<u64>,
    #[serde(rename = "messages_ready")]
    pub(super) ready: Option<u64>,
    #[serde(rename = "messages_unacknowledged")]
    pub(super) unacked: Option<u64>,
    #[serde(skip)]
    pub(super) consumers: Option<u64>,
    #[serde(skip)]
    pub(super) role: Role,
    /// The time that the publisher, or the broker in its place, gave to the first message.
    #[serde(skip)]
    pub(super) head_timestamp: Option<u64>,
}

/// How a queue keeps its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QueueType {
    Classic,
    Quorum,
    Stream,
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a queue is for, as far as dead-lettering tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// Its messages are for consumers.
    #[default]
    Work,
    /// Its messages move on to another queue after a time: a delay, or the waiting room of a retry.
    Delay,
    /// It gets the dead letters of others.
    DeadLetter,
}

/// The arguments of a queue, or the definition of a policy, as far as dead-lettering goes. No broker can route by a name
/// that is longer than AMQP allows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Arguments")]
pub(super) struct Settings {
    pub(super) exchange: Option<String>,
    pub(super) routing_key: Option<String>,
    /// Whether messages leave by themselves after a time.
    pub(super) expires: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(rename = "x-dead-letter-exchange", deserialize_with = "bounded::optional::<NAME, _>")]
    exchange: Option<String>,
    #[serde(rename = "x-dead-letter-routing-key", deserialize_with = "bounded::optional::<NAME, _>")]
    routing_key: Option<String>,
    #[serde(rename = "x-message-ttl")]
    ttl: Option<IgnoredAny>,
}

impl From<Arguments> for Settings {
    fn from(Arguments { exchange, routing_key, ttl }: Arguments) -> Self {
        Self { exchange, routing_key, expires: ttl.is_some() }
    }
}

impl Queue {
    /// All that is in it, as far as is known.
    pub(super) fn depth(&self) -> Option<u64> {
        self.messages.or(self.ready)
    }

    /// Whether its messages are for consumers: a stream keeps them all, whoever reads.
    pub(super) fn needs_consumers(&self) -> bool {
        self.role == Role::Work && self.queue_type != QueueType::Stream
    }

    /// Whether messages are there and nobody consumes.
    pub(super) fn is_abandoned(&self) -> Option<bool> {
        self.depth().zip(self.consumers).map(|(depth, consumers)| depth > 0 && consumers == 0)
    }
}
