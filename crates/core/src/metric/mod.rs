//! Metric families as plain values, in terms of the Prometheus data model. Pure: no I/O, no registry.

mod encode;
mod exposition;
mod families;
mod histogram;
mod label;
mod lines;
mod name;
mod page;
mod piece;

pub use encode::Format;
pub use exposition::{Exposition, Rope, encode};
pub use families::Families;
pub use histogram::HistogramSample;
pub use label::{LONGEST_LABEL, label_value};
pub use lines::Lines;
pub use name::{LabelName, MetricName, NameError};
pub use piece::Piece;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The type of a family, as on its `# TYPE` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetricType {
    /// A value that only goes up. OpenMetrics knows it as `unknown` if its established name lacks `_total`.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A value whose established name does not show its type: `unknown` in OpenMetrics, `untyped` in text 0.0.4.
    Unknown,
    /// Observations counted in cumulative buckets: the series `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// The label names of a family: fixed in the code, or declared in a configuration file.
#[derive(Clone, Debug)]
pub enum LabelNames {
    /// Known when the exporter was built.
    Fixed(&'static [&'static str]),
    /// Read from a file.
    Declared(Vec<String>),
}

impl LabelNames {
    /// The names, in the order of the samples' values.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (fixed, declared): (&[&str], &[String]) = match self {
            Self::Fixed(names) => (names, &[]),
            Self::Declared(names) => (&[], names),
        };
        fixed.iter().copied().chain(declared.iter().map(String::as_str))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Fixed(names) => names.len(),
            Self::Declared(names) => names.len(),
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PartialEq for LabelNames {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for LabelNames {}

/// What a family is, without its samples: one row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desc {
    /// The name as scraped, including the suffix.
    pub name: Cow<'static, str>,
    /// Where the value comes from, in one sentence.
    pub help: Cow<'static, str>,
    /// The type.
    pub metric_type: MetricType,
    /// The label names, without the `source` label, which every family of a source has.
    pub labels: LabelNames,
}

impl Desc {
    /// A gauge known when the exporter was built.
    pub const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self::fixed(name, labels, help, MetricType::Gauge)
    }

    /// A counter known when the exporter was built.
    pub const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self::fixed(name, labels, help, MetricType::Counter)
    }

    /// A value known when the exporter was built, whose established name does not show its type.
    pub const fn unknown(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self::fixed(name, labels, help, MetricType::Unknown)
    }

    const fn fixed(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric_type: MetricType,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            help: Cow::Borrowed(help),
            metric_type,
            labels: LabelNames::Fixed(labels),
        }
    }

    /// A family of this description, without samples yet.
    pub fn family(&self) -> Family {
        Family::of(&Arc::new(self.clone()))
    }

    /// The names that no other family may have: its own, and those of its series.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let suffixes: &[&str] = match self.metric_type {
            MetricType::Histogram => &["", "_bucket", "_sum", "_count"],
            _ => &[""],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name))
    }

    /// A family with one sample and no labels.
    pub fn value(&self, value: f64) -> Family {
        self.family().with([], value)
    }
}

/// One time series' current value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// One value for each of the family's label names, in their order; shared with other families of the same thing.
    pub labels: Arc<[String]>,
    /// The value, in the base unit that the family's name states.
    pub value: f64,
}

/// A description with its current samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// What it is; shared with the same family of other sources.
    pub desc: Arc<Desc>,
    /// Its series, each label set at most once.
    pub samples: Vec<Sample>,
    /// In place of samples, if it is a histogram: each label set at most once.
    pub histograms: Vec<HistogramSample>,
}

impl Family {
    /// A family of this description, without samples yet.
    pub fn of(desc: &Arc<Desc>) -> Self {
        Self { desc: Arc::clone(desc), samples: Vec::new(), histograms: Vec::new() }
    }

    /// Adds a sample. `labels` are the values of the description's label names, in their order.
    pub fn push<const N: usize>(&mut self, labels: [&str; N], value: f64) {
        debug_assert_eq!(N, self.desc.labels.len(), "label values of {}", self.desc.name);
        self.samples.push(Sample { labels: labels.map(str::to_owned).into(), value });
    }

    /// The family with one more sample.
    #[must_use]
    pub fn with<const N: usize>(mut self, labels: [&str; N], value: f64) -> Self {
        self.push(labels, value);
        self
    }

    /// The family with one more label, which has the same value in every sample.
    #[must_use]
    pub fn labelled(mut self, name: &str, value: &str) -> Self {
        let names = self.desc.labels.iter().chain([name]).map(str::to_owned).collect();
        Arc::make_mut(&mut self.desc).labels = LabelNames::Declared(names);
        let samples = self.samples.iter_mut().map(|sample| &mut sample.labels);
        for labels in samples.chain(self.histograms.iter_mut().map(|histogram| &mut histogram.labels)) {
            *labels = labels.iter().cloned().chain([value.to_owned()]).collect();
        }
        self
    }

    /// Whether it has no series.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }

    /// How many series it has.
    pub fn series_count(&self) -> usize {
        self.samples.len() + self.histograms.iter().map(HistogramSample::series_count).sum::<usize>()
    }

    /// The samples that have these values of these labels.
    pub fn with_labels(&self, labels: &BTreeMap<String, String>) -> impl Iterator<Item = &Sample> {
        let has = move |sample: &&Sample| {
            let pairs = || self.desc.labels.iter().zip(sample.labels.iter());
            labels.iter().all(|(name, value)| pairs().any(|(known, given)| known == name && given == value))
        };
        self.samples.iter().filter(has)
    }

    /// The family with one more sample, if there is a value.
    #[must_use]
    pub fn with_some<const N: usize>(self, labels: [&str; N], value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(labels, value),
            None => self,
        }
    }
}

/// A point in time as a metric value: seconds since 1970, 0 for anything before.
pub fn timestamp(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
