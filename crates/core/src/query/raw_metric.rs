//! A metric of a query as it is written, and what is wrong with it.

use std::collections::BTreeMap;

use super::value_type::{MetricPart, UpperBound, ValueType};
use crate::metric::{LabelName, MetricName};

/// One metric of a query.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(super) struct RawMetric {
    /// The name of the metric.
    name: MetricName,
    /// The column that holds its value.
    value: Option<String>,
    /// Where the value comes from.
    help: String,
    /// What kind of number it is; default: `gauge`.
    #[serde(default, rename = "type")]
    value_type: ValueType,
    /// Labels with a fixed value, so that several columns form one family.
    #[serde(default)]
    labels: BTreeMap<LabelName, String>,
    /// A factor to the base unit: 1024 for a column in KiB, 0.001 for one in milliseconds.
    #[serde(default = "one")]
    scale: f64,
    /// Omits a sample whose value is NULL or missing, instead of failing the query.
    #[serde(default)]
    optional: bool,
    /// Whether values of several label sets may be summed; `false` for times, ages and ratios, which then have no
    /// sample under `other`.
    #[serde(default = "yes")]
    additive: bool,
    /// Whether the name is that of another exporter, whose suffix does not show the type.
    #[serde(default)]
    established_name: bool,
    /// Of a histogram, the column of each upper bound.
    #[serde(default)]
    buckets: BTreeMap<String, String>,
    /// Of a histogram, the column of the sum of all observations.
    sum: Option<String>,
    /// Of a histogram, the column of the number of all observations.
    count: Option<String>,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

/// One number of a metric: a metric has one, a histogram several.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSpec {
    /// The metric's name.
    pub name: MetricName,
    /// The column that holds the number.
    pub value: String,
    /// Where the value comes from.
    pub help: String,
    /// The metric's type.
    pub value_type: ValueType,
    /// What the number is to the metric.
    pub part: MetricPart,
    /// Labels with a fixed value, so that several columns form one family.
    pub labels: BTreeMap<LabelName, String>,
    /// A factor to the base unit.
    pub scale: f64,
    /// Omits a sample whose value is NULL or missing, instead of failing the query.
    pub optional: bool,
    /// Whether values of several label sets may be summed.
    pub additive: bool,
}

impl RawMetric {
    /// The numbers that it is made of. The count of a histogram comes first: by it, series are chosen.
    pub(super) fn numbers(self) -> Vec<MetricSpec> {
        let number = |part, column: &str, scale| MetricSpec {
            name: self.name.clone(),
            value: column.to_owned(),
            help: self.help.clone(),
            value_type: self.value_type,
            part,
            labels: self.labels.clone(),
            scale,
            optional: self.optional,
            additive: self.additive,
        };
        let count = self.count.iter().map(|column| number(MetricPart::Count, column, 1.0));
        let sum = self.sum.iter().map(|column| number(MetricPart::Sum, column, self.scale));
        let value = self.value.iter().map(|column| number(MetricPart::Value, column, self.scale));
        let bucket = |(bound, column): (&String, &String)| {
            Some(number(MetricPart::Bucket(UpperBound::parse(bound)?), column, 1.0))
        };
        value.chain(count).chain(sum).chain(self.buckets.iter().filter_map(bucket)).collect()
    }

    /// What is wrong with it, given the labels of the query and all of its metrics.
    pub(super) fn errors(&self, labels: &[LabelName], metrics: &[Self]) -> Vec<String> {
        let name = self.name.as_ref();
        let mut errors: Vec<String> = self.suffix_error().into_iter().collect();
        if self.help.trim().is_empty() {
            errors.push(format!("{name} needs a help text"));
        }
        for label in self.labels.keys().filter(|label| labels.contains(label)) {
            errors.push(format!("{name} has the label `{}` twice", label.as_ref()));
        }
        let twins = metrics.iter().filter(|other| other.name == self.name);
        if twins.clone().any(|other| !other.labels.keys().eq(self.labels.keys())) {
            errors.push(format!("{name} is declared with different labels"));
        }
        if twins.filter(|other| other.labels == self.labels).count() > 1 {
            errors.push(format!("{name} is declared twice"));
        }
        errors.extend(match self.value_type {
            ValueType::Histogram => self.histogram_errors(),
            _ => self.value_error().into_iter().collect(),
        });
        errors
    }

    fn suffix_error(&self) -> Option<String> {
        const ESTABLISHED: &str = "or, if another exporter gave it this name, add `established_name: true`";
        let name = self.name.as_ref();
        let total = name.ends_with("_total");
        match self.value_type {
            // Its series have suffixes of their own.
            ValueType::Histogram => {
                let suffix =
                    ["_bucket", "_sum", "_count", "_total"].into_iter().find(|end| name.ends_with(end));
                suffix.map(|end| format!("{name} is a histogram: its name has to end without `{end}`"))
            }
            _ if self.established_name => None,
            ValueType::Gauge if total => {
                Some(format!("{name} is a gauge: only counters end in `_total`; rename it, {ESTABLISHED}"))
            }
            ValueType::Counter if !total => {
                Some(format!("{name} is a counter: end its name in `_total`, {ESTABLISHED}"))
            }
            _ => None,
        }
    }

    fn value_error(&self) -> Option<String> {
        let name = self.name.as_ref();
        if !self.buckets.is_empty() || self.sum.is_some() || self.count.is_some() {
            let keys = "`buckets`, `sum` and `count` need `type: histogram`";
            return Some(format!("{name} is not a histogram: {keys}"));
        }
        let missing = || format!("{name} needs the key `value`: the column that holds its value");
        self.value.is_none().then(missing)
    }

    fn histogram_errors(&self) -> Vec<String> {
        let name = self.name.as_ref();
        let mut errors = Vec::new();
        if self.buckets.is_empty() || self.sum.is_none() || self.count.is_none() || self.value.is_some() {
            let keys = "`buckets` (upper bound: column), `sum` and `count` (columns), and no `value`";
            errors.push(format!("{name} is a histogram: expected {keys}"));
        }
        let mut known: BTreeMap<UpperBound, &String> = BTreeMap::new();
        for text in self.buckets.keys() {
            match UpperBound::parse(text).map(|bound| known.insert(bound, text)) {
                None => errors.push(format!(
                    "{name} has the bucket `{text}`: expected a finite number; `count` is the bucket `+Inf`"
                )),
                Some(Some(twin)) => {
                    errors.push(format!("{name} has the same bucket twice: `{twin}` and `{text}`"));
                }
                Some(None) => {}
            }
        }
        errors
    }
}
