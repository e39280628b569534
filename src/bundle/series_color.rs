//! The colours of series, in charts.

use serde_json::{Value, json};

use super::field::{of_column, of_pattern};
use super::look::Color;
use super::panel::Panel;

/// Names of series that mean the same everywhere.
const NAMES: [(&str, Color); 7] = [
    ("completed|delivered|done|ok|published|succeeded|success|up", Color::Ok),
    ("degraded|partial[ _]success|past[ _]due|retrying|warn|warning", Color::Warning),
    ("critical|error|exhausted|failed|failure", Color::Critical),
    ("active|in[ _]progress|info|processing|running", Color::Blue),
    ("pending|queued|waiting", Color::Yellow),
    ("delayed|scheduled", Color::LightBlue),
    ("cancell?ed|inactive|other|skipped|unknown", Color::Gray),
];

/// Gives series the colours of their names, or those that the panel chooses for them.
pub(super) fn choose(fields: &mut Value, panel: &Panel) {
    let fixed = |color: Color| vec![("color", json!({"mode": "fixed", "fixedColor": color.grafana()}))];
    let usual = NAMES.iter().map(|(names, color)| of_pattern(&format!("/^({names})$/i"), fixed(*color)));
    let chosen = panel.colors.iter().map(|(name, color)| of_column(name, fixed(*color)));
    let colors: Vec<_> = usual.chain(chosen).collect();
    fields["overrides"].as_array_mut().into_iter().for_each(|overrides| overrides.extend(colors.clone()));
}
