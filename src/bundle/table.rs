//! Tables: PromQL columns joined on their labels, one SELECT, or firing alerts.

use std::collections::BTreeMap;

use platform_core::probe::Reason;
use serde_json::{Map, Value, json};

use super::field::{self, of_column};
use super::last_known::LAST_KNOWN;
use super::panel::{Color, Column, Content, PanelLink, PanelLook, Table, Word};
use super::target::{self, Form};
use super::unit::Unit;
use crate::registry::Kind;

/// The width of columns with short text, in pixels: the rest is for the long ones.
const LABEL_WIDTH: u16 = 110;
const TIME_WIDTH: u16 = 150;

/// Shown in a cell without a value. The text for an empty table does not apply to a single cell.
const NOTHING: &str = "–";

/// The body of a table's panel.
pub(super) fn body(table: &Table, empty: &str) -> Value {
    let overrides: Vec<_> = table.columns.iter().map(look).collect();
    let (targets, transformations) = match &table.sql {
        Some(text) => (vec![target::sql("A", text, Form::Rows)], Vec::new()),
        None => joined(&table.columns),
    };
    json!({
        "type": "table",
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "noValue": empty,
                "color": {"mode": "thresholds"},
                "thresholds": {"mode": "absolute", "steps": [{"color": "text", "value": null}]},
                "mappings": [field::missing(NOTHING, Color::Plain)],
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": true},
            },
            "overrides": overrides,
        },
        "options": {"cellHeight": "sm", "showHeader": true, "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""}},
        "transformations": transformations,
    })
}

/// The raw name of a column: a label, a column of the SELECT, or the value of a query.
fn raw_name(column: &Column) -> &str {
    match &column.content {
        Content::Label(name) | Content::Sql(name) => name,
        Content::Promql(_) => &column.name,
    }
}

fn look(column: &Column) -> Value {
    let mut properties = vec![("displayName", column.name.clone().into())];
    if is_label(column) {
        properties.push(("mappings", field::words(&column.look.words)));
        properties.push(("noValue", NOTHING.into()));
    } else {
        properties.extend(field::properties(&column.look, field::missing(NOTHING, Color::Plain)));
    }
    if !column.look.words.is_empty() || column.look.thresholds.is_some() {
        properties.push(("custom.cellOptions", json!({"type": "color-text", "wrapText": is_label(column)})));
    }
    if let Some(width) = column.width {
        properties.push(("custom.width", width.into()));
    }
    if let Some(link) = &column.link {
        properties.push(("links", field::cell_link(link)));
    }
    of_column(raw_name(column), properties)
}

/// One query for each column, and the transformations that join the results to one table.
fn joined(columns: &[Column]) -> (Vec<Value>, Vec<Value>) {
    let labels: Vec<&str> = columns.iter().filter(|column| is_label(column)).map(raw_name).collect();
    let by = labels.join(", ");
    let mut targets = Vec::new();
    let mut names = Map::new();
    for column in columns {
        let Some(expr) = column.content.promql() else { continue };
        let id = target::id(targets.len());
        let expr = target::scaled(&format!("max by ({by}) ({expr})"), &column.look);
        targets.push(target::promql(&id, &expr, "", Form::Rows));
        names.insert(id, column.name.clone().into());
    }
    // A single result has its value under `Value`, several under `Value #A` and so on.
    let values = names.into_iter().map(|(id, name)| {
        let value = if targets.len() == 1 { "Value".to_owned() } else { format!("Value #{id}") };
        (value, name)
    });
    let values: Map<String, Value> = values.collect();
    let order = columns.iter().enumerate().map(|(index, column)| {
        let shown = values.iter().find(|(_, name)| !is_label(column) && **name == column.name.as_str());
        (shown.map_or(raw_name(column), |(value, _)| value).to_owned(), index.into())
    });
    let order: Map<String, Value> = order.collect();
    let organize = json!({"excludeByName": {"Time": true}, "indexByName": order, "renameByName": values});
    let transformations = vec![
        json!({"id": "merge", "options": {}}),
        json!({"id": "organize", "options": organize}),
        json!({"id": "sortBy", "options": {"sort": [sort(columns)]}}),
    ];
    (targets, transformations)
}

fn is_label(column: &Column) -> bool {
    matches!(column.content, Content::Label(_))
}

/// Sorts by the largest first value, or the oldest: these rows matter most.
fn sort(columns: &[Column]) -> Value {
    let first = columns.iter().find(|column| !is_label(column));
    let is_time = first.is_some_and(|column| column.look.unit.is_some_and(Unit::is_time));
    json!({"field": first.map(raw_name), "desc": !is_time})
}

/// The body of a problems panel. A source without any data has a row, too.
pub(super) fn problems(matchers: &str, empty: &str) -> Value {
    let problem = format!("platform_source_problem{{{matchers}}}");
    let success = format!("platform_source_last_success_timestamp_seconds{{{matchers}}}");
    let answered = format!("{problem} * on (source, kind) group_left () max by (source, kind) ({success})");
    let gone = format!(
        "label_replace(max by (source, kind) (last_over_time({success}[{LAST_KNOWN}])) unless on (source) platform_source_up, \
         \"reason\", \"no data\", \"\", \"\")"
    );
    let meaning = |text: &str| Word { text: text.to_owned(), color: Color::Critical };
    let of_kinds = Kind::ALL.iter().flat_map(|kind| kind.facts().reasons).copied();
    let reasons = Reason::COMMON.into_iter().chain(of_kinds);
    let reasons =
        reasons.map(|reason| (reason.to_string(), meaning(&format!("{reason}: {}", reason.meaning()))));
    let none = ("no data".to_owned(), meaning("no data: no metrics from the exporter"));
    let columns = vec![
        Column {
            link: Some(PanelLink::Kind),
            width: Some(LABEL_WIDTH),
            ..label("source", "Source", BTreeMap::new())
        },
        Column { width: Some(LABEL_WIDTH), ..label("kind", "Kind", BTreeMap::new()) },
        label("reason", "Problem", reasons.chain([none]).collect()),
        Column {
            name: "Last success".to_owned(),
            content: Content::Promql(format!("{answered} or 0 * {problem} or {gone}")),
            look: PanelLook {
                unit: Some(Unit::Ago),
                words: word("0", "never", Color::Critical),
                ..PanelLook::default()
            },
            link: None,
            width: Some(TIME_WIDTH),
        },
    ];
    body(&Table { sql: None, columns }, empty)
}

/// The body of an alerts panel. It shows if no rules are loaded, because an empty list would look good.
pub(super) fn alerts(matchers: &str, empty: &str) -> Value {
    let comma = if matchers.is_empty() { "" } else { ", " };
    let firing = format!("ALERTS{{alertstate=\"firing\", alertname!=\"Watchdog\"{comma}{matchers}}}");
    let since = format!("ALERTS_FOR_STATE and ignoring (alertstate) {firing}");
    let watchdog = "absent(ALERTS{alertname=\"Watchdog\"})";
    let missing = format!(
        "label_replace(0 * {watchdog}, \"alertname\", \"No Watchdog: are the rules loaded?\", \"\", \"\")"
    );
    let severities = [("critical", Color::Critical), ("warning", Color::Warning)];
    let severities =
        severities.map(|(text, color)| (text.to_owned(), Word { text: text.to_uppercase(), color }));
    let columns = vec![
        Column { width: Some(LABEL_WIDTH), ..label("severity", "Severity", severities.into()) },
        label("alertname", "Alert", BTreeMap::new()),
        label("source", "Source", BTreeMap::new()),
        Column {
            name: "Since".to_owned(),
            content: Content::Promql(format!("({since}) or {missing}")),
            look: PanelLook {
                unit: Some(Unit::Ago),
                words: word("0", "now", Color::Warning),
                ..PanelLook::default()
            },
            link: None,
            width: Some(TIME_WIDTH),
        },
    ];
    body(&Table { sql: None, columns }, empty)
}

fn word(value: &str, text: &str, color: Color) -> BTreeMap<String, Word> {
    BTreeMap::from([(value.to_owned(), Word { text: text.to_owned(), color })])
}

fn label(label: &str, name: &str, words: BTreeMap<String, Word>) -> Column {
    let look = PanelLook { words, ..PanelLook::default() };
    Column { name: name.to_owned(), content: Content::Label(label.to_owned()), look, link: None, width: None }
}
