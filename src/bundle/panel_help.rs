//! The description of a panel that has no `help` of its own.

use super::checker::Checker;
use super::panel::PanelType;

/// The help of the first metric that is queried.
pub(super) fn help_of(panel_type: &PanelType, checker: &Checker<'_>) -> Option<String> {
    let expressions: Vec<&str> = match panel_type {
        PanelType::Table(table) => {
            table.columns.iter().filter_map(|column| column.content.promql()).collect()
        }
        PanelType::Status { .. }
        | PanelType::Problems { .. }
        | PanelType::Alerts { .. }
        | PanelType::Text { .. } => {
            return Some(standing_help(panel_type));
        }
        _ => panel_type.series().iter().filter_map(|series| series.question.promql()).collect(),
    };
    let metric = expressions.into_iter().find_map(|expr| checker.surroundings.first_metric(expr));
    metric.map(|(_, help)| help.to_owned())
}

/// The help of panels without their own query.
fn standing_help(panel_type: &PanelType) -> String {
    match panel_type {
        PanelType::Status { .. } => "UP: answers, and everything expected is there. DEGRADED: answers, but something is missing or bad. DOWN: does not answer. NO DATA: no metrics from the exporter.",
        PanelType::Problems { .. } => "Why sources are degraded or down, and the last success of each. The exporter's log has the details.",
        PanelType::Alerts { .. } => "Firing alerts, and since when. With the routing of the bundle, critical ones are sent to the pager, but for staging, and warnings to the chat.",
        _ => "A note.",
    }
    .to_owned()
}
