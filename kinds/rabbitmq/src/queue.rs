//! A queue, from either API. Pure.

use platform_core::bounded::{self, NAME};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A queue; the fields that serde reads are those of the management API.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Queue {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) vhost: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) name: String,
    #[serde(default, rename = "type")]
    pub(super) queue_type: QueueType,
    #[serde(default)]
    pub(super) arguments: QueueSettings,
    /// The name of the effective policy, empty if there is none; `None` if the broker does not report it.
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    pub(super) policy: Option<String>,
    /// The same for operator policies, which are in force beside the others.
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    pub(super) operator_policy: Option<String>,
    /// The replicas of a quorum queue, and those that are running.
    #[serde(default)]
    pub(super) members: Members,
    #[serde(default)]
    pub(super) online: Members,
    /// Absent while the queue's node is down.
    pub(super) messages: Option<u64>,
    #[serde(rename = "messages_ready")]
    pub(super) ready: Option<u64>,
    #[serde(rename = "messages_unacknowledged")]
    pub(super) unacked: Option<u64>,
    #[serde(skip)]
    pub(super) consumers: Option<u64>,
    /// Whether it has, or has had, consumers.
    #[serde(skip)]
    pub(super) had_consumers: bool,
    #[serde(skip)]
    pub(super) role: Role,
    /// The timestamp that the publisher or the broker set on the first message.
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

/// Nodes, or something else where a queue has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Members {
    Nodes(Vec<IgnoredAny>),
    Unknown(IgnoredAny),
}

impl Default for Members {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

impl Members {
    fn count(&self) -> Option<u64> {
        match self {
            Self::Nodes(nodes) => Some(nodes.len() as u64),
            Self::Unknown(_) => None,
        }
    }
}

/// The purpose of a queue, judging by dead-lettering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// The definitions that decide it could not be read.
    #[default]
    Unknown,
    /// Its messages are for consumers.
    Work,
    /// Its messages move to another queue after a time: a delay or a retry.
    Delay,
    /// It gets the dead letters of others, or what an exchange could not route.
    DeadLetter,
}

/// The dead-lettering part of a queue's arguments or a policy's definition. No broker can route by a name longer than
/// AMQP allows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Arguments")]
pub(super) struct QueueSettings {
    pub(super) exchange: Option<String>,
    pub(super) routing_key: Option<String>,
    /// Whether messages expire.
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

impl From<Arguments> for QueueSettings {
    fn from(Arguments { exchange, routing_key, ttl }: Arguments) -> Self {
        Self { exchange, routing_key, expires: ttl.is_some() }
    }
}

impl Queue {
    /// All messages in it, if known.
    pub(super) fn depth(&self) -> Option<u64> {
        self.messages.or(self.ready)
    }

    /// Whether its messages are for consumers: a stream keeps them all.
    pub(super) fn needs_consumers(&self) -> bool {
        self.role == Role::Work && self.queue_type != QueueType::Stream
    }

    /// Whether messages wait for consumers and there are none. What a quorum queue with at-least-once dead-lettering could
    /// not route yet is still in the queue, and no consumer would get it.
    pub(super) fn is_abandoned(&self) -> Option<bool> {
        match self.ready.or(self.messages)? {
            0 => Some(false),
            _ => self.consumers.map(|consumers| consumers == 0),
        }
    }

    /// The replicas of a quorum queue, and how many of them are running.
    pub(super) fn replicas(&self) -> Option<(u64, u64)> {
        let (members, online) = self.members.count().zip(self.online.count())?;
        (self.queue_type == QueueType::Quorum && members > 0).then_some((members, online))
    }

    /// Whether too few replicas of a quorum queue are running for it to work.
    pub(super) fn is_in_minority(&self) -> bool {
        self.replicas().is_some_and(|(members, online)| 2 * online <= members)
    }
}
