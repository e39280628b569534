//! The counters of `other`.
//!
//! Label sets come and go under `other`, each with all that it has counted in its life. A sum of such totals jumps with
//! every change of members, and falls, which looks like a restart. So the line counts increments: what the label sets
//! without a series of their own have added since the exporter started.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::mem;

/// As many label sets without a row are remembered as have one, but at least this many.
const REMEMBERED: usize = 1000;

/// One line of a result: the values of its metrics, `None` where there is none.
pub type Values = Vec<Option<f64>>;

/// What has been counted under `other`.
#[derive(Debug, Default)]
pub(super) struct OtherCounters {
    /// For each metric, whether it is a counter.
    is_counter: Vec<bool>,
    runs: u64,
    /// The last values of each label set, by its hash; also of those that have no row at present.
    last: HashMap<u64, LastValues>,
    sums: Values,
}

/// The counters of a label set at the last run.
#[derive(Debug)]
struct LastValues {
    counters: Box<[Option<f64>]>,
    had_series: bool,
    /// The number of the run.
    run: u64,
}

impl OtherCounters {
    /// Counters that have seen nothing. `is_counter` says of each metric whether it is one.
    pub(super) fn new(is_counter: Vec<bool>) -> Self {
        let sums = is_counter.iter().map(|&is_counter| is_counter.then_some(0.0)).collect();
        Self { is_counter, sums, ..Self::default() }
    }

    /// Adds metrics behind those that there are; `is_counter` lists all of them.
    pub(super) fn grow(&mut self, is_counter: Vec<bool>) {
        let added = is_counter.iter().skip(self.is_counter.len());
        self.sums.extend(added.map(|&is_counter| is_counter.then_some(0.0)));
        self.is_counter = is_counter;
    }

    /// Takes a run's label sets, by hash, each with whether it has a series of its own.
    ///
    /// An increment counts unless its label set has a series now and had one before: only then does its own series show
    /// it. A label set that appears after the first run has counted from zero. One that had no row for some runs goes on
    /// from its last values.
    pub(super) fn count<'a>(&mut self, lines: impl Iterator<Item = (u64, &'a Values, bool)>) {
        if !self.is_counter.contains(&true) {
            return;
        }
        let is_first = self.last.is_empty();
        self.runs += 1;
        let mut last = HashMap::with_capacity(self.last.len());
        for (hash, values, has_series) in lines {
            let counters = values.iter().zip(&self.is_counter).filter(|(_, is_counter)| **is_counter);
            let mut counters: Box<[Option<f64>]> = counters.map(|(value, _)| *value).collect();
            let before = self.last.get(&hash);
            let is_shown = has_series && before.is_none_or(|before| before.had_series);
            if !is_first && !is_shown {
                let sums = self.sums.iter_mut().flatten();
                for (at, (sum, now)) in sums.zip(&counters).enumerate() {
                    let before = before.and_then(|before| before.counters.get(at).copied().flatten());
                    *sum += increment(before, *now);
                }
            }
            // A value that is missing once goes on from its last one.
            let before = before.into_iter().flat_map(|before| &before.counters);
            counters.iter_mut().zip(before).for_each(|(now, before)| *now = now.or(*before));
            last.insert(hash, LastValues { counters, had_series: has_series, run: self.runs });
        }
        let mut absent: Vec<_> =
            mem::take(&mut self.last).into_iter().filter(|(hash, _)| !last.contains_key(hash)).collect();
        absent.sort_by_key(|(_, values)| Reverse(values.run));
        let remembered = last.len().max(REMEMBERED);
        last.extend(absent.into_iter().take(remembered));
        self.last = last;
    }

    /// Replaces the counters of the line of `other`.
    pub(super) fn put(&self, line: &mut Values) {
        for (value, sum) in line.iter_mut().zip(&self.sums) {
            *value = sum.or(*value);
        }
    }
}

/// What a counter has counted since its last value. One that fell has started again from zero.
fn increment(before: Option<f64>, now: Option<f64>) -> f64 {
    match (before, now) {
        (Some(before), Some(now)) if now >= before => now - before,
        (_, now) => now.unwrap_or(0.0),
    }
}
