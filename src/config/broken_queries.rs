//! What queries with errors would export. An expression that names it is not wrong.

use std::collections::BTreeSet;

use platform_core::yaml::{Node, nearest};

/// The metrics of queries that have errors.
#[derive(Clone, Debug, Default)]
pub struct BrokenQueries {
    /// The names of their metrics, as far as they can be read.
    pub metrics: BTreeSet<String>,
    /// Whether there may be others.
    pub have_others: bool,
}

impl BrokenQueries {
    /// Adds a query that could not be read.
    pub(super) fn add(&mut self, query: &Node) {
        // A misspelt key is one of the errors.
        let metrics = entry(query, "metrics").map_or(&[][..], Node::elements);
        self.have_others |= metrics.is_empty();
        for metric in metrics {
            match entry(metric, "name").and_then(Node::text) {
                Some(name) => self.metrics.extend(names_of(name)),
                None => self.have_others = true,
            }
        }
    }
}

/// The entry under a key, or else under one that resembles it.
fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let resembles = || node.entries().iter().find(|(other, _)| nearest(&other.text, [key]).is_some());
    node.get(key).or_else(|| Some(&resembles()?.1))
}

/// The names of its series if it is a gauge or a counter, and if it is a histogram.
fn names_of(metric: &str) -> impl Iterator<Item = String> {
    ["", "_bucket", "_sum", "_count"].into_iter().map(move |end| format!("{metric}{end}"))
}
