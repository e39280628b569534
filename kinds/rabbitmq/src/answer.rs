//! The parts of the management API's answers that are read, and their limits.

use std::borrow::Cow;
use std::collections::HashMap;

use platform_core::bounded::{self, AtMost, NAME};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How much of each list is decoded. More would be useless on a dashboard and take more memory than all other sources
/// together.
pub(super) const MOST_QUEUES: usize = 100_000;
pub(super) const MOST_CONSUMERS: usize = 200_000;
pub(super) const MOST_BINDINGS: usize = 200_000;
pub(super) const MOST_DEFINITIONS: usize = 10_000;
pub(super) const MOST_EXCHANGES: usize = 100_000;
pub(super) const MOST_NODES: usize = 256;

#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) rabbitmq_version: String,
    #[serde(default, deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) erlang_version: String,
    #[serde(default, deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) product_name: String,
    #[serde(default, deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) product_version: String,
    #[serde(default, deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) cluster_name: String,
    #[serde(default, deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) node: String,
    #[serde(default)]
    pub(super) disable_stats: bool,
    #[serde(default)]
    pub(super) object_totals: QueueTotals,
    #[serde(default)]
    pub(super) message_stats: ApiNumbers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct QueueTotals {
    pub(super) queues: Option<u64>,
    pub(super) exchanges: Option<u64>,
    pub(super) connections: Option<u64>,
    pub(super) channels: Option<u64>,
    pub(super) consumers: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct BrokerNode {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) running: bool,
    pub(super) partitions: Option<Vec<IgnoredAny>>,
    #[serde(flatten)]
    pub(super) numbers: ApiNumbers,
}

/// ApiNumbers by name; an empty list where there are none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ApiNumbers {
    Known(HashMap<String, Figure>),
    Unknown(IgnoredAny),
}

/// A number, or a word if the broker does not know it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Figure {
    Known(f64),
    Unknown(IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub(super) struct Alarm {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) node: String,
    pub(super) resource: Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Resource {
    #[serde(rename = "memory")]
    Memory,
    #[serde(rename = "disk space", alias = "disk")]
    Disk,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct Alarms {
    #[serde(default)]
    pub(super) alarms: AtMost<MOST_NODES, Alarm>,
}

#[derive(Deserialize)]
pub(super) struct ConsumerRow<'a> {
    #[serde(borrow)]
    pub(super) queue: QueueName<'a>,
}

#[derive(PartialEq, Eq, Hash, Deserialize)]
pub(super) struct QueueName<'a> {
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) vhost: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) name: Cow<'a, str>,
}

/// Without a timestamp it may be null, an empty string, or an empty list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HeadMessage {
    pub(super) head_message_timestamp: Figure,
}

#[derive(Deserialize)]
pub(super) struct ApiRefusal {
    #[serde(default, deserialize_with = "bounded::optional::<1024, _>")]
    pub(super) reason: Option<String>,
}

/// A virtual host. Statistics have messages for those with queues.
#[derive(Debug, Deserialize)]
pub(super) struct VhostRow {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) name: String,
    pub(super) messages: Option<IgnoredAny>,
}

/// The user of a request.
#[derive(Debug, Deserialize)]
pub(super) struct OwnUser {
    tags: UserTags,
}

/// A list since 3.9, before that a text with commas.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum UserTags {
    List(Vec<String>),
    Text(String),
}

impl OwnUser {
    pub(super) fn tags(self) -> Vec<String> {
        match self.tags {
            UserTags::List(tags) => tags,
            UserTags::Text(tags) => {
                tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
            }
        }
    }
}

impl Default for ApiNumbers {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

impl ApiNumbers {
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        match self {
            Self::Known(numbers) => numbers.get(name)?.known(),
            Self::Unknown(_) => None,
        }
    }
}

impl Default for Figure {
    fn default() -> Self {
        Self::Unknown(IgnoredAny)
    }
}

impl Figure {
    pub(super) fn known(self) -> Option<f64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Unknown(_) => None,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and not negative"
    )]
    pub(super) fn whole(self) -> Option<u64> {
        self.known().filter(|number| *number >= 0.0 && number.fract() == 0.0).map(|number| number as u64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count beyond 2^53 is out of reach")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}
