//! Policies: which one is in force for a queue. Pure.

use fancy_regex::{Regex, RegexBuilder};
use platform_core::bounded::{self, NAME};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::queue::{Queue, QueueSettings, QueueType};
use super::routing::Budget;

/// A policy, as the management API returns it.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyRow {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    pub(super) vhost: String,
    /// `None` if it is too long to be read, as for the pattern: one such policy must not hide the others.
    #[serde(deserialize_with = "bounded::optional::<NAME, _>")]
    name: Option<String>,
    #[serde(deserialize_with = "bounded::optional::<LONGEST_PATTERN, _>")]
    pattern: Option<String>,
    #[serde(rename = "apply-to", deserialize_with = "bounded::text::<NAME, _>")]
    apply_to: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    definition: Definition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Definition {
    #[serde(deserialize_with = "bounded::optional::<NAME, _>")]
    dead_letter_exchange: Option<String>,
    #[serde(deserialize_with = "bounded::optional::<NAME, _>")]
    dead_letter_routing_key: Option<String>,
    #[serde(deserialize_with = "bounded::optional::<NAME, _>")]
    alternate_exchange: Option<String>,
    message_ttl: Option<IgnoredAny>,
    ha_mode: Option<IgnoredAny>,
}

/// The policies of a virtual host, the highest priority first.
#[derive(Debug, Default)]
pub(super) struct Policies(Vec<Policy>);

#[derive(Debug)]
struct Policy {
    name: Option<String>,
    priority: i64,
    pattern: Pattern,
    apply_to: String,
    is_mirroring: bool,
    settings: QueueSettings,
    alternate_exchange: Option<String>,
}

#[derive(Debug)]
enum Pattern {
    Known(Box<Regex>),
    /// Then only what the broker reports counts.
    Unreadable,
    /// There are too many to check.
    Unread,
}

/// Longer ones are generated lists of names.
const LONGEST_PATTERN: usize = 4096;

/// How many patterns are compiled. A broker of version 4 reports the effective policy itself.
pub(super) const MOST_PATTERNS: usize = 1000;
/// Memory limits of a compiled pattern, and of the states it builds while matching. A few characters such as
/// `\w{1000}` can take megabytes.
const LARGEST_PATTERN: usize = 64 << 10;
const MOST_BACKTRACKING: usize = 10_000;

impl Policies {
    /// Adds a policy; its pattern is `wanted` while there are not too many.
    pub(super) fn add(&mut self, row: PolicyRow, wanted: bool) {
        let PolicyRow { name, pattern, apply_to, priority, definition, .. } = row;
        let settings = QueueSettings {
            exchange: definition.dead_letter_exchange,
            routing_key: definition.dead_letter_routing_key,
            expires: definition.message_ttl.is_some(),
        };
        let policy = Policy {
            name,
            priority,
            pattern: match pattern {
                Some(pattern) if wanted => Pattern::of(&pattern),
                Some(_) => Pattern::Unread,
                None => Pattern::Unreadable,
            },
            apply_to,
            is_mirroring: definition.ha_mode.is_some(),
            settings,
            alternate_exchange: definition.alternate_exchange,
        };
        let place = self.0.partition_point(|known| known.priority >= priority);
        self.0.insert(place, policy);
    }

    /// The settings of the effective policy of a queue; `reported` is its name, if the broker reports it.
    pub(super) fn in_force(
        &self,
        queue: &Queue,
        reported: Option<&str>,
        budget: &mut Budget,
    ) -> Option<&QueueSettings> {
        let mut policies = self.0.iter().take_while(|_| budget.spend());
        let policy = match reported {
            Some(name) => policies.find(|policy| policy.name.as_deref() == Some(name)),
            None => {
                let fitting = policies.find(|policy| policy.fits(queue))?;
                if matches!(fitting.pattern, Pattern::Unread) {
                    budget.exhaust();
                    return None;
                }
                Some(fitting)
            }
        };
        policy.map(|policy| &policy.settings)
    }

    /// The alternate exchange that the policy of this name gives to an exchange.
    pub(super) fn alternate_exchange(&self, name: &str) -> Option<&str> {
        let policy = self.0.iter().find(|policy| policy.name.as_deref() == Some(name))?;
        policy.alternate_exchange.as_deref()
    }
}

impl Pattern {
    fn of(text: &str) -> Self {
        let regex = RegexBuilder::new(text)
            .backtrack_limit(MOST_BACKTRACKING)
            .delegate_size_limit(LARGEST_PATTERN)
            .delegate_dfa_size_limit(LARGEST_PATTERN)
            .build();
        regex.map_or(Self::Unreadable, |regex| Self::Known(Box::new(regex)))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Known(regex) => regex.is_match(name).unwrap_or(false),
            Self::Unreadable => false,
            Self::Unread => true,
        }
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
        // Quorum queues ignore a policy entirely if it has a setting that they do not support.
        let supported = !(self.is_mirroring && queue.queue_type == QueueType::Quorum);
        kind && supported && self.pattern.matches(&queue.name)
    }
}
