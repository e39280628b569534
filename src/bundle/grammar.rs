//! Parses dashboards from YAML, and reports each error at its key.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::Desc;
use platform_core::setting::Duration;
use platform_core::yaml::{self, Fault, Faults, Node, Path, Value, hint};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::panel::{Choice, Dashboard, OfKinds, Row, Show, Thresholds, Variable, Word};
use super::panel_type;
use super::unit::Unit;
use crate::registry::Kind;

const DEFAULT_RANGE: Duration = Duration::seconds(6 * 60 * 60);

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
        self.metrics.extend(families.into_iter().map(|desc| (desc.name.to_string(), desc.help.to_string())));
    }

    /// The first metric that an expression names, with its help.
    pub(super) fn first_metric<'a>(&'a self, expr: &'a str) -> Option<(&'a str, &'a str)> {
        let mut names = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        names.find_map(|name| self.metrics.get(name).map(|help| (name, help.as_str())))
    }
}

/// The keys of a dashboard, except its lists.
#[derive(Deserialize)]
struct RawDashboard {
    title: String,
    about: String,
    range: Option<Duration>,
}

/// The keys of a variable.
#[derive(Deserialize)]
struct RawVariable {
    name: String,
    label: Option<String>,
    query: Option<String>,
    sql: Option<String>,
    list: Option<Vec<String>>,
    typed: Option<String>,
    #[serde(default)]
    many: bool,
}

/// The keys of a row, except its panels.
#[derive(Deserialize)]
struct RawRow {
    row: Option<String>,
    #[serde(default)]
    collapsed: bool,
    of_kinds: Option<OfKinds>,
}

/// The keys of a panel. One of the first ones determines its type, and the value is the title.
#[derive(Deserialize)]
pub(super) struct RawPanel {
    pub(super) stat: Option<String>,
    pub(super) status: Option<String>,
    pub(super) timeseries: Option<String>,
    pub(super) bar: Option<String>,
    pub(super) pie: Option<String>,
    pub(super) table: Option<String>,
    pub(super) states: Option<String>,
    pub(super) problems: Option<String>,
    pub(super) alerts: Option<String>,
    pub(super) text: Option<String>,
    of: Option<Kind>,
    pub(super) help: Option<String>,
    pub(super) width: Option<u16>,
    pub(super) height: Option<u16>,
    pub(super) empty: Option<String>,
    pub(super) link: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) sql: Option<String>,
    pub(super) name: Option<String>,
    pub(super) series: Option<Vec<RawSeries>>,
    pub(super) columns: Option<Vec<RawColumn>>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) words: Option<BTreeMap<String, Word>>,
    pub(super) trend: Option<Duration>,
    pub(super) last_known: Option<bool>,
    pub(super) show: Option<Show>,
    pub(super) background: Option<bool>,
    pub(super) stack: Option<bool>,
    pub(super) bars: Option<bool>,
    pub(super) over: Option<Duration>,
    pub(super) matchers: Option<String>,
    pub(super) markdown: Option<String>,
}

/// The keys of a series.
#[derive(Clone, Deserialize)]
pub(super) struct RawSeries {
    pub(super) name: String,
    pub(super) expr: Option<String>,
    pub(super) sql: Option<String>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, Word>,
}

/// The keys of a column.
#[derive(Clone, Deserialize)]
pub(super) struct RawColumn {
    pub(super) name: Option<String>,
    pub(super) label: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) column: Option<String>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, Word>,
    pub(super) link: Option<String>,
    pub(super) width: Option<u16>,
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

/// Reads a dashboard. Each part is read separately, so that all errors are reported at once.
pub(super) fn dashboard(
    node: &Node,
    path: &Path,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Dashboard> {
    let head = head::<RawDashboard>(node, path, &["title", "about", "range"], &["variables", "rows"], faults);
    let path_of = |list: &str, index| path.key(list).index(index);
    let variables = list(node, "variables").iter().enumerate().map(|(index, node)| {
        let path = path_of("variables", index);
        let raw = yaml::decode(node, &path, faults)?;
        variable(raw, &mut Checker { node, path: &path, faults, surroundings })
    });
    let variables: Vec<_> = variables.collect();
    let nodes = list(node, "rows");
    if nodes.is_empty() {
        faults.at(node.place, path, "expected `rows`: a list of `- row: TITLE` with `panels`");
    }
    let rows = nodes.iter().enumerate();
    let rows: Vec<_> =
        rows.map(|(index, node)| row(node, &path_of("rows", index), surroundings, faults)).collect();
    let RawDashboard { title, about, range } = head?;
    Some(Dashboard {
        title,
        about,
        range: range.unwrap_or(DEFAULT_RANGE),
        variables: variables.into_iter().collect::<Option<_>>()?,
        rows: rows.into_iter().collect::<Option<_>>()?,
    })
}

/// Reads the rows of a file that come before those of others.
pub(super) fn rows(node: &Node, surroundings: &DashboardContext, faults: &mut Faults) -> Option<Vec<Row>> {
    let rows = node.elements().iter().enumerate();
    let rows: Vec<_> =
        rows.map(|(index, node)| row(node, &Path::default().index(index), surroundings, faults)).collect();
    rows.into_iter().collect()
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map_or(&[], Node::elements)
}

/// The keys of a node, except its lists.
fn head<T: DeserializeOwned>(
    node: &Node,
    path: &Path,
    keys: &[&str],
    lists: &[&str],
    faults: &mut Faults,
) -> Option<T> {
    let known: Vec<_> = keys.iter().chain(lists).copied().collect();
    yaml::refuse_unknown_keys(node, path, &known, faults);
    let entries = node.entries().iter().filter(|(key, _)| keys.contains(&key.text.as_str()));
    let head = Node { place: node.place, value: Value::Map(entries.cloned().collect()) };
    yaml::decode(&head, path, faults)
}

/// Reads a row.
pub(super) fn row(
    node: &Node,
    path: &Path,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Row> {
    let head = head::<RawRow>(node, path, &["row", "collapsed", "of_kinds"], &["panels"], faults);
    let panels = list(node, "panels").iter().enumerate().filter_map(|(index, node)| {
        let path = path.key("panels").index(index);
        let Some(raw) = yaml::decode::<RawPanel>(node, &path, faults) else { return Some(None) };
        // No panel for what is not configured.
        let is_there = raw.of.is_none_or(|kind| surroundings.dashboards.contains(kind.as_str()));
        is_there.then(|| panel_type::panel(raw, &mut Checker { node, path: &path, faults, surroundings }))
    });
    let panels: Vec<_> = panels.collect();
    let RawRow { row, collapsed, of_kinds } = head?;
    let mut checker = Checker { node, path, faults, surroundings };
    if list(node, "panels").is_empty() && of_kinds.is_none() {
        checker.fault("panels", "expected at least one panel");
    }
    if collapsed && row.is_none() {
        checker.fault("collapsed", "a collapsed row needs a title: expected `row: TITLE`");
    }
    Some(Row { title: row, collapsed, of_kinds, panels: panels.into_iter().collect::<Option<_>>()? })
}

fn variable(raw: RawVariable, checker: &mut Checker<'_>) -> Option<Variable> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if raw.name.is_empty() || !raw.name.chars().all(is_word) {
        checker.fault("name", "expected letters, digits and `_`");
    }
    let choices = [
        raw.query.map(Choice::Query),
        raw.sql.map(Choice::Sql),
        raw.list.map(Choice::List),
        raw.typed.map(Choice::Typed),
    ];
    let mut choices = choices.into_iter().flatten();
    let (Some(choice), None) = (choices.next(), choices.next()) else {
        checker.fault("", "expected exactly one of query, sql, list, typed");
        return None;
    };
    if raw.many && matches!(choice, Choice::Typed(_)) {
        checker.fault("many", "a typed variable has exactly one value");
    }
    let label = raw.label.unwrap_or_else(|| panel_type::title_of(&raw.name));
    Some(Variable { name: raw.name, label, choice, many: raw.many })
}

/// `did you mean …?` for the name of a dashboard.
pub(super) fn dashboard_hint(name: &str, surroundings: &DashboardContext) -> Option<String> {
    hint(name, surroundings.dashboards.iter().map(String::as_str))
}
