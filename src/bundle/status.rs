//! The status of sources as one number each, and last known values of sources that do not answer.

use std::collections::BTreeMap;

use super::panel::{Color, PanelLook, PanelQuery, Series, Word};

/// How long the last known value of a source that does not answer is shown, marked as such.
pub(super) const LAST_KNOWN: &str = "6h";

/// Resolution at which an expression is evaluated to find the time of its last value.
const STEP: &str = "30s";

/// The status of each source that the matchers select: 3 up, 2 degraded, 1 down, 0 not probed yet, and -1 if there were
/// values in the last hours but none now.
pub(super) fn expr(matchers: &str) -> String {
    let of = |status: &str| {
        let comma = if matchers.is_empty() { "" } else { ", " };
        format!("max by (source, kind) (platform_source_status{{status=\"{status}\"{comma}{matchers}}})")
    };
    let (up, degraded, down) = (of("up"), of("degraded"), of("down"));
    let known =
        format!("max by (source, kind) (last_over_time(platform_source_up{{{matchers}}}[{LAST_KNOWN}]))");
    format!("3 * {up} + 2 * {degraded} + {down} or 0 * {known} - 1")
}

/// The status as a series, with its words.
pub(super) fn series(matchers: &str) -> Series {
    Series {
        name: "{{source}}".to_owned(),
        question: PanelQuery::Promql(expr(matchers)),
        look: PanelLook { words: words(), ..PanelLook::default() },
    }
}

fn words() -> BTreeMap<String, Word> {
    let words = [
        ("3", "UP", Color::Ok),
        ("2", "DEGRADED", Color::Warning),
        ("1", "DOWN", Color::Critical),
        ("0", "NOT PROBED YET", Color::Unknown),
        ("-1", "NO DATA", Color::Unknown),
    ];
    let word =
        |(value, text, color): (&str, &str, _)| (value.to_owned(), Word { text: text.to_owned(), color });
    words.into_iter().map(word).collect()
}

/// The expression over the time range, if it has a value at the end: otherwise the last point of the line would look
/// like the current value. The end is the dashboard's: the panel's is rounded down.
pub(super) fn while_present(expr: &str) -> String {
    format!("({expr}) and on () present_over_time(({expr})[1s:1s] @ ${{__to:date:seconds}})")
}

/// The last value of an expression that has none now; empty if it has one.
pub(super) fn last_known(expr: &str) -> String {
    format!("last_over_time({}) unless on () ({expr})", over_time(expr))
}

/// When the expression had its last value, in Unix seconds; empty if it has one now.
pub(super) fn last_known_at(expr: &str) -> String {
    format!("max(max_over_time(timestamp({expr})[{LAST_KNOWN}:{STEP}]) unless on () ({expr}))")
}

/// The values of the last hours. A plain selector is read directly, which is cheaper than a subquery.
fn over_time(expr: &str) -> String {
    let name = expr.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let is_selector =
        name.is_empty() || (name.starts_with('{') && name.ends_with('}') && name.matches('}').count() == 1);
    if is_selector { format!("{expr}[{LAST_KNOWN}]") } else { format!("({expr})[{LAST_KNOWN}:{STEP}]") }
}
