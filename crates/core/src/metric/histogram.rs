//! The histogram of one label set.

use std::sync::Arc;

/// The current state of one histogram: what becomes the series `_bucket`, `_sum` and `_count` of a label set.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// One value for each of the family's label names, in their order.
    pub labels: Arc<[String]>,
    buckets: Vec<(f64, u64)>,
    sum: f64,
    count: u64,
}

impl HistogramSample {
    /// A histogram. Each bucket is a finite upper bound, and how many observations are at most that; bounds ascend.
    /// `count` is the number of all observations.
    ///
    /// No bucket counts less than the one below it: what falls is raised, because a scrape with such a histogram would be
    /// rejected as a whole.
    pub fn new(
        labels: Arc<[String]>,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) -> Self {
        let mut least = 0;
        let mut rising = |(bound, count): (f64, u64)| {
            least = count.max(least);
            (bound, least)
        };
        let buckets = buckets.into_iter().map(&mut rising).collect();
        let (_, count) = rising((f64::INFINITY, count));
        Self { labels, buckets, sum, count }
    }

    /// The finite bounds, each with the number of observations that are at most that.
    pub fn buckets(&self) -> &[(f64, u64)] {
        &self.buckets
    }

    /// The sum of all observations.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The number of all observations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many observations each bucket has beyond the one below it, with that of all that is above the last bound.
    pub(super) fn increments(&self) -> Vec<(f64, u64)> {
        let mut below = 0;
        let increment = |(bound, count)| (bound, count - std::mem::replace(&mut below, count));
        self.buckets.iter().copied().chain([(f64::INFINITY, self.count)]).map(increment).collect()
    }

    /// How many series it is: those of the finite buckets, `le="+Inf"`, `_sum` and `_count`.
    pub(super) fn series_count(&self) -> usize {
        self.buckets.len() + 3
    }
}
