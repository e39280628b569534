//! Policies: which one is in force for a queue. Pure.

use fancy_regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::queue::{Queue, QueueType, Settings};

/// A policy, as the management interface gives it.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyRow {
    pub(super) vhost: String,
    name: String,
    pattern: String,
    #[serde(rename = "apply-to")]
    apply_to: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    definition: Definition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Definition {
    dead_letter_exchange: Option<String>,
    dead_letter_routing_key: Option<String>,
    message_ttl: Option<IgnoredAny>,
    ha_mode: Option<IgnoredAny>,
}

/// The policies of a virtual host, the highest priority first.
#[derive(Debug, Default)]
pub(super) struct Policies(Vec<Policy>);

#[derive(Debug)]
struct Policy {
    name: String,
    priority: i64,
    /// `None` where it cannot be read; then only the broker's own word counts.
    pattern: Option<Regex>,
    apply_to: String,
    is_mirroring: bool,
    settings: Settings,
}

impl Policies {
    pub(super) fn add(&mut self, row: PolicyRow) {
        let PolicyRow { name, pattern, apply_to, priority, definition, .. } = row;
        let settings = Settings {
            exchange: definition.dead_letter_exchange,
            routing_key: definition.dead_letter_routing_key,
            expires: definition.message_ttl.is_some(),
        };
        let policy = Policy {
            name,
            priority,
            pattern: Regex::new(&pattern).ok(),
            apply_to,
            is_mirroring: definition.ha_mode.is_some(),
            settings,
        };
        let place = self.0.partition_point(|known| known.priority >= priority);
        self.0.insert(place, policy);
    }

    /// The settings of the one policy that is in force for a queue.
    pub(super) fn in_force(&self, queue: &Queue) -> Option<&Settings> {
        let policy = match &queue.policy {
            Some(name) => self.0.iter().find(|policy| policy.name == *name),
            None => self.0.iter().find(|policy| policy.fits(queue)),
        };
        policy.map(|policy| &policy.settings)
    }
}

impl Policy {
    fn fits(&self, queue: &Queue) -> bool {
        let kind = match self.apply_to.as_str() {
            "all" | "queues" => true,
            "classic_queues" => queue.queue_type == QueueType::Classic,
            "quorum_queues" => queue.queue_type == QueueType::Quorum,
            _ => false,
        };
        // Quorum queues pass over a policy with a setting that they do not have, as a whole.
        let supported = !(self.is_mirroring && queue.queue_type == QueueType::Quorum);
        let matches = |pattern: &Regex| pattern.is_match(&queue.name).unwrap_or(false);
        kind && supported && self.pattern.as_ref().is_some_and(matches)
    }
}
