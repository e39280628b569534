//! The last known values of sources that do not answer.

/// How long the last known value of a source that does not answer is shown, marked as such.
pub(super) const LAST_KNOWN: &str = "6h";

/// Resolution at which an expression is evaluated to find the time of its last value.
const STEP: &str = "30s";

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
