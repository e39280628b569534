//! Reads a table and its columns: what they contain, and how they show it.

use super::checker::Checker;
use super::column::{CellLook, Column, Content, Table};
use super::look::PanelLook;
use super::look_grammar::{read_link, unit, unit_for};
use super::panel::title_of;
use super::panel_keys::{RawColumn, RawPanel};

/// The columns of a table, and where they come from.
pub(super) fn table(raw: RawPanel, checker: &mut Checker<'_>) -> Option<Table> {
    let sql = raw.sql;
    let columns = raw.columns.unwrap_or_default().into_iter().enumerate().map(|(index, raw)| {
        let mut path = platform_core::yaml::Path::default();
        column(raw, sql.is_some(), &mut checker.below("columns", index, &mut path))
    });
    let columns: Vec<Column> = columns.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let has = |of: fn(&Content) -> bool| columns.iter().any(|column| of(&column.content));
    let is_whole = has(|content| matches!(content, Content::Label(_)))
        && has(|content| matches!(content, Content::Promql(_)));
    if sql.is_none() && !is_whole {
        checker.fault("columns", "expected `sql`, or columns of which some have `label` and some `expr`");
    }
    Some(Table { sql, columns, sorted_by: None })
}

fn column(raw: RawColumn, is_sql: bool, checker: &mut Checker<'_>) -> Option<Column> {
    let content = match (raw.label, raw.expr, raw.column) {
        (Some(label), None, None) if !is_sql => Content::Label(label),
        (None, Some(expr), None) if !is_sql => Content::Promql(expr.trim().to_owned()),
        (None, None, Some(column)) if is_sql => Content::Sql(column),
        _ => {
            let expected = if is_sql { "`column`" } else { "exactly one of label, expr" };
            checker.fault("", format!("expected {expected}"));
            return None;
        }
    };
    let (name, unit) = match &content {
        Content::Promql(expr) => (None, unit(raw.unit, !raw.words.is_empty(), Some(expr), checker)),
        Content::Label(name) | Content::Sql(name) => (Some(title_of(name)), raw.unit),
    };
    let Some(name) = raw.name.or(name) else {
        checker.fault("", "the key `name` is missing");
        return None;
    };
    let unit = unit_for(raw.thresholds, unit, is_sql, checker);
    let link = raw.link.and_then(|link| read_link(&link, checker));
    let look = PanelLook {
        unit,
        decimals: raw.decimals,
        thresholds: raw.thresholds,
        words: raw.words,
        ..PanelLook::default()
    };
    let cell = match (raw.image, raw.bar) {
        (false, false) => CellLook::Text,
        (true, false) => CellLook::Image,
        (false, true) if !matches!(content, Content::Label(_)) => CellLook::Bar,
        (false, true) => {
            checker.fault("bar", "expected a column with numbers");
            return None;
        }
        (true, true) => {
            checker.fault("", "expected only one of image, bar");
            return None;
        }
    };
    Some(Column { name, content, look, link, width: raw.width, cell })
}
