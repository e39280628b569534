//! Tables: PromQL columns joined on their labels, or one SELECT.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::column::{CellLook, Column, Content, Table};
use super::field::{self, of_column};
use super::look::{Color, PanelLook, Word};
use super::target::{self, Form};
use super::unit::Unit;

/// The width of columns with a severity, in pixels: the rest is for the long ones.
pub(super) const WORD_WIDTH: u16 = 100;
/// The width of columns with a point in time.
pub(super) const TIME_WIDTH: u16 = 140;

/// The least width of a column, in pixels: Grafana's own 150 would push columns out of sight.
const NARROWEST: u16 = 80;

/// Shown in a cell without a value. The text for an empty table does not apply to a single cell.
const NOTHING: &str = "–";

/// The body of a table's panel.
pub(super) fn body(table: &Table, empty: &str) -> Value {
    let overrides: Vec<_> = table.columns.iter().map(look).collect();
    let (targets, transformations) = match &table.sql {
        Some(text) => (vec![target::sql("A", text, Form::Rows)], Vec::new()),
        None => joined(&table.columns, sort(table)),
    };
    json!({
        "type": "table",
        "targets": targets,
        "fieldConfig": {
            "defaults": {
                "noValue": empty,
                "color": {"mode": "thresholds"},
                "thresholds": {"mode": "absolute", "steps": [{"color": "text", "value": null}]},
                "mappings": [field::missing(NOTHING, Color::Plain.grafana())],
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "minWidth": NARROWEST},
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
        properties.push(("custom.filterable", true.into()));
        properties.push(("mappings", field::words(&column.look)));
        properties.push(("noValue", NOTHING.into()));
    } else {
        properties.extend(field::properties(&column.look, field::missing(NOTHING, Color::Plain.grafana())));
    }
    let is_colored = !column.look.words.is_empty() || column.look.thresholds.is_some();
    match column.cell {
        CellLook::Text if is_colored => {
            let options = json!({"type": "color-text", "wrapText": is_label(column)});
            properties.push(("custom.cellOptions", options));
        }
        CellLook::Text => {}
        CellLook::Image => properties.push(("custom.cellOptions", json!({"type": "image"}))),
        CellLook::Bar => {
            properties.push(("min", 0.into()));
            // Otherwise, the largest is that of all columns.
            properties.push(("fieldMinMax", true.into()));
            properties.push((
                "custom.cellOptions",
                json!({"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
            ));
            if column.look.thresholds.is_none() {
                properties.retain(|(key, _)| *key != "color");
                properties.push(("color", json!({"mode": "fixed", "fixedColor": Color::Blue.grafana()})));
            }
        }
        CellLook::Hidden => properties.push(("custom.hidden", true.into())),
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
fn joined(columns: &[Column], sort: Value) -> (Vec<Value>, Vec<Value>) {
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
        json!({"id": "sortBy", "options": {"sort": [sort]}}),
    ];
    (targets, transformations)
}

fn is_label(column: &Column) -> bool {
    matches!(column.content, Content::Label(_))
}

/// Sorts by a label, or else by the largest first value, or the oldest: these rows matter most.
fn sort(table: &Table) -> Value {
    if let Some(label) = table.sorted_by {
        return json!({"field": label, "desc": false});
    }
    let columns = &table.columns;
    let first = columns.iter().find(|column| !is_label(column));
    let is_time = first.is_some_and(|column| column.look.unit.is_some_and(Unit::is_time));
    json!({"field": first.map(raw_name), "desc": !is_time})
}

/// The text of one value.
pub(super) fn word(value: &str, text: &str, color: Color) -> BTreeMap<String, Word> {
    BTreeMap::from([(value.to_owned(), Word { text: text.to_owned(), color })])
}

/// A column of a label.
pub(super) fn label(label: &str, name: &str, words: BTreeMap<String, Word>) -> Column {
    let look = PanelLook { words, ..PanelLook::default() };
    let (name, content) = (name.to_owned(), Content::Label(label.to_owned()));
    Column { name, content, look, link: None, width: None, cell: CellLook::Text }
}
