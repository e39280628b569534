//! What a dashboard may refer to, and reports of errors at its keys.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::Desc;
use platform_core::yaml::{Fault, Faults, Node, Path};

/// What a dashboard may refer to.
#[derive(Debug, Default)]
pub(super) struct DashboardContext {
    /// The help of each metric.
    pub(super) metrics: BTreeMap<String, String>,
    /// The names of all dashboards.
    pub(super) dashboards: BTreeSet<String>,
}

impl DashboardContext {
    /// Adds metrics.
    pub(super) fn know(&mut self, families: impl IntoIterator<Item = Desc>) {
        for desc in families {
            self.metrics.extend(desc.names().map(|name| (name, desc.help.to_string())));
        }
    }

    /// The first metric that an expression names, with its help.
    pub(super) fn first_metric<'a>(&'a self, expr: &'a str) -> Option<(&'a str, &'a str)> {
        let mut names = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        names.find_map(|name| self.metrics.get(name).map(|help| (name, help.as_str())))
    }
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
