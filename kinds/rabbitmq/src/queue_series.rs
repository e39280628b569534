//! Per-queue series, up to their limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use platform_core::metric::{Desc, Family, Sample};
use platform_core::query::{OTHER, SeriesBudget, Values};

use super::answer::count;
use super::config::QueueScope;
use super::dead_letter::DeadLetterRoute;
use super::families::{
    DEAD_LETTER_HEAD, DEAD_LETTER_INFO, DEAD_LETTERS, MEMBERS, MEMBERS_ONLINE, QUEUE_FAMILIES,
};
use super::queue::{Queue, Role};

/// Which queues have their own series, from probe to probe.
#[derive(Debug, Default)]
pub(super) struct QueueBudgets {
    queues: SeriesBudget,
    dead_letters: SeriesBudget,
}

/// A virtual host, and a queue in it.
type QueueKey<'a> = (&'a str, &'a str);
type Lines<'a> = BTreeMap<QueueKey<'a>, Values>;

/// The line under which the rest is summed. No virtual host has an empty name, so no queue can have this key.
const REST: QueueKey<'static> = ("", OTHER);

impl QueueBudgets {
    /// The per-queue families. `vhost` is that of the declared queues.
    pub(super) fn families(
        &mut self,
        queues: &[Queue],
        routes: &[DeadLetterRoute],
        scope: &QueueScope,
        vhost: &str,
    ) -> Vec<Family> {
        let chosen: Vec<bool> = queues.iter().map(|queue| scope.is_chosen(&queue.name)).collect();

        let mut lines: Lines<'_> = queues
            .iter()
            .zip(&chosen)
            .filter(|(_, chosen)| **chosen)
            .map(|(queue, _)| (key(queue), values(queue, scope)))
            .collect();
        let declared = scope.declared.iter().map(|name| (vhost, name.as_str()));
        let expected = declared.filter(|key| lines.contains_key(key)).collect();
        self.queues.apply(&mut lines, &expected, REST, scope.max_queues);
        // The last of them is a flag, and a sum of flags is none.
        if let Some(Some(abandoned)) = lines.get_mut(&REST).and_then(|values| values.last_mut()) {
            *abandoned = abandoned.min(1.0);
        }

        // The dead letters of a selected queue count, whatever the name of their dead-letter queue.
        let mut wanted = chosen;
        for route in
            routes.iter().filter(|route| wanted[route.from]).map(|route| route.to).collect::<Vec<_>>()
        {
            wanted[route] = true;
        }
        let is_dead_letter = |(queue, wanted): &(&Queue, &bool)| **wanted && queue.role == Role::DeadLetter;
        let mut dead: Lines<'_> = queues
            .iter()
            .zip(&wanted)
            .filter(is_dead_letter)
            .map(|(queue, _)| (key(queue), vec![queue.depth().map(count)]))
            .collect();
        self.dead_letters.apply(&mut dead, &BTreeSet::new(), REST, scope.max_queues);

        let mut families = spread(&lines, &QUEUE_FAMILIES);
        families.extend(spread(&dead, &[DEAD_LETTERS]));
        families.extend(replicas(queues, &lines));
        families.extend(heads(queues, &dead));
        families.extend(info(queues, routes, &lines, scope.max_queues));
        families
    }
}

/// The replicas of quorum queues with their own series: the sum over several queues would hide one.
fn replicas(queues: &[Queue], lines: &Lines<'_>) -> Vec<Family> {
    let (mut members, mut online) = (MEMBERS.family(), MEMBERS_ONLINE.family());
    for queue in queues.iter().filter(|queue| lines.contains_key(&key(queue))) {
        if let Some((all, running)) = queue.replicas() {
            members.push([&queue.vhost, &queue.name], count(all));
            online.push([&queue.vhost, &queue.name], count(running));
        }
    }
    [members, online].into_iter().filter(|family| !family.samples.is_empty()).collect()
}

/// The timestamps of the first messages of dead-letter queues with their own series: timestamps cannot be summed.
fn heads(queues: &[Queue], dead: &Lines<'_>) -> Option<Family> {
    let mut family = DEAD_LETTER_HEAD.family();
    let known = queues.iter().filter_map(|queue| Some((key(queue), queue.head_timestamp?)));
    for ((vhost, name), at) in known.filter(|(key, _)| dead.contains_key(key)) {
        family.push([vhost, name], count(at));
    }
    (!family.samples.is_empty()).then_some(family)
}

/// Which queue's dead letters go where, for queues with their own series.
fn info(queues: &[Queue], routes: &[DeadLetterRoute], lines: &Lines<'_>, limit: usize) -> Option<Family> {
    let mut family = DEAD_LETTER_INFO.family();
    let shown = routes.iter().filter(|route| {
        queues[route.to].role == Role::DeadLetter && lines.contains_key(&key(&queues[route.from]))
    });
    for DeadLetterRoute { from, to, exchange } in shown.take(limit) {
        let from = &queues[*from];
        family.push([&from.vhost, &from.name, exchange, &queues[*to].name], 1.0);
    }
    (!family.samples.is_empty()).then_some(family)
}

fn key(queue: &Queue) -> QueueKey<'_> {
    (&queue.vhost, &queue.name)
}

/// In the order of [`QUEUE_FAMILIES`].
fn values(queue: &Queue, scope: &QueueScope) -> Values {
    let counts = [queue.messages, queue.ready, queue.unacked, queue.consumers];
    let abandoned = scope.is_attended(queue).then(|| queue.is_abandoned()).flatten();
    counts.into_iter().map(|number| number.map(count)).chain([abandoned.map(f64::from)]).collect()
}

/// One family for each column that has a value.
fn spread(lines: &Lines<'_>, columns: &[Desc]) -> Vec<Family> {
    let label = |(vhost, queue): &QueueKey<'_>| Arc::from([(*vhost).to_owned(), (*queue).to_owned()]);
    let labels: Vec<Arc<[String]>> = lines.keys().map(label).collect();
    let family = |(column, desc): (usize, &Desc)| {
        let sample = |(labels, values): (&Arc<[String]>, &Values)| {
            let value = values.get(column).copied().flatten()?;
            Some(Sample { labels: Arc::clone(labels), value })
        };
        Family { samples: labels.iter().zip(lines.values()).filter_map(sample).collect(), ..desc.family() }
    };
    let families = columns.iter().enumerate().map(family);
    families.filter(|family| !family.samples.is_empty()).collect()
}
