//! What the test has put into a broker, and the series that follow from it.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::rabbitmq::Rabbitmq;
use testkit::recount::{Series, series};

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Work,
    Dead,
    Delay,
    Stream,
}

/// A queue, as the test has left it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) role: Role,
    pub(super) ready: u64,
    pub(super) unacked: u64,
    pub(super) consumers: u64,
    pub(super) is_quorum: bool,
    /// The timestamp of its first message.
    pub(super) head: Option<u64>,
    /// The exchange and queue of its dead letters.
    pub(super) leads_to: Option<(&'static str, &'static str)>,
}

impl Entry {
    pub(super) fn new(role: Role, ready: u64) -> Self {
        Self { role, ready, unacked: 0, consumers: 0, is_quorum: false, head: None, leads_to: None }
    }

    fn messages(&self) -> u64 {
        self.ready + self.unacked
    }

    /// The counts under their names in the management API and here; a stream has none of messages.
    fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        let mut counts = vec![("consumers", "rabbitmq_queue_consumers", self.consumers)];
        if self.role != Role::Stream {
            counts.extend([
                ("messages", "rabbitmq_queue_messages", self.messages()),
                ("messages_ready", "rabbitmq_queue_messages_ready", self.ready),
                ("messages_unacknowledged", "rabbitmq_queue_messages_unacked", self.unacked),
            ]);
        }
        counts
    }
}

/// A virtual host, and a queue in it.
pub(super) type Key = (&'static str, &'static str);

/// All queues.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(BTreeMap<Key, Entry>);

impl Ledger {
    /// Enters a queue of the virtual host `/`.
    pub(super) fn put(&mut self, queue: &'static str, role: Role, ready: u64) -> &mut Entry {
        self.put_in("/", queue, role, ready)
    }

    pub(super) fn put_in(
        &mut self,
        vhost: &'static str,
        queue: &'static str,
        role: Role,
        ready: u64,
    ) -> &mut Entry {
        self.0.insert((vhost, queue), Entry::new(role, ready));
        self.of(vhost, queue)
    }

    pub(super) fn of(&mut self, vhost: &'static str, queue: &'static str) -> &mut Entry {
        self.0.get_mut(&(vhost, queue)).expect("it was entered")
    }

    pub(super) fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0.values_mut()
    }

    pub(super) fn retain(&mut self, vhost: &str) {
        self.0.retain(|(of, _), _| *of == vhost);
    }

    pub(super) fn consumers(&self) -> f64 {
        self.0.values().map(|entry| entry.consumers).sum::<u64>() as f64
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.keys().map(|(_, queue)| *queue).collect()
    }

    /// Whether the broker's statistics, which follow after some seconds, have come to this. They know nothing of streams.
    pub(super) async fn is_reported(&self, broker: &Rabbitmq) -> bool {
        let queues = broker.get("/api/queues").await;
        let queues = queues.as_array().expect("a list");
        let is_as_entered = |((vhost, name), entry): (&Key, &Entry)| {
            let queue = queues.iter().find(|queue| queue["vhost"] == *vhost && queue["name"] == *name);
            queue.is_some_and(|queue| {
                let is_head = entry.head.is_none_or(|head| queue["head_message_timestamp"] == head);
                let mut counts = entry.counts().into_iter();
                is_head
                    && (entry.role == Role::Stream || counts.all(|(field, _, count)| queue[field] == count))
            })
        };
        queues.len() == self.0.len() && self.0.iter().all(is_as_entered)
    }

    /// The series by queue, of which at most `most` have their own.
    pub(super) fn series(&self, most: usize) -> Series {
        let mut all = Series::new();
        let own = self.largest(most);
        for (key, entry) in &self.0 {
            let is_own = own.contains(key);
            let labels = if is_own { [key.0, key.1] } else { ["", "other"] };
            for (_, name, count) in entry.counts() {
                *all.entry(series(name, &labels)).or_default() += count as f64;
            }
            if entry.role == Role::Work {
                let flag = all.entry(series("rabbitmq_queue_without_consumers", &labels)).or_default();
                *flag = flag.max(f64::from(is_abandoned(entry)));
            }
            if is_own && entry.is_quorum {
                all.insert(series("rabbitmq_queue_members", &labels), 1.0);
                all.insert(series("rabbitmq_queue_members_online", &labels), 1.0);
            }
            if let Some((exchange, dead)) = entry.leads_to.filter(|_| is_own) {
                all.insert(series("rabbitmq_dead_letter_info", &[key.0, key.1, exchange, dead]), 1.0);
            }
            if entry.role == Role::Dead {
                let labels = [key.0, key.1];
                let messages = entry.messages() as f64;
                all.insert(series("rabbitmq_dead_letter_queue_messages", &labels), messages);
                let head = "rabbitmq_dead_letter_queue_head_message_timestamp_seconds";
                all.extend(entry.head.map(|at| (series(head, &labels), at as f64)));
            }
        }
        all.extend(self.totals());
        all
    }

    /// What passive declarations report: a stream has its messages and never a consumer.
    pub(super) fn series_by_amqp(&self) -> Series {
        let mut all = Series::new();
        let mut abandoned = 0.0;
        for ((vhost, queue), entry) in &self.0 {
            let consumers = if entry.role == Role::Stream { 0 } else { entry.consumers };
            let is_abandoned = f64::from(entry.ready > 0 && consumers == 0);
            abandoned += is_abandoned;
            for (name, value) in [
                ("rabbitmq_queue_messages_ready", entry.ready as f64),
                ("rabbitmq_queue_consumers", consumers as f64),
                ("rabbitmq_queue_without_consumers", is_abandoned),
            ] {
                all.insert(series(name, &[vhost, queue]), value);
            }
        }
        all.insert("rabbitmq_queues_without_consumers".to_owned(), abandoned);
        all
    }

    fn totals(&self) -> Series {
        let sum = |name: &str, of: fn(&Entry) -> u64| {
            let counted = self.0.values().filter(|entry| entry.role != Role::Stream);
            (name.to_owned(), counted.map(of).sum::<u64>() as f64)
        };
        let abandoned =
            self.0.values().filter(|entry| entry.role == Role::Work && is_abandoned(entry)).count();
        Series::from([
            sum("rabbitmq_queue_messages_global", Entry::messages),
            sum("rabbitmq_queue_messages_ready_global", |entry| entry.ready),
            sum("rabbitmq_queue_messages_unacknowledged_global", |entry| entry.unacked),
            ("rabbitmq_queues".to_owned(), self.0.len() as f64),
            ("rabbitmq_queues_without_consumers".to_owned(), abandoned as f64),
        ])
    }

    /// The queues with the most messages, of which a place goes to the rest; all of them where that suffices.
    fn largest(&self, most: usize) -> Vec<Key> {
        let mut keys: Vec<Key> = self.0.keys().copied().collect();
        let counted = |key: &Key| match self.0[key] {
            Entry { role: Role::Stream, .. } => 0,
            entry => entry.messages(),
        };
        keys.sort_by_key(|key| std::cmp::Reverse(counted(key)));
        if keys.len() > most {
            keys.truncate(most - 1);
        }
        keys
    }
}

fn is_abandoned(entry: &Entry) -> bool {
    entry.messages() > 0 && entry.consumers == 0
}

/// A number of the broker's answer.
pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}
