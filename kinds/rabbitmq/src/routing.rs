//! The exchanges of one virtual host: which queues a message with a routing key can reach. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How an exchange compares a message's routing key with that of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    /// `direct`: they are equal.
    Same,
    /// `topic`: the binding's key is a pattern of words.
    Topic,
    /// `fanout` does not compare; for `headers` and others, the key does not matter.
    Anything,
}

/// What is known of a message's routing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RoutingKey {
    Exact(String),
    /// Some key that this topic pattern matches.
    Like(String),
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Destination {
    Queue(String),
    Exchange(String),
}

#[derive(Debug)]
pub(super) struct ExchangeBindings {
    matching: Matching,
    /// The exchange that gets what this one cannot route.
    alternate: Option<String>,
    /// Bindings whose key holds no wildcard, by key.
    plain: HashMap<String, Vec<Destination>>,
    /// Bindings of a topic exchange whose key holds one.
    patterns: Vec<(String, Destination)>,
}

/// How many more bindings or policies may be checked. The work grows with queues times bindings; a broker with too many
/// must not use up the memory or time of all sources.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    end: Instant,
}

/// A source gets no more of the shared thread, whatever its patterns are.
const LONGEST: Duration = Duration::from_secs(1);

impl Budget {
    pub(super) fn of(bindings: usize) -> Self {
        Self { left: bindings, end: Instant::now() + LONGEST }
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    pub(super) fn exhaust(&mut self) {
        self.left = 0;
    }

    pub(super) fn spend(&mut self) -> bool {
        self.spend_on(1)
    }

    /// Charges the cost of that many plain bindings. Returns whether any budget is left.
    pub(super) fn spend_on(&mut self, bindings: usize) -> bool {
        self.left = self.left.saturating_sub(bindings);
        if Instant::now() >= self.end {
            self.exhaust();
        }
        !self.is_spent()
    }
}

/// The cost of comparing two keys, in plain bindings: it grows with the words of both.
fn cost(key: &RoutingKey, binding: &str) -> usize {
    match key {
        RoutingKey::Exact(text) | RoutingKey::Like(text) => 1 + text.len() * binding.len() / 1024,
        RoutingKey::Any => 1,
    }
}

impl Matching {
    pub(super) fn of(exchange_type: &str) -> Self {
        match exchange_type {
            "direct" => Self::Same,
            "topic" => Self::Topic,
            _ => Self::Anything,
        }
    }

    /// What a queue's binding key says about the messages routed through it.
    pub(super) fn key_of(self, binding: &str) -> RoutingKey {
        match self {
            Self::Same => RoutingKey::Exact(binding.to_owned()),
            Self::Topic if has_wildcard(binding) => RoutingKey::Like(binding.to_owned()),
            Self::Topic => RoutingKey::Exact(binding.to_owned()),
            Self::Anything => RoutingKey::Any,
        }
    }
}

impl ExchangeBindings {
    pub(super) fn new(matching: Matching, alternate: Option<String>) -> Self {
        Self { matching, alternate, plain: HashMap::new(), patterns: Vec::new() }
    }

    pub(super) fn alternate(&self) -> Option<&str> {
        self.alternate.as_deref()
    }

    fn every_destination(&self) -> impl Iterator<Item = &Destination> {
        self.plain.values().flatten().chain(self.patterns.iter().map(|(_, destination)| destination))
    }

    /// The queues that are bound to it, whatever the key.
    pub(super) fn queues(&self) -> impl Iterator<Item = &str> {
        self.every_destination().filter_map(|destination| match destination {
            Destination::Queue(name) => Some(name.as_str()),
            Destination::Exchange(_) => None,
        })
    }

    /// The exchanges that its messages can reach next.
    fn next(&self) -> impl Iterator<Item = &str> {
        let bound = self.every_destination().filter_map(|destination| match destination {
            Destination::Exchange(name) => Some(name.as_str()),
            Destination::Queue(_) => None,
        });
        bound.chain(self.alternate())
    }

    pub(super) fn bind(&mut self, key: &str, destination: Destination) {
        if self.matching == Matching::Topic && has_wildcard(key) {
            self.patterns.push((key.to_owned(), destination));
        } else {
            self.plain.entry(key.to_owned()).or_default().push(destination);
        }
    }

    pub(super) fn matching(&self) -> Matching {
        self.matching
    }

    fn destinations<'a>(
        &'a self,
        key: &'a RoutingKey,
        budget: &mut Budget,
        found: &mut Vec<&'a Destination>,
    ) {
        let every = self.matching == Matching::Anything || *key == RoutingKey::Any;
        match key {
            RoutingKey::Exact(key) if !every => {
                let destinations = self.plain.get(key).into_iter().flatten();
                found.extend(destinations.take_while(|_| budget.spend()));
            }
            _ => {
                for (binding, destinations) in &self.plain {
                    if !budget.spend_on(cost(key, binding)) {
                        break;
                    }
                    if every || overlap(key, binding, false) {
                        found.extend(destinations.iter().take_while(|_| budget.spend()));
                    }
                }
            }
        }
        let bindings = self.patterns.iter().take_while(|(binding, _)| budget.spend_on(cost(key, binding)));
        let fitting = bindings.filter(|(binding, _)| every || overlap(key, binding, true));
        found.extend(fitting.map(|(_, destination)| destination));
    }
}

/// The queues that a message with one of these keys can reach from a non-default exchange.
pub(super) fn reach<'a>(
    exchanges: &'a HashMap<String, ExchangeBindings>,
    start: &'a str,
    keys: &'a [RoutingKey],
    budget: &mut Budget,
) -> Vec<&'a str> {
    let (mut seen, mut queues, mut waiting) = (HashSet::from([start]), Vec::new(), vec![start]);
    while let Some(exchange) = waiting.pop().map(|name| exchanges.get(name)) {
        let mut found = Vec::new();
        for (exchange, key) in
            exchange.into_iter().flat_map(|exchange| keys.iter().map(move |key| (exchange, key)))
        {
            if !budget.spend() {
                break;
            }
            let before = found.len();
            exchange.destinations(key, budget, &mut found);
            if let Some(alternate) = exchange.alternate().filter(|_| found.len() == before)
                && seen.insert(alternate)
            {
                waiting.push(alternate);
            }
        }
        for destination in found {
            match destination {
                Destination::Queue(name) => queues.push(name.as_str()),
                Destination::Exchange(name) if seen.insert(name) => waiting.push(name),
                Destination::Exchange(_) => {}
            }
        }
    }
    queues.sort_unstable();
    queues.dedup();
    queues
}

/// These exchanges, and those to which they lead.
pub(super) fn exchanges_behind<'a>(
    exchanges: &'a HashMap<String, ExchangeBindings>,
    starts: HashSet<&'a str>,
    budget: &mut Budget,
) -> HashSet<&'a str> {
    let (mut waiting, mut seen): (Vec<&str>, _) = (starts.iter().copied().collect(), starts);
    while let Some(exchange) = waiting.pop() {
        let next = exchanges.get(exchange).into_iter().flat_map(ExchangeBindings::next);
        for name in next.take_while(|_| budget.spend()) {
            if seen.insert(name) {
                waiting.push(name);
            }
        }
    }
    seen
}

fn has_wildcard(key: &str) -> bool {
    key.split('.').any(|word| matches!(word, "*" | "#"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    Is(&'a str),
    One,
    Many,
}

fn words(key: &str, is_pattern: bool) -> Vec<Word<'_>> {
    let word = |word| match word {
        "*" if is_pattern => Word::One,
        "#" if is_pattern => Word::Many,
        word => Word::Is(word),
    };
    key.split('.').map(word).collect()
}

/// Whether some routing key matches both.
fn overlap(key: &RoutingKey, binding: &str, binding_is_pattern: bool) -> bool {
    let key = match key {
        RoutingKey::Exact(key) => words(key, false),
        RoutingKey::Like(pattern) => words(pattern, true),
        RoutingKey::Any => return true,
    };
    let binding = words(binding, binding_is_pattern);
    // fits[j]: whether the words of the key from i on, and those of the binding from j on, have a key in common.
    let mut fits = vec![false; binding.len() + 1];
    for i in (0..=key.len()).rev() {
        let below = fits.clone();
        for j in (0..=binding.len()).rev() {
            fits[j] = match (key.get(i), binding.get(j)) {
                (None, None) => true,
                (Some(Word::Many), _) => below[j] || (j < binding.len() && fits[j + 1]),
                (_, Some(Word::Many)) => fits[j + 1] || (i < key.len() && below[j]),
                (Some(Word::Is(a)), Some(Word::Is(b))) => a == b && below[j + 1],
                (Some(_), Some(_)) => below[j + 1],
                _ => false,
            };
        }
    }
    fits[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str) -> RoutingKey {
        Matching::Topic.key_of(pattern)
    }

    #[test]
    fn topic_keys_overlap_where_some_key_fits_both() {
        let cases = [
            ("orders.eu.new", "orders.*.new", true),
            ("orders.new", "orders.*.new", false),
            ("orders.new", "orders.#", true),
            ("orders", "orders.#", true),
            ("orders.a.b.c", "#.c", true),
            ("orders.a.b.c", "#.d", false),
            ("", "#", true),
            ("", "*", true),
            ("#", "*.*", true),
            ("*.new", "orders.#", true),
            ("*.new", "orders.eu.#", false),
            ("orders.#", "users.#", false),
            ("#.a.#", "#.b.#", true),
            ("orders.*", "orders", false),
        ];
        for (key, binding, expected) in cases {
            assert_eq!(overlap(&like(key), binding, true), expected, "{key} with {binding}");
        }
    }

    #[test]
    fn a_wildcard_in_a_message_s_key_is_a_plain_word() {
        assert!(!overlap(&RoutingKey::Exact("*.new".into()), "orders.new", false));
        assert!(overlap(&RoutingKey::Exact("*.new".into()), "#.new", true));
        assert!(!overlap(&RoutingKey::Exact("#".into()), "orders.new", false));
    }

    #[test]
    fn a_budget_ends_by_number_and_by_time() {
        let mut two = Budget::of(2);
        assert!(two.spend() && !two.is_spent());
        assert!(!two.spend() && two.is_spent());
        let mut late = Budget { left: 100, end: Instant::now() };
        assert!(!late.spend() && late.is_spent());
        let mut exhausted = Budget::of(100);
        exhausted.exhaust();
        assert!(exhausted.is_spent());
    }

    #[test]
    fn comparing_costs_more_the_longer_both_keys_are() {
        let long = "a".repeat(128);
        assert_eq!(cost(&RoutingKey::Exact(long.clone()), &long), 17);
        assert_eq!(cost(&RoutingKey::Like(long.clone()), "a"), 1);
        assert_eq!(cost(&RoutingKey::Any, &long), 1);
    }

    #[test]
    fn many_wildcards_take_no_longer_than_their_number_squared() {
        let pattern = "#.".repeat(120) + "x";
        assert!(!overlap(&like(&pattern), &("#.".repeat(120) + "y"), true));
    }
}
