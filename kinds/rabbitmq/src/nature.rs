//! What the declared queues are, while only AMQP answers, which reports how full they are and nothing else. Pure.

use std::collections::BTreeMap;

use super::config::Config;
use super::queue::{Queue, QueueType, Role};

/// What a queue is, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    pub(super) queue_type: QueueType,
    pub(super) role: Role,
}

/// What the management API last reported of each declared queue.
#[derive(Debug, Default)]
pub(super) struct Natures(BTreeMap<String, Nature>);

impl Natures {
    /// Remembers the declared ones of these queues.
    pub(super) fn remember(&mut self, queues: &[Queue], config: &Config) {
        let is_declared =
            |queue: &&Queue| queue.vhost == config.broker.vhost && config.scope.is_declared(&queue.name);
        for queue in queues.iter().filter(is_declared).filter(|queue| queue.role != Role::Unknown) {
            let nature = Nature { queue_type: queue.queue_type, role: queue.role };
            self.0.insert(queue.name.clone(), nature);
        }
    }

    /// A queue that the management API has never reported is unknown, unless it is not asked at all: then it is for
    /// consumers, as far as anyone knows.
    pub(super) fn of(&self, queue: &str, config: &Config) -> Nature {
        let role = if config.management.is_some() { Role::Unknown } else { Role::Work };
        self.0.get(queue).copied().unwrap_or(Nature { queue_type: QueueType::Unknown, role })
    }
}
