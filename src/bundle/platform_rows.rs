//! The rows of the overview about packs.

use platform_core::yaml::Faults;

use super::checker::DashboardContext;
use super::grammar;
use super::packs::Platform;
use super::panel::Row;

const PLATFORMS: &str = include_str!("../../bundle/platforms.yml");

/// Which platforms have sources that are not up, of those with a dashboard.
pub(super) fn platform_rows(
    platforms: &[Platform],
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Vec<Row>> {
    let names = platforms.iter().filter(|platform| platform.has_dashboard());
    let names: Vec<_> = names.map(|platform| platform.name.as_str()).collect();
    if names.is_empty() {
        return Some(Vec::new());
    }
    let text = PLATFORMS.replace("$(names)", &names.join("|"));
    grammar::rows_of_file("bundle/platforms.yml", &text, surroundings, faults)
}
