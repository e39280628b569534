//! What recording rules would have made of the history.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::exposition::is_of_name;

/// A recording rule, as Prometheus lists it.
#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    /// The name of what it records.
    pub name: String,
    /// Its expression.
    pub query: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Range>,
}

#[derive(Deserialize)]
struct Range {
    metric: BTreeMap<String, String>,
    values: Vec<(i64, String)>,
}

/// A series as it is stored, with its samples.
pub(crate) type Recorded = (String, Vec<(i64, f64)>);

/// The series of an answer, as the rule records them.
pub(crate) fn recorded(rule: &Rule, answer: &str) -> Result<Vec<Recorded>, serde_json::Error> {
    let answer: Answer = serde_json::from_str(answer)?;
    let of_range = |range: Range| {
        let labels: BTreeMap<_, _> = range.metric.iter().chain(&rule.labels).collect();
        let labels = labels.iter().filter(|(name, _)| **name != "__name__");
        let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        let values = range.values.iter().filter_map(|(time, value)| Some((*time, value.parse().ok()?)));
        (format!("{}{{{}}}", rule.name, labels.join(",")), values.collect())
    };
    Ok(answer.data.result.into_iter().map(of_range).collect())
}

/// The rules whose past matters, in the order in which they build on each other: those that are `shown`, those that
/// others look back at, and what these are made of. Alerts, too, look back: `expressions` are those of all rules.
pub fn stages(rules: &[Rule], expressions: &[String], shown: &str) -> Vec<Vec<Rule>> {
    let all = expressions.concat();
    let mut needed: Vec<&Rule> =
        rules.iter().filter(|rule| looks_back(&all, &rule.name) || names(shown, &rule.name)).collect();
    loop {
        let is_new = |rule: &&Rule| {
            !needed.iter().any(|other| other.name == rule.name)
                && needed.iter().any(|other| names(&other.query, &rule.name))
        };
        let more: Vec<_> = rules.iter().filter(is_new).collect();
        if more.is_empty() {
            break;
        }
        needed.extend(more);
    }
    let mut stages = Vec::new();
    while !needed.is_empty() {
        let waits = |rule: &&Rule| needed.iter().any(|other| names(&rule.query, &other.name));
        let (later, stage): (Vec<_>, Vec<_>) = needed.iter().copied().partition(waits);
        assert!(!stage.is_empty(), "rules do not build on themselves");
        stages.push(stage.into_iter().cloned().collect());
        needed = later;
    }
    stages
}

/// What follows each occurrence of a name that is not a part of another.
fn after<'a>(expressions: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    expressions.match_indices(name).filter_map(move |(start, _)| {
        let (before, rest) = (&expressions[..start], &expressions[start + name.len()..]);
        (!before.ends_with(is_of_name) && !rest.starts_with(is_of_name)).then_some(rest)
    })
}

fn names(expressions: &str, name: &str) -> bool {
    after(expressions, name).next().is_some()
}

/// Whether an expression has a range or an offset after a name and its labels.
fn looks_back(expressions: &str, name: &str) -> bool {
    after(expressions, name).any(|rest| {
        let rest =
            if rest.starts_with('{') { rest.split_once('}').map_or("", |(_, rest)| rest) } else { rest };
        let rest = rest.trim_start_matches(')');
        rest.starts_with('[') || rest.starts_with(" offset")
    })
}
