//! Keeps a query within its number of series, with members that change slowly.
//!
//! A plain "largest N of this run" bounds one scrape, but not the number of series over a day: ids around the edge
//! come and go with every run. So members stay while they have rows, and a newcomer has to be clearly larger.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The label value under which everything over the budget is summed.
pub(super) const OTHER: &str = "other";

/// What a newcomer has to exceed to take the place of a member of this size: half as much again.
fn clearly_above(size: f64) -> f64 {
    size + size.abs() / 2.0
}

/// One line of a result: the values of its metrics, `None` where there is none.
pub(crate) type Values = Vec<Option<f64>>;

/// The label sets that have a series of their own.
#[derive(Debug, Default)]
pub(crate) struct SeriesBudget {
    /// By their hashes: label sets would take more memory than their series. Two of the same hash share a place.
    members: BTreeSet<u64>,
}

impl SeriesBudget {
    /// Folds what is over `limit` into one line of `other`, and returns how many label sets that were.
    ///
    /// `expected` label sets are always members. Size is the value of the first metric.
    pub(crate) fn apply(
        &mut self,
        lines: &mut BTreeMap<Vec<String>, Values>,
        expected: &BTreeSet<Vec<String>>,
        limit: usize,
    ) -> usize {
        if lines.len() <= limit {
            self.members = lines.keys().map(hash).collect();
            return 0;
        }
        // What is itself called `other` shares the line that the rest is summed under, and needs no place of its own.
        let other = vec![OTHER.to_owned(); lines.keys().next().map_or(0, Vec::len)];
        self.choose(lines, expected, &other, limit);
        let is_over = |key: &&Vec<String>| **key == other || !self.members.contains(&hash(key));
        let over: Vec<_> = lines.keys().filter(is_over).cloned().collect();
        let mut sum: Values = Vec::new();
        for key in &over {
            let values = lines.remove(key).unwrap_or_default();
            sum.resize(values.len(), None);
            for (total, value) in sum.iter_mut().zip(values) {
                *total = total.zip(value).map(|(total, value)| total + value).or(*total).or(value);
            }
        }
        lines.insert(other, sum);
        over.len()
    }

    fn choose(
        &mut self,
        lines: &BTreeMap<Vec<String>, Values>,
        expected: &BTreeSet<Vec<String>>,
        other: &Vec<String>,
        limit: usize,
    ) {
        let size = |key: &Vec<String>| {
            lines.get(key).and_then(|values| values.first().copied().flatten()).unwrap_or(0.0)
        };
        let largest_first = |keys: &mut Vec<Vec<String>>| {
            keys.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.cmp(b)));
        };
        let others = || lines.keys().filter(|key| !expected.contains(*key) && *key != other);
        let mut stayed: Vec<_> = others().filter(|key| self.members.contains(&hash(key))).cloned().collect();
        let mut newcomers: Vec<_> =
            others().filter(|key| !self.members.contains(&hash(key))).cloned().collect();
        largest_first(&mut stayed);
        largest_first(&mut newcomers);
        // The line of `other` takes a place of its own.
        let places = limit.saturating_sub(expected.len() + 1);
        stayed.truncate(places);
        let mut newcomers = newcomers.into_iter();
        stayed.extend(newcomers.by_ref().take(places - stayed.len()));
        largest_first(&mut stayed);
        for newcomer in newcomers {
            match stayed.last() {
                Some(smallest) if size(&newcomer) > clearly_above(size(smallest)) => {
                    stayed.pop();
                    stayed.push(newcomer);
                    largest_first(&mut stayed);
                }
                _ => break,
            }
        }
        self.members = stayed.iter().chain(expected).map(hash).collect();
    }
}

fn hash(labels: impl AsRef<[String]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.as_ref().hash(&mut hasher);
    hasher.finish()
}
