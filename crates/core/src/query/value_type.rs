//! The types of metrics, and what a number of a row is to its metric.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The type of a declared metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Goes up and down.
    #[default]
    Gauge,
    /// Only goes up.
    Counter,
    /// Its type is not known.
    Unknown,
    /// Counts observations in cumulative buckets.
    Histogram,
}

/// What a number of a row is to its metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricPart {
    /// Its value.
    #[default]
    Value,
    /// Of a histogram, the number of all observations.
    Count,
    /// Of a histogram, the sum of all observations.
    Sum,
    /// Of a histogram, the number of observations that are at most this bound.
    Bucket(UpperBound),
}

/// The upper bound of a bucket: a finite number.
#[derive(Clone, Copy, Debug)]
pub struct UpperBound(f64);

impl UpperBound {
    /// Reads a bound; `None` if it is not a finite number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Without the sign of a zero, which would be a second bound of the same value.
        text.parse().ok().filter(|bound: &f64| bound.is_finite()).map(|bound| Self(bound + 0.0))
    }

    /// The bound.
    pub(super) fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for UpperBound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for UpperBound {}

impl PartialOrd for UpperBound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UpperBound {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for UpperBound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
