//! The names of keys as patterns: what is in a name of one key only, such as an id or an address, is not in its pattern.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Words in the keys of job systems, which are about no person.
const WORDS: [&str; 28] = [
    "queue",
    "queues",
    "job",
    "jobs",
    "task",
    "tasks",
    "worker",
    "workers",
    "process",
    "processes",
    "schedule",
    "scheduled",
    "retry",
    "dead",
    "failed",
    "stat",
    "processed",
    "heartbeat",
    "wip",
    "finished",
    "deferred",
    "canceled",
    "results",
    "unacked",
    "index",
    "kombu",
    "binding",
    "rq",
];

/// Words that end the keys of a queue. What is between the first word and this one is the queue's name, whatever it is.
const ENDS: [&str; 11] = [
    "meta",
    "id",
    "events",
    "wait",
    "active",
    "paused",
    "delayed",
    "completed",
    "prioritized",
    "marker",
    "repeat",
];

/// The words that begin keys with such an end.
const BEGINNINGS: [&str; 2] = ["bull", "resque"];

/// What separates the parts of a name.
const SEPARATORS: [char; 6] = [':', '.', '/', '|', '#', '-'];

/// Of a name with more parts, these are looked at.
const MOST_PARTS: usize = 8;

/// So many patterns are kept apart while keys are read, whatever their names are.
const MOST_SHAPES: usize = 10_000;

/// So many keys begin with a word before it is that of an application, and not that of one person.
const COMMON: u64 = 10;

/// If keys begin with more such words, these are names of what the keys are about: one for each tenant.
const MOST_BEGINNINGS: usize = 50;

/// The largest patterns are reported; the keys of all others are counted under `*`.
const MOST_PATTERNS: usize = 200;

/// The type of a pattern is that of these keys.
const EXAMPLES: usize = 3;

/// The patterns of the keys that were looked at.
#[derive(Default)]
pub(super) struct KeyPatterns {
    shapes: HashMap<NameShape, PatternKeys>,
}

/// A name as a pattern, in two forms until it is known how many keys begin with its first part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct NameShape {
    /// The first part, if it may be a word.
    first: Option<String>,
    /// The pattern with it.
    with: String,
    /// The pattern without it.
    without: String,
}

impl NameShape {
    fn of(key: &str) -> Self {
        let mut parts: Vec<&str> = key.split_inclusive(SEPARATORS).take(MOST_PARTS).collect();
        let others = &key[parts.iter().map(|part| part.len()).sum()..];
        parts.extend((!others.is_empty()).then_some(others));
        let name = |place: usize| parts[place].trim_end_matches(SEPARATORS);
        let last = parts.len().saturating_sub(1);
        let is_of_queue = last > 1 && ENDS.contains(&name(last));
        let is_known_at = |place: usize| match place {
            0 => is_known(name(0)) || BEGINNINGS.contains(&name(0)),
            MOST_PARTS => false,
            _ if is_of_queue => place == last,
            _ => is_known(name(place)),
        };
        let first = parts.first().map(|_| name(0)).filter(|name| !is_known_at(0) && is_like_a_word(name));
        Self {
            first: first.map(str::to_owned),
            with: pattern(&parts, |place| (place == 0 && first.is_some()) || is_known_at(place)),
            without: pattern(&parts, is_known_at),
        }
    }

    /// What stands for all names.
    fn any() -> Self {
        Self { first: None, with: "*".to_owned(), without: "*".to_owned() }
    }
}

/// The pattern of a name with these parts. Neighbours that do not stay are one `*`.
fn pattern(parts: &[&str], stays: impl Fn(usize) -> bool) -> String {
    let mut pattern = String::new();
    for (place, part) in parts.iter().enumerate() {
        let name = part.trim_end_matches(SEPARATORS);
        let begin = pattern.trim_end_matches(SEPARATORS).len();
        if name.is_empty() || stays(place) {
            pattern.push_str(name);
        } else if pattern[..begin].ends_with('*') {
            pattern.truncate(begin);
        } else {
            pattern.push('*');
        }
        pattern.push_str(&part[name.len()..]);
    }
    pattern
}

/// Whether a part of a name is made of known words: `unacked_index`.
fn is_known(part: &str) -> bool {
    let mut words = part.split('_').filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| WORDS.contains(&word))
}

/// The keys of a pattern.
#[derive(Debug, Default)]
pub(super) struct PatternKeys {
    pub(super) count: u64,
    /// Some of them.
    pub(super) examples: Vec<String>,
}

impl PatternKeys {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES);
    }
}

impl KeyPatterns {
    /// Adds a key.
    pub(super) fn add(&mut self, key: &str) {
        let mut shape = NameShape::of(key);
        if self.shapes.len() >= MOST_SHAPES && !self.shapes.contains_key(&shape) {
            shape = NameShape::any();
        }
        self.shapes.entry(shape).or_default().join(PatternKeys { count: 1, examples: vec![key.to_owned()] });
    }

    /// How many patterns are kept apart.
    pub(super) fn len(&self) -> usize {
        self.shapes.len()
    }

    /// The patterns with their keys, the largest first.
    pub(super) fn finish(self) -> Vec<(String, PatternKeys)> {
        let mut beginnings: BTreeMap<&str, u64> = BTreeMap::new();
        for (shape, keys) in &self.shapes {
            if let Some(first) = &shape.first {
                *beginnings.entry(first).or_default() += keys.count;
            }
        }
        beginnings.retain(|_, count| *count >= COMMON);
        if beginnings.len() > MOST_BEGINNINGS {
            beginnings.clear();
        }
        let common: HashSet<String> = beginnings.into_keys().map(str::to_owned).collect();
        let mut patterns: BTreeMap<String, PatternKeys> = BTreeMap::new();
        for (NameShape { first, with, without }, keys) in self.shapes {
            let is_kept = first.is_some_and(|first| common.contains(&first));
            patterns.entry(if is_kept { with } else { without }).or_default().join(keys);
        }
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        patterns.sort_by_key(|(_, keys)| std::cmp::Reverse(keys.count));
        let others = patterns.split_off(patterns.len().min(MOST_PATTERNS));
        for (_, keys) in others {
            match patterns.iter_mut().find(|(pattern, _)| pattern == "*") {
                Some((_, all)) => all.join(keys),
                None => patterns.push(("*".to_owned(), keys)),
            }
        }
        patterns
    }
}

/// A longer word is a token, perhaps.
const LONGEST_WORD: usize = 24;

/// Whether a part of a name may be a word that an application begins keys with: letters only, not a mix of cases as in a
/// token.
fn is_like_a_word(part: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let changes = part
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    (1..=LONGEST_WORD).contains(&part.len()) && part.chars().all(is_letter) && changes.count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<(String, u64)> {
        let mut patterns = KeyPatterns::default();
        keys.into_iter().for_each(|key| patterns.add(key));
        patterns.finish().into_iter().map(|(pattern, keys)| (pattern, keys.count)).collect()
    }

    fn pattern_of(key: &str) -> String {
        patterns([key]).remove(0).0
    }

    #[test]
    fn what_is_only_in_one_name_is_not_in_its_pattern() {
        for (key, expected) in [
            ("queues", "queues"),
            ("queue:default", "queue:*"),
            ("myapp:queues", "*:queues"),
            ("stat:processed:2026-11-26", "stat:processed:*"),
            ("bull:emails:meta", "bull:*:meta"),
            ("bull:jobs:meta", "bull:*:meta"),
            ("bull:events:events", "bull:*:events"),
            ("bull:emails:7", "bull:*"),
            ("rq:queue:default", "rq:queue:*"),
            ("_kombu.binding.celery", "_kombu.binding.*"),
            ("unacked_index", "unacked_index"),
            ("session:anna@example.org", "*"),
            ("queue:anna@example.org", "queue:*"),
            ("queue:anna@example.org:failed", "queue:*:failed"),
            ("queue:+4917012345678", "queue:*"),
            ("anna:novak:queue:7", "*:queue:*"),
            ("anna@example.org", "*"),
            ("Müller", "*"),
            ("tok_4eC39HqLyjWDarjtT1", "*"),
            ("123e4567-e89b-12d3-a456-426614174000", "*"),
            ("a:b:c:d:e:f:g:h:queue:anna", "*"),
            ("::", "::"),
            ("", ""),
        ] {
            assert_eq!(pattern_of(key), expected, "{key}");
        }
    }

    #[test]
    fn a_word_of_many_keys_is_that_of_an_application() {
        let owned = |first: &str, number: usize| -> Vec<String> {
            (0..number).map(|index| format!("{first}:{index}:x{index}")).collect()
        };
        let (shop, anna) = (owned("shopFront", 10), owned("anna", 9));
        let found = patterns(shop.iter().chain(&anna).map(String::as_str));
        assert_eq!(found, [("shopFront:*".to_owned(), 10), ("*".to_owned(), 9)]);
        // Each with its own word: what the keys are about.
        let letters = ('a'..='z').flat_map(|one| ('a'..='z').map(move |other| format!("x{one}{other}")));
        let tenants: Vec<String> = letters.flat_map(|tenant| owned(&tenant, 10)).collect();
        assert_eq!(patterns(tenants.iter().map(String::as_str)), [("*".to_owned(), 6760)]);
    }

    #[test]
    fn any_number_of_names_takes_bounded_memory() {
        let mut patterns = KeyPatterns::default();
        let name = |mut number: usize| -> String {
            let mut letters = String::new();
            while number > 0 {
                letters.push(char::from(b'a' + u8::try_from(number % 26).expect("a letter")));
                number /= 26;
            }
            letters
        };
        for number in 1..=3 * MOST_SHAPES {
            patterns.add(&format!("{}:cart", name(number)));
        }
        assert!(patterns.len() <= MOST_SHAPES + 1, "{}", patterns.len());
        let found = patterns.finish();
        assert_eq!(found.iter().map(|(_, keys)| keys.count).sum::<u64>(), 3 * MOST_SHAPES as u64);
        assert!(
            found.len() <= MOST_PATTERNS + 1 && found.iter().all(|(_, keys)| keys.examples.len() <= EXAMPLES)
        );
    }
}
