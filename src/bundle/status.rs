//! The status of sources as one number for each, and the values of a source that does not answer.

use std::collections::BTreeMap;

use super::panel::{Color, Look, Question, Series, Word};

/// For how long the last value of what does not answer is still shown, as such.
pub(super) const LAST_KNOWN: &str = "6h";

/// How often an expression is put again to find its last value. It says how exact the time of that value is.
const STEP: &str = "30s";

/// The status of each source that the matchers select: 3 up, 2 degraded, 1 down, 0 not probed yet, and -1 where there
/// were values in the last hours and are none now.
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
        question: Question::Promql(expr(matchers)),
        look: Look { words: words(), ..Look::default() },
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

/// The expression over the range of time, if it has a value at its end: without one, the last point of the line would
/// pass for the present value. The end is that of the dashboard: that of the panel is rounded down.
pub(super) fn while_present(expr: &str) -> String {
    format!("({expr}) and on () present_over_time(({expr})[1s:1s] @ ${{__to:date:seconds}})")
}

/// The last value of an expression that has none now; nothing where it has one.
pub(super) fn last_known(expr: &str) -> String {
    format!("last_over_time({}) unless on () ({expr})", over_time(expr))
}

/// When the expression had its last value, in Unix seconds; nothing where it has one now.
pub(super) fn last_known_at(expr: &str) -> String {
    format!("max(max_over_time(timestamp({expr})[{LAST_KNOWN}:{STEP}]) unless on () ({expr}))")
}

/// The values of the last hours. A plain selector is read, which is cheaper than to put an expression again and again.
fn over_time(expr: &str) -> String {
    let name = expr.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let is_selector =
        name.is_empty() || (name.starts_with('{') && name.ends_with('}') && name.matches('}').count() == 1);
    if is_selector { format!("{expr}[{LAST_KNOWN}]") } else { format!("({expr})[{LAST_KNOWN}:{STEP}]") }
}
