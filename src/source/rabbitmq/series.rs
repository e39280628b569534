//! Series of single queues, within their number.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Scope;
use super::dead_letter::Route;
use super::families::{DEAD_LETTER_HEAD, DEAD_LETTER_INFO, DEAD_LETTERS, QUEUE_FAMILIES, count};
use super::queue::{Queue, Role};
use crate::metric::{Desc, Family, Sample};
use crate::query::{SeriesBudget, Values};

/// Which queues have series of their own, from probe to probe.
#[derive(Debug, Default)]
pub(super) struct Members {
    queues: SeriesBudget,
    dead_letters: SeriesBudget,
}

type Lines = BTreeMap<Vec<String>, Values>;

impl Members {
    /// The families of single queues. `vhost` is that of the declared ones.
    pub(super) fn families(
        &mut self,
        queues: &[Queue],
        routes: &[Route],
        scope: &Scope,
        vhost: &str,
    ) -> Vec<Family> {
        let declared: BTreeSet<_> =
            scope.declared.iter().map(|name| vec![vhost.to_owned(), name.clone()]).collect();
        let chosen: Vec<bool> = queues.iter().map(|queue| scope.is_chosen(&queue.name)).collect();

        let of_queue = |queue: &Queue| (key(queue), values(queue, scope));
        let mut lines: Lines = queues
            .iter()
            .zip(&chosen)
            .filter(|(_, chosen)| **chosen)
            .map(|(queue, _)| of_queue(queue))
            .collect();
        let expected = declared.into_iter().filter(|key| lines.contains_key(key)).collect();
        self.queues.apply(&mut lines, &expected, scope.max_queues);

        // The dead letters of a chosen queue count, whatever the queue is called in which they end.
        let mut wanted = chosen;
        for route in
            routes.iter().filter(|route| wanted[route.from]).map(|route| route.to).collect::<Vec<_>>()
        {
            wanted[route] = true;
        }
        let is_dead_letter = |(queue, wanted): &(&Queue, &bool)| **wanted && queue.role == Role::DeadLetter;
        let of_dead_letter = |queue: &Queue| (key(queue), vec![queue.depth().map(count)]);
        let mut dead: Lines = queues
            .iter()
            .zip(&wanted)
            .filter(is_dead_letter)
            .map(|(queue, _)| of_dead_letter(queue))
            .collect();
        self.dead_letters.apply(&mut dead, &BTreeSet::new(), scope.max_queues);

        let mut families = spread(&lines, &QUEUE_FAMILIES);
        families.extend(spread(&dead, &[DEAD_LETTERS]));
        families.extend(heads(queues, &dead));
        families.extend(info(queues, routes, &lines, scope.max_queues));
        families
    }
}

/// The time stamps of the first messages, of dead-letter queues that have series of their own: times do not add up.
fn heads(queues: &[Queue], dead: &Lines) -> Option<Family> {
    let mut family = DEAD_LETTER_HEAD.family();
    for queue in queues.iter().filter(|queue| dead.contains_key(&key(queue))) {
        if let Some(at) = queue.head_timestamp {
            family.push([&queue.vhost, &queue.name], count(at));
        }
    }
    (!family.samples.is_empty()).then_some(family)
}

/// Which queue's dead letters go where, for queues that have series of their own.
fn info(queues: &[Queue], routes: &[Route], lines: &Lines, limit: usize) -> Option<Family> {
    let mut family = DEAD_LETTER_INFO.family();
    let shown = routes.iter().filter(|route| {
        queues[route.to].role == Role::DeadLetter && lines.contains_key(&key(&queues[route.from]))
    });
    for Route { from, to, exchange } in shown.take(limit) {
        let from = &queues[*from];
        family.push([&from.vhost, &from.name, exchange, &queues[*to].name], 1.0);
    }
    (!family.samples.is_empty()).then_some(family)
}

fn key(queue: &Queue) -> Vec<String> {
    vec![queue.vhost.clone(), queue.name.clone()]
}

/// In the order of [`QUEUE_FAMILIES`].
fn values(queue: &Queue, scope: &Scope) -> Values {
    let counts = [queue.messages, queue.ready, queue.unacked, queue.consumers];
    let abandoned = scope.is_attended(queue).then(|| queue.is_abandoned()).flatten();
    counts.into_iter().map(|number| number.map(count)).chain([abandoned.map(f64::from)]).collect()
}

/// One family for each column that has a value.
fn spread(lines: &Lines, columns: &[Desc]) -> Vec<Family> {
    let family = |(column, desc): (usize, &Desc)| {
        let sample = |(labels, values): (&Vec<String>, &Values)| {
            let value = values.get(column).copied().flatten()?;
            Some(Sample { labels: labels.clone(), value })
        };
        Family { samples: lines.iter().filter_map(sample).collect(), ..desc.family() }
    };
    let families = columns.iter().enumerate().map(family);
    families.filter(|family| !family.samples.is_empty()).collect()
}
