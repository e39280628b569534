//! The table of firing alerts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::column::{CellLook, Column, Content, Table};
use super::look::{Color, PanelLook, Word};
use super::table::{TIME_WIDTH, WORD_WIDTH, body, label, word};
use super::unit::Unit;

/// The width of the column with their names, in pixels: none of the bundle's breaks in the middle.
const NAME_WIDTH: u16 = 236;

/// The body of an alerts panel, without those for information. It shows if no rules are loaded, because an empty list
/// would look good.
pub(super) fn alerts(matchers: &str, empty: &str) -> Value {
    let comma = if matchers.is_empty() { "" } else { ", " };
    let firing = format!("ALERTS{{alertstate=\"firing\", severity!~\"info|none\"{comma}{matchers}}}");
    let since = format!("ALERTS_FOR_STATE and ignoring (alertstate) {firing}");
    let watchdog = "absent(ALERTS{alertname=\"Watchdog\"})";
    let missing = format!(
        "label_replace(0 * {watchdog}, \"alertname\", \"No Watchdog: are rules loaded?\", \"\", \"\")"
    );
    let severities = [("critical", Color::Critical), ("warning", Color::Warning)];
    let severities =
        severities.map(|(text, color)| (text.to_owned(), Word { text: text.to_uppercase(), color }));
    let columns = vec![
        Column { width: Some(WORD_WIDTH), ..label("severity", "Severity", severities.into()) },
        Column { width: Some(NAME_WIDTH), ..label("alertname", "Alert", BTreeMap::new()) },
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
            cell: CellLook::Text,
        },
    ];
    body(&Table { sql: None, columns, sorted_by: Some("severity") }, empty)
}
