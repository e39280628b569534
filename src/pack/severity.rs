//! The severities of alerts: those with a route in `alerts/alertmanager.yml`. A team may have others.

use platform_core::yaml::{Fault, Faults, Node, Path, meant_by};

/// The severities with a route.
pub const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// Reports a severity that seems to be a misspelt or shortened one of [`SEVERITIES`].
pub fn check_severity(node: &Node, path: Path, faults: &mut Faults) {
    let Some(given) = node.text() else { return };
    let Some(meant) = meant(given) else { return };
    faults.add(Fault {
        place: node.place,
        path,
        message: format!("no route has the severity `{given}`"),
        hint: Some(format!("did you mean `{meant}`?")),
    });
}

fn meant(given: &str) -> Option<&'static str> {
    if SEVERITIES.contains(&given) {
        return None;
    }
    let lower = given.to_lowercase();
    let is_short = |severity: &&str| given.len() >= 3 && severity.starts_with(&lower);
    SEVERITIES.into_iter().find(is_short).or_else(|| meant_by(&lower, SEVERITIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_misspelt_ones_are_recognised_and_others_are_a_teams_own() {
        for (given, expected) in [
            ("crit", Some("critical")),
            ("Warning", Some("warning")),
            ("critcal", Some("critical")),
            ("information", None),
            ("info", None),
            ("page", None),
            ("p1", None),
        ] {
            assert_eq!(meant(given), expected, "{given}");
        }
    }
}
