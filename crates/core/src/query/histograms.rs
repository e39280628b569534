//! The histograms of a query: several numbers of each row become one.

use std::sync::Arc;

use super::other_counters::Values;
use super::raw_metric::MetricSpec;
use super::reading_error::ReadingError;
use super::value_type::{MetricPart, UpperBound};
use crate::metric::HistogramSample;

/// Up to here an `f64` holds integers exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Where the numbers of one histogram are among the values of a row.
#[derive(Debug)]
pub(super) struct HistogramNumbers {
    /// The position of the number of all observations.
    pub(super) count: usize,
    sum: usize,
    /// By ascending bound.
    buckets: Vec<(UpperBound, usize)>,
}

impl HistogramNumbers {
    /// The histograms among these numbers. Those without a count or a sum are left out.
    pub(super) fn of(metrics: &[MetricSpec]) -> Vec<Self> {
        let mut histograms = Vec::new();
        let place = |part| metrics.iter().enumerate().filter(move |(_, metric)| metric.part == part);
        for (count, metric) in place(MetricPart::Count) {
            let is_same = |other: &MetricSpec| other.name == metric.name && other.labels == metric.labels;
            let Some((sum, _)) = place(MetricPart::Sum).find(|(_, other)| is_same(other)) else { continue };
            let mut buckets: Vec<_> = metrics
                .iter()
                .enumerate()
                .filter(|(_, other)| is_same(other))
                .filter_map(|(index, other)| match other.part {
                    MetricPart::Bucket(bound) => Some((bound, index)),
                    _ => None,
                })
                .collect();
            buckets.sort_unstable();
            histograms.push(Self { count, sum, buckets });
        }
        histograms
    }

    /// Checks the numbers of one row. If one is NULL, none counts, unless the server omits empty buckets.
    pub(super) fn check(
        &self,
        metrics: &[MetricSpec],
        values: &mut Values,
        row: usize,
        omits_empty_buckets: bool,
    ) -> Result<(), ReadingError> {
        let mut last: Option<(u64, usize)> = None;
        for index in self.counts() {
            let Some(value) = values[index] else { continue };
            let column = || metrics[index].value.clone();
            let not_a_count = || ReadingError::NotACount { column: column(), row, value: value.to_string() };
            let count = whole(value).ok_or_else(not_a_count)?;
            if let Some((below, at)) = last.filter(|(below, _)| count < *below) {
                let column_below = metrics[at].value.clone();
                return Err(ReadingError::FallingBuckets {
                    row,
                    column: column(),
                    count,
                    column_below,
                    below,
                });
            }
            last = Some((count, index));
        }
        let numbers: Vec<usize> = self.counts().chain([self.sum]).collect();
        if !omits_empty_buckets && numbers.iter().any(|&index| values[index].is_none()) {
            numbers.into_iter().for_each(|index| values[index] = None);
        }
        Ok(())
    }

    /// The histogram of one label set; `None` if it has no count or sum.
    pub(super) fn sample(&self, labels: Arc<[String]>, values: &Values) -> Option<HistogramSample> {
        let number = |index: usize| values.get(index).copied().flatten();
        let bucket = |(bound, index): &(UpperBound, usize)| Some((bound.get(), whole(number(*index)?)?));
        let buckets = self.buckets.iter().filter_map(bucket);
        Some(HistogramSample::new(labels, buckets, number(self.sum)?, whole(number(self.count)?)?))
    }

    /// The positions of the numbers that must not fall from one to the next.
    fn counts(&self) -> impl Iterator<Item = usize> {
        self.buckets.iter().map(|(_, index)| *index).chain([self.count])
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an integer within range")]
fn whole(value: f64) -> Option<u64> {
    (value.fract() == 0.0 && (0.0..EXACT).contains(&value)).then_some(value as u64)
}
