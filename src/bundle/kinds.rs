//! The dashboard of each kind, and its part of the overview.

use std::collections::BTreeMap;

use platform_core::yaml::{self, Faults, Path};

use super::checker::DashboardContext;
use super::first_rows::first_rows;
use super::grammar;
use super::panel::{Dashboard, OfKinds, Panel, PanelType, Variable};
use crate::registry::Kind;

/// The overview with the panels that each kind adds. A row to which no kind adds anything is left out.
pub(super) fn overview(
    mut dashboard: Dashboard,
    kinds: &[Kind],
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Dashboard> {
    if dashboard.rows.iter().all(|row| row.of_kinds.is_none()) {
        return Some(dashboard);
    }
    let mut added: BTreeMap<OfKinds, Vec<Panel>> = BTreeMap::new();
    let path = Path::default().key("overview");
    for kind in kinds {
        faults.begin(format!("kinds/{kind}/dashboard.yml"));
        let tree = yaml::parse_literally(kind.facts().dashboard, faults)?;
        let Some(overview) = tree.get("overview") else { continue };
        yaml::refuse_unknown_keys(overview, &path, &OfKinds::ALL.map(OfKinds::key), faults);
        for part in OfKinds::ALL {
            let Some(node) = overview.get(part.key()) else { continue };
            let row = grammar::row(node, &path.key(part.key()), surroundings, faults)?;
            added.entry(part).or_default().extend(row.panels.into_iter().map(|panel| of_kind(panel, *kind)));
        }
    }
    for row in &mut dashboard.rows {
        let of_kinds = row.of_kinds.and_then(|part| added.remove(&part));
        row.panels.splice(0..0, of_kinds.unwrap_or_default());
    }
    dashboard.rows.retain(|row| !row.panels.is_empty());
    Some(dashboard)
}

/// A panel over all sources of a kind.
fn of_kind(mut panel: Panel, kind: Kind) -> Panel {
    if let PanelType::Stat(card) = &mut panel.panel_type {
        card.of_kind = Some(kind);
    }
    panel
}

/// A kind's dashboard, with the variable that selects the source, and the rows that all kinds have.
pub(super) fn dashboard(
    kind: Kind,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Dashboard> {
    let dashboard = grammar::of_file(
        &format!("kinds/{kind}/dashboard.yml"),
        kind.facts().dashboard,
        surroundings,
        faults,
    );
    let first = first_rows("$source", surroundings, faults);
    let mut dashboard = dashboard?;
    dashboard.sources = Some("$source".to_owned());
    dashboard.variables.insert(0, Variable::source("source", kind));
    dashboard.rows.splice(0..0, first?);
    Some(dashboard)
}
