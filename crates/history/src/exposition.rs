//! The text format of an exposition, as far as this needs it.

use std::collections::HashMap;

/// A sample, and the declared type of its metric.
pub(crate) struct Sample<'a> {
    /// As it is written: `name{label="value"}`.
    pub(crate) series: &'a str,
    pub(crate) value: f64,
    pub(crate) is_gauge: bool,
}

/// The samples of an exposition without timestamps.
pub(crate) fn samples(text: &str) -> Vec<Sample<'_>> {
    let mut types = HashMap::new();
    let mut samples = Vec::new();
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            types.extend(declared.split_once(' '));
        } else if let Some((series, value)) = line.rsplit_once(' ')
            && !line.starts_with('#')
            && let Ok(value) = value.parse()
        {
            let is_gauge = is_gauge(name(series), types.get(name(series)).copied());
            samples.push(Sample { series, value, is_gauge });
        }
    }
    samples
}

/// Counters of other exporters are untyped, and so is one size, because its name ends as that of a counter. One histogram
/// is of sessions, which come and go.
fn is_gauge(name: &str, declared: Option<&str>) -> bool {
    declared == Some("gauge")
        || name == "redis_memory_used_vm_total"
        || name.starts_with("pg_process_idle_seconds")
}

/// The name of a series.
pub(crate) fn name(series: &str) -> &str {
    series.split('{').next().unwrap_or_default()
}

/// Whether a letter can be part of a metric's name.
pub(crate) fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || ['_', ':'].contains(&letter)
}

/// The value of a label of a series.
pub(crate) fn label<'a>(series: &'a str, label: &str) -> Option<&'a str> {
    let labels = series.split_once('{')?.1;
    let found = labels.match_indices(label).find(|(start, _)| {
        let (before, after) = (&labels[..*start], &labels[start + label.len()..]);
        (before.is_empty() || before.ends_with(',')) && after.starts_with("=\"")
    })?;
    labels[found.0 + label.len() + 2..].split('"').next()
}

/// The series with further labels.
pub(crate) fn with_labels(series: &str, labels: &[(&str, &str)]) -> String {
    let (name, own) = series.split_once('{').unwrap_or((series, "}"));
    let own = own.strip_suffix('}').unwrap_or(own);
    let further = labels.iter().map(|(name, value)| format!("{name}=\"{value}\""));
    let own = Some(own.to_owned()).filter(|own| !own.is_empty());
    format!("{name}{{{}}}", own.into_iter().chain(further).collect::<Vec<_>>().join(","))
}
