//! Series and problems as JSON, for programs.

use platform_core::metric::Family;
use platform_core::probe::Problem;
use serde_json::{Map, Value, json};

/// The series of a family, with the label that the exporter adds.
pub(super) fn json(source: &str, family: &Family) -> Vec<Value> {
    let labels = |values: &[String]| {
        let own = family.desc.labels.iter().zip(values);
        let own = own.map(|(name, value)| (name.to_owned(), Value::from(value.as_str())));
        [("source".to_owned(), Value::from(source))].into_iter().chain(own).collect::<Map<_, _>>()
    };
    let name = &*family.desc.name;
    let samples = family
        .samples
        .iter()
        .map(|sample| json!({"name": name, "labels": labels(&sample.labels), "value": sample.value}));
    let histograms = family.histograms.iter().map(|one| {
        let buckets = one.buckets().iter().map(|(bound, count)| (bound.to_string(), Value::from(*count)));
        let buckets: Map<_, _> = buckets.collect();
        json!({"name": name, "labels": labels(&one.labels), "buckets": buckets, "count": one.count(), "sum": one.sum()})
    });
    samples.chain(histograms).collect()
}

pub(super) fn problems_json(problems: &[Problem]) -> Vec<Value> {
    let json = |problem: &Problem| json!({"reason": problem.reason.as_str(), "detail": problem.to_string(), "remedy": problem.remedy});
    problems.iter().map(json).collect()
}
