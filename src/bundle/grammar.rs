//! Parses dashboards from YAML, and reports each error at its key.

use std::collections::BTreeSet;

use platform_core::setting::Duration;
use platform_core::yaml::{self, Fault, Faults, Node, Path, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::checker::{Checker, DashboardContext};
use super::panel::{Choice, Dashboard, OfKinds, Row, Variable, title_of};
use super::panel_grammar;
use super::panel_keys::RawPanel;
use super::promql;

const DEFAULT_RANGE: Duration = Duration::seconds(6 * 60 * 60);

/// The keys of a dashboard, except its lists.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawDashboard {
    title: String,
    about: String,
    range: Option<Duration>,
}

/// The keys of a variable.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawVariable {
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
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawRow {
    row: Option<String>,
    #[serde(default)]
    collapsed: bool,
    of_kinds: Option<OfKinds>,
}

/// Reads the dashboard in a file.
pub(super) fn of_file(
    file: &str,
    text: &str,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Dashboard> {
    faults.begin(file);
    let tree = yaml::parse_literally(text, faults)?;
    let Some(node) = tree.get("dashboard") else {
        faults.at(tree.place, &Path::default(), "the key `dashboard` is missing");
        return None;
    };
    dashboard(node, &Path::default().key("dashboard"), surroundings, faults)
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
        sources: None,
        variables: variables.into_iter().collect::<Option<_>>()?,
        rows: rows.into_iter().collect::<Option<_>>()?,
    })
}

/// Reads the rows in a file, which are for dashboards of other files.
pub(super) fn rows_of_file(
    file: &str,
    text: &str,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Vec<Row>> {
    faults.begin(file);
    let tree = yaml::parse_literally(text, faults)?;
    let rows = tree.elements().iter().enumerate();
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
    let head = Node::new(node.place, Value::Map(entries.cloned().collect()));
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
    promql::check_tree(node, path, surroundings, faults);
    note_equal_titles(node, path, faults);
    let panels = list(node, "panels").iter().enumerate().filter_map(|(index, node)| {
        let path = path.key("panels").index(index);
        let Some(raw) = yaml::decode::<RawPanel>(node, &path, faults) else { return Some(None) };
        // No panel for what is not configured.
        let is_there = raw.of.is_none_or(|kind| surroundings.dashboards.contains(kind.as_str()));
        is_there.then(|| panel_grammar::panel(raw, &mut Checker { node, path: &path, faults, surroundings }))
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

/// Only their titles distinguish cards beside each other.
fn note_equal_titles(row: &Node, path: &Path, faults: &mut Faults) {
    let mut known = BTreeSet::new();
    for (index, panel) in list(row, "panels").iter().enumerate() {
        let Some(node) = panel.get("stat") else { continue };
        // Of those for different kinds, one may not be there.
        let kind = panel.get("of").and_then(Node::text);
        if node.text().is_some_and(|title| !known.insert((title, kind))) {
            let path = path.key("panels").index(index).key("stat");
            let message = "another card of this row has the same title".to_owned();
            faults.note(Fault { place: node.place, path, message, hint: None });
        }
    }
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
    let label = raw.label.unwrap_or_else(|| title_of(&raw.name));
    Some(Variable { name: raw.name, label, choice, many: raw.many, is_hidden: false })
}
