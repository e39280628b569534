//! Reads how values look: their units, and where a click on them leads.

use platform_core::yaml::hint;

use super::checker::Checker;
use super::look::{PanelLink, Thresholds};
use super::unit::Unit;

/// The unit of what a histogram observes, which is that of its buckets' bounds.
pub(super) fn unit_of_buckets(expr: &str, checker: &Checker<'_>) -> Option<Unit> {
    let (metric, _) = checker.surroundings.first_metric(expr)?;
    let observed = metric.strip_suffix("_bucket")?;
    Unit::of(observed, observed)
}

/// The given unit, or else the one inferred from the metric's name.
pub(super) fn unit(
    given: Option<Unit>,
    has_words: bool,
    expr: Option<&str>,
    checker: &mut Checker<'_>,
) -> Option<Unit> {
    let Some(expr) = expr.filter(|_| given.is_none() && !has_words) else { return given };
    let metric = checker.surroundings.first_metric(expr).map_or("", |(name, _)| name);
    let unit = Unit::of(expr, metric);
    if unit.is_none() {
        checker.fault(
            "",
            "expected `unit`: it cannot be inferred from the names (percent is a ratio, where 1 is 100 %)",
        );
    }
    unit
}

/// A unit that thresholds can be compared with: a point in time becomes the seconds since then.
pub(super) fn unit_for(
    thresholds: Option<Thresholds>,
    unit: Option<Unit>,
    is_sql: bool,
    checker: &mut Checker<'_>,
) -> Option<Unit> {
    match (thresholds, unit) {
        (Some(_), Some(Unit::Ago)) if !is_sql => return Some(Unit::Age),
        (Some(_), Some(Unit::Ago)) => {
            checker.fault("thresholds", "expected `unit: seconds`, and a SELECT of the seconds since then")
        }
        (Some(_), Some(Unit::Date)) => {
            checker.fault("thresholds", "a date has none; expected `unit: ago`, for thresholds in seconds")
        }
        (Some(_), Some(Unit::Text)) => checker.fault("thresholds", "a text has none; expected `words`"),
        _ => {}
    }
    unit
}

/// Where `link` leads.
pub(super) fn read_link(link: &str, checker: &mut Checker<'_>) -> Option<PanelLink> {
    match link {
        "kind" => Some(PanelLink::Kind),
        _ if link.starts_with('/') || link.contains("://") || link.starts_with("${") => {
            Some(PanelLink::Address(link.to_owned()))
        }
        _ if checker.surroundings.dashboards.contains(link) => Some(PanelLink::Dashboard(link.to_owned())),
        _ => {
            let hint = hint(link, checker.surroundings.dashboards.iter().map(String::as_str));
            let message = "expected `kind`, the name of a dashboard, or an address";
            checker.fault_with_hint("link", message, hint);
            None
        }
    }
}
