//! The table of sources that are degraded or down.

use std::collections::BTreeMap;

use platform_core::probe::Reason;
use serde_json::Value;

use super::column::{CellLook, Column, Content, Table};
use super::last_known::LAST_KNOWN;
use super::look::{Color, PanelLink, PanelLook, Word};
use super::table::{TIME_WIDTH, body, label, word};
use super::unit::Unit;
use crate::registry::Kind;

/// The body of a problems panel. A source without any data has a row, too.
pub(super) fn problems(matchers: &str, empty: &str) -> Value {
    // No query of a source that is down has an answer.
    let of_queries = "platform_query_problem unless on (source) (platform_source_up == 0)";
    let problem = format!(
        "(platform_source_problem{{{matchers}}} unless on (source, reason) ({of_queries}) \
         or ({of_queries}) * on (source) group_left (kind) max by (source, kind) (platform_source_problem{{{matchers}}}))"
    );
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
        Column { link: Some(PanelLink::Kind), ..label("source", "Source", BTreeMap::new()) },
        Column { cell: CellLook::Hidden, ..label("kind", "Kind", BTreeMap::new()) },
        label("reason", "Problem", reasons.chain([none]).collect()),
        label("query", "Query", BTreeMap::new()),
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
            cell: CellLook::Text,
        },
    ];
    body(&Table { sql: None, columns, sorted_by: None }, empty)
}
