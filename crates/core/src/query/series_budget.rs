//! Keeps a query within its maximum number of series, with members that change slowly.
//!
//! A plain "largest N of this run" bounds one scrape, but not the number of series over a day: ids around the edge come
//! and go with every run. So members stay as long as they have rows, and a new label set has to be clearly larger to
//! replace one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::other_counters::{OtherCounters, Values};

/// The label value under which everything over the budget is summed.
pub const OTHER: &str = "other";

/// What a new label set has to exceed to replace a member of this size: half as much again.
fn clearly_above(size: f64) -> f64 {
    size + size.abs() / 2.0
}

/// The label sets that have a series of their own.
#[derive(Debug, Default)]
pub struct SeriesBudget {
    /// As hashes: label sets would take more memory than their series.
    members: BTreeSet<u64>,
    counters: OtherCounters,
}

/// A label set that is not in `expect`, by its position.
#[derive(Clone, Copy)]
struct Candidate {
    position: usize,
    size: f64,
}

impl SeriesBudget {
    /// A budget for metrics of which some are counters: `is_counter` has one value for each.
    pub fn with_counters(is_counter: Vec<bool>) -> Self {
        Self { counters: OtherCounters::new(is_counter), ..Self::default() }
    }

    /// Adds metrics behind those that there are; `is_counter` has one value for each.
    pub(super) fn grow(&mut self, is_counter: Vec<bool>) {
        self.counters.grow(is_counter);
    }

    /// Folds label sets over `limit` into the line of `other`, and returns how many were folded.
    ///
    /// `expected` label sets are always members. Size is the value of the first metric. Under `other`, gauges are summed,
    /// and counters count what was added.
    pub fn apply<K: Ord + Hash>(
        &mut self,
        lines: &mut BTreeMap<K, Values>,
        expected: &BTreeSet<K>,
        other: K,
        limit: usize,
    ) -> usize {
        let hashes: Vec<u64> = lines.keys().map(hash).collect();
        if lines.len() <= limit {
            self.counters
                .count(hashes.iter().zip(lines.values()).map(|(hash, values)| (*hash, values, true)));
            self.members = hashes.into_iter().collect();
            return 0;
        }
        let stays = self.choose(lines, &hashes, expected, &other, limit);
        self.members =
            hashes.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(hash, _)| *hash).collect();
        let counted = hashes.iter().zip(lines.values()).zip(&stays);
        self.counters.count(counted.map(|((hash, values), stays)| (*hash, values, *stays)));
        let (mut sum, mut over, mut stays) = (Values::new(), 0, stays.into_iter());
        lines.retain(|_, values| {
            let stays = stays.next().unwrap_or_default();
            if !stays {
                add(&mut sum, values);
                over += 1;
            }
            stays
        });
        self.counters.put(&mut sum);
        lines.insert(other, sum);
        over
    }

    /// Returns for each line whether it keeps its own series.
    fn choose<K: Ord>(
        &self,
        lines: &BTreeMap<K, Values>,
        hashes: &[u64],
        expected: &BTreeSet<K>,
        other: &K,
        limit: usize,
    ) -> Vec<bool> {
        let mut stays = vec![false; lines.len()];
        let (mut chosen, mut newcomers) = (Vec::new(), Vec::new());
        for (position, (key, values)) in lines.iter().enumerate() {
            // A label set named `other` shares the line that the rest is summed under, and needs no place of its own.
            if key == other {
                continue;
            }
            let candidate = Candidate { position, size: values.first().copied().flatten().unwrap_or(0.0) };
            if expected.contains(key) {
                stays[position] = true;
            } else if self.members.contains(&hashes[position]) {
                chosen.push(candidate);
            } else {
                newcomers.push(candidate);
            }
        }
        chosen.sort_unstable_by(Candidate::largest_first);
        newcomers.sort_unstable_by(Candidate::largest_first);
        // The line of `other` takes a place of its own.
        let places = limit.saturating_sub(expected.len() + 1);
        chosen.truncate(places);
        let mut newcomers = newcomers.into_iter();
        chosen.extend(newcomers.by_ref().take(places - chosen.len()));
        chosen.sort_unstable_by(Candidate::largest_first);
        for newcomer in newcomers {
            match chosen.last() {
                Some(smallest) if newcomer.size > clearly_above(smallest.size) => chosen.pop(),
                _ => break,
            };
            let place = chosen.partition_point(|member| member.largest_first(&newcomer).is_lt());
            chosen.insert(place, newcomer);
        }
        for Candidate { position, .. } in chosen {
            stays[position] = true;
        }
        stays
    }
}

impl Candidate {
    /// By size; for equal sizes, by position.
    fn largest_first(&self, other: &Self) -> Ordering {
        other.size.total_cmp(&self.size).then_with(|| self.position.cmp(&other.position))
    }
}

/// Adds up values metric by metric: `None` adds nothing.
fn add(sum: &mut Values, values: &Values) {
    sum.resize(values.len(), None);
    for (total, value) in sum.iter_mut().zip(values) {
        *total = total.zip(*value).map(|(total, value)| total + value).or(*total).or(*value);
    }
}

fn hash(labels: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}
