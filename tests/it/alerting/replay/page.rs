//! What one scrape gives.

use std::collections::{BTreeMap, BTreeSet};

/// A time in milliseconds. Pages have it in seconds, as all others.
const MILLISECONDS: &str = "mongodb_rs_members_optimeDate";

/// What a second is in a family as it is scraped.
pub(in crate::alerting) fn second(family: &str) -> f64 {
    if family == MILLISECONDS { 1000.0 } else { 1.0 }
}

/// The samples of an exposition in the text format.
#[derive(Clone, Debug, Default)]
pub(in crate::alerting) struct Page {
    counters: BTreeSet<String>,
    samples: BTreeMap<String, f64>,
}

impl Page {
    pub(in crate::alerting) fn parse(exposition: &str) -> Self {
        let mut page = Self::default();
        for line in exposition.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                // What is untyped is a counter whose established name is not that of one.
                let counter = typed.strip_suffix(" counter").or_else(|| typed.strip_suffix(" untyped"));
                page.counters.extend(counter.map(str::to_owned));
                let suffixes = ["_bucket", "_sum", "_count"];
                let histogram = typed.strip_suffix(" histogram").into_iter();
                page.counters
                    .extend(histogram.flat_map(|name| suffixes.map(|suffix| format!("{name}{suffix}"))));
            } else if let Some((series, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) {
                let value: f64 = value.parse().expect("a number");
                page.samples.insert(series.to_owned(), value / second(name(series)));
            }
        }
        page
    }

    /// Only the series for which this is true.
    pub(in crate::alerting) fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut page = self.clone();
        page.samples.retain(|series, _| keep(series));
        page
    }

    pub(in crate::alerting) fn len(&self) -> usize {
        self.samples.len()
    }

    pub(in crate::alerting) fn series(&self) -> impl Iterator<Item = &String> {
        self.samples.keys()
    }

    pub(in crate::alerting) fn has(&self, family: &str) -> bool {
        self.of(family).next().is_some()
    }

    pub(in crate::alerting) fn value(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    pub(in crate::alerting) fn is_counter(&self, family: &str) -> bool {
        self.counters.contains(family)
    }

    /// The labels and the value of each series of a family.
    pub(in crate::alerting) fn of<'a>(&'a self, family: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_family = self.samples.iter().filter(move |(series, _)| name(series) == family);
        of_family.map(move |(series, value)| (&series[family.len()..], *value))
    }

    /// The series of a family that are wrong.
    pub(in crate::alerting) fn wrong(
        &self,
        family: &str,
        is_wrong: impl Fn(&str, f64) -> bool,
    ) -> Vec<String> {
        let wrong = self.of(family).filter(|(labels, value)| is_wrong(labels, *value));
        wrong.map(|(labels, value)| format!("{family}{labels} {value}")).collect()
    }

    /// Why not every source is up, with all its queries.
    pub(in crate::alerting) fn trouble(&self) -> Vec<String> {
        let mut trouble = [
            self.wrong("platform_source_status", |labels, up| labels.contains("status=\"up\"") && up < 1.0),
            self.wrong("platform_query_last_run_successful", |_, successful| successful < 1.0),
        ]
        .concat();
        let has_run = self.of("platform_query_last_success_timestamp_seconds").count();
        if has_run < self.of("platform_query_max_age_seconds").count() {
            trouble.push("not every query has run".to_owned());
        }
        trouble
    }
}

/// The name in `name{label="value"}`.
pub(in crate::alerting) fn name(series: &str) -> &str {
    series.split('{').next().unwrap_or(series)
}

/// The series with labels that its target has.
pub(in crate::alerting) fn with_labels(series: &str, labels: &str) -> String {
    match series.split_once('{') {
        Some((name, own)) => format!("{name}{{{labels},{own}"),
        None => format!("{series}{{{labels}}}"),
    }
}
