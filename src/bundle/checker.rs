//! What a dashboard may refer to, and reports of errors at its keys.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::{Desc, MetricType};
use platform_core::query::QuerySpec;
use platform_core::yaml::{Fault, Faults, Node, Path};

use super::expected_values::{self, ExpectedValues};
use crate::config::BrokenQueries;

/// A metric that expressions may name.
#[derive(Debug)]
pub(super) struct KnownMetric {
    help: String,
    /// Its labels; none if they are not known.
    pub(super) labels: Option<BTreeSet<String>>,
    /// The values that its queries expect of them; none before it is known which queries it has.
    pub(super) expected: Option<ExpectedValues>,
}

/// What dashboards and rules may refer to.
#[derive(Debug, Default)]
pub(super) struct DashboardContext {
    /// The metrics, by name.
    pub(super) metrics: BTreeMap<String, KnownMetric>,
    /// Whether there may be others: a query with errors has metrics without a name.
    pub(super) has_unknown_metrics: bool,
    /// The names of all dashboards.
    pub(super) dashboards: BTreeSet<String>,
    /// The page of runbooks that the exporter serves, if its address is known.
    pub(super) runbooks: Option<String>,
    /// How many sources are configured; 0 if that is not known.
    pub(super) sources: usize,
}

impl DashboardContext {
    /// Adds metrics.
    pub(super) fn know(&mut self, families: impl IntoIterator<Item = Desc>) {
        for desc in families {
            let labels: BTreeSet<_> =
                desc.labels.iter().chain(bucket_label(&desc)).map(str::to_owned).collect();
            for name in desc.names() {
                let new = || KnownMetric {
                    help: desc.help.to_string(),
                    labels: Some(BTreeSet::new()),
                    expected: None,
                };
                let metric = self.metrics.entry(name).or_insert_with(new);
                // Kinds that read the same may differ in labels.
                metric.labels.iter_mut().for_each(|known| known.extend(labels.iter().cloned()));
            }
        }
    }

    /// Adds the names that rules record.
    pub(super) fn know_recorded(&mut self, names: impl IntoIterator<Item = String>) {
        let metric = |name| (name, KnownMetric { help: String::new(), labels: None, expected: None });
        self.metrics.extend(names.into_iter().map(metric));
    }

    /// Adds the values that a query expects of the labels of its metrics.
    pub(super) fn expect(&mut self, query: &QuerySpec) {
        for name in query.catalogue().iter().flat_map(|desc| desc.names()) {
            if let Some(metric) = self.metrics.get_mut(&name) {
                expected_values::add(&mut metric.expected, query);
            }
        }
    }

    /// Adds what queries with errors would export.
    pub(super) fn know_broken(&mut self, queries: &BrokenQueries) {
        self.know_recorded(queries.metrics.iter().cloned());
        self.has_unknown_metrics |= queries.have_others;
    }

    /// The first metric that an expression names, with its help.
    pub(super) fn first_metric<'a>(&'a self, expr: &'a str) -> Option<(&'a str, &'a str)> {
        let mut names = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        names.find_map(|name| self.metrics.get(name).map(|metric| (name, metric.help.as_str())))
    }
}

/// The label that only the buckets of a histogram have.
fn bucket_label(desc: &Desc) -> Option<&'static str> {
    (desc.metric_type == MetricType::Histogram).then_some("le")
}

/// Reports the errors of one node.
pub(super) struct Checker<'a> {
    pub(super) node: &'a Node,
    pub(super) path: &'a Path,
    pub(super) faults: &'a mut Faults,
    pub(super) surroundings: &'a DashboardContext,
}

impl Checker<'_> {
    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.fault_with_hint(key, message, None);
    }

    pub(super) fn fault_with_hint(&mut self, key: &str, message: impl Into<String>, hint: Option<String>) {
        let place = self.node.get(key).map_or(self.node.place, |node| node.place);
        let path = if self.node.get(key).is_some() { self.path.key(key) } else { self.path.clone() };
        self.faults.add(Fault { place, path, message: message.into(), hint });
    }

    /// The same for an entry of a list below.
    pub(super) fn below<'b>(&'b mut self, list: &str, index: usize, path: &'b mut Path) -> Checker<'b> {
        *path = self.path.key(list).index(index);
        let node = self.node.get(list).and_then(|list| list.elements().get(index)).unwrap_or(self.node);
        Checker { node, path, faults: self.faults, surroundings: self.surroundings }
    }
}
