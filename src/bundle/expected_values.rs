//! Values in the matchers of expressions that the query of the metric does not expect.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::query::{OTHER, QuerySpec};
use platform_core::yaml;
use promql_parser::label::{MatchOp, Matcher};

use super::wrong::Wrong;

/// Stands for one of Grafana's variables in a matcher.
pub(super) const ANY_VALUE: char = '\u{fffc}';

/// The values that are expected of labels: those of which every query of a metric expects some.
pub(super) type ExpectedValues = BTreeMap<String, BTreeSet<String>>;

/// Adds those of another query of the same metric.
pub(super) fn add(known: &mut Option<ExpectedValues>, query: &QuerySpec) {
    let expect = query.expect.iter().map(|(label, values)| (label.clone(), values.iter().cloned().collect()));
    let mut new: ExpectedValues = expect.collect();
    if let Some(known) = known.take() {
        new.retain(|label, _| known.contains_key(label));
        new.iter_mut().for_each(|(label, values)| values.extend(known[label].iter().cloned()));
    }
    *known = Some(new);
}

/// A note on a matcher that selects a value which is not expected. Rows may have others, so it may be meant.
pub(super) fn check(matcher: &Matcher, expected: Option<&ExpectedValues>) -> Option<Wrong> {
    let Matcher { op: MatchOp::Equal | MatchOp::NotEqual, name, value } = matcher else { return None };
    let known = expected?.get(name)?;
    if value.is_empty() || value == OTHER || value.contains(ANY_VALUE) || known.contains(value) {
        return None;
    }
    let listed = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let hint = yaml::hint(value, known.iter().map(String::as_str));
    let message = format!("the query does not expect `{value}` of the label `{name}`, only {listed}");
    Some(Wrong { hint, ..Wrong::note(message) })
}
