//! The last known values of sources that do not answer.

use crate::registry::Kind;

/// How long the last known value of a source that does not answer is shown, marked as such.
pub(super) const LAST_KNOWN: &str = "6h";

/// Resolution at which an expression is evaluated to find the time of its last value.
const STEP: &str = "30s";

/// The value of a card, as far as it is known.
pub(super) struct CardValue<'a> {
    pub(super) expr: &'a str,
    /// The kind over all of whose sources it is: without one of them, it is not complete.
    pub(super) of_kind: Option<Kind>,
}

impl CardValue<'_> {
    /// Its value, if that is complete.
    pub(super) fn complete(&self) -> String {
        let expr = self.expr;
        match self.of_kind {
            Some(kind) => format!("({expr}) unless on () ({})", down(kind)),
            None => expr.to_owned(),
        }
    }

    /// The same over the time range, if it has a value at the end: otherwise the last point of the line would look like
    /// the current value. The end is the dashboard's: the panel's is rounded down.
    pub(super) fn complete_over_time(&self) -> String {
        let expr = self.complete();
        format!("({expr}) and on () present_over_time(({expr})[1s:1s] @ ${{__to:date:seconds}})")
    }

    /// Its value without what is missing, or its last one if it has none now; empty if it is complete.
    pub(super) fn last(&self) -> String {
        let expr = self.expr;
        let last = format!("last_over_time({}) unless on () ({expr})", over_time(expr));
        match self.of_kind {
            Some(kind) => format!("(({expr}) and on () ({})) or ({last})", down(kind)),
            None => last,
        }
    }

    /// When it was complete last, in Unix seconds; empty if it is now.
    pub(super) fn last_at(&self) -> String {
        let expr = self.complete();
        format!("max(max_over_time(timestamp({expr})[{LAST_KNOWN}:{STEP}]) unless on () ({expr}))")
    }
}

/// The sources of a kind that are down.
fn down(kind: Kind) -> String {
    format!("platform_source_up{{kind=\"{kind}\"}} == 0")
}

/// The values of the last hours. A plain selector is read directly, which is cheaper than a subquery.
fn over_time(expr: &str) -> String {
    let name = expr.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let is_selector =
        name.is_empty() || (name.starts_with('{') && name.ends_with('}') && name.matches('}').count() == 1);
    if is_selector { format!("{expr}[{LAST_KNOWN}]") } else { format!("({expr})[{LAST_KNOWN}:{STEP}]") }
}
