//! The data source of each query, and of a panel with several.

use serde_json::{Value, json};

/// The data source of metrics.
pub(super) fn prometheus() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// The data source for tables about single users, which are not labels.
pub(super) fn postgres() -> Value {
    json!({"type": "grafana-postgresql-datasource", "uid": "${postgres}"})
}

/// Grafana's mixed data source, which sends each query to the data source that it names.
fn mixed() -> Value {
    json!({"type": "datasource", "uid": "-- Mixed --"})
}

/// The data source of a panel. Grafana sends all of a panel's queries to this one, unless it is the mixed one.
pub(super) fn of(targets: &Value) -> Value {
    let mut sources = targets.as_array().into_iter().flatten().map(|target| &target["datasource"]);
    let first = sources.next().cloned().unwrap_or_else(prometheus);
    if sources.all(|source| *source == first) { first } else { mixed() }
}
