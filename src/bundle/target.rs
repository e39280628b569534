//! Queries in Grafana's format.

use serde_json::{Value, json};

use super::data_source;
use super::look::PanelLook;
use super::panel::PanelQuery;
use super::unit::Unit;

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The current value of each series.
    Now,
    /// Each series over the time range.
    Over,
    /// The current values as rows with a column for each label.
    Rows,
    /// The buckets of a histogram over the time range.
    Buckets,
}

/// A Prometheus query.
pub(super) fn promql(id: &str, expr: &str, name: &str, form: Form) -> Value {
    let format = match form {
        Form::Now | Form::Over => "time_series",
        Form::Rows => "table",
        Form::Buckets => "heatmap",
    };
    let is_over_time = matches!(form, Form::Over | Form::Buckets);
    json!({
        "datasource": data_source::prometheus(),
        "editorMode": "code",
        "expr": expr,
        "format": format,
        "instant": !is_over_time,
        "legendFormat": name,
        "range": is_over_time,
        "refId": id,
    })
}

/// A PostgreSQL query.
pub(super) fn sql(id: &str, text: &str, form: Form) -> Value {
    json!({
        "datasource": data_source::postgres(),
        "editorMode": "code",
        "format": if form == Form::Over { "time_series" } else { "table" },
        "rawQuery": true,
        "rawSql": text,
        "refId": id,
    })
}

/// The query of a series.
pub(super) fn question(id: &str, question: &PanelQuery, look: &PanelLook, name: &str, form: Form) -> Value {
    match question {
        PanelQuery::Promql(expr) => promql(id, &scaled(expr, look), name, form),
        PanelQuery::Sql(text) => sql(id, text, form),
    }
}

/// The expression in Grafana's units: milliseconds for points in time.
pub(super) fn scaled(expr: &str, look: &PanelLook) -> String {
    match look.unit {
        Some(Unit::Ago | Unit::Date) => format!("1000 * ({expr})"),
        Some(Unit::Age) => format!("time() - ({expr})"),
        _ => expr.to_owned(),
    }
}

/// The name of a panel's query: A, B, C …
pub(super) fn id(index: usize) -> String {
    let letter = u32::try_from(index).ok().and_then(|index| char::from_u32('A' as u32 + index));
    letter.filter(char::is_ascii_uppercase).map_or_else(|| format!("Q{index}"), String::from)
}
