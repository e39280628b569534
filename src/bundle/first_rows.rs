//! The rows that every dashboard of a kind or a pack begins with.

use platform_core::yaml::Faults;

use super::checker::DashboardContext;
use super::grammar;
use super::panel::Row;

const FIRST_ROWS: &str = include_str!("../../bundle/source.yml");

/// The status rows of a dashboard's sources: `sources` is a pattern of their names.
pub(super) fn first_rows(
    sources: &str,
    surroundings: &DashboardContext,
    faults: &mut Faults,
) -> Option<Vec<Row>> {
    let text = FIRST_ROWS.replace("$(sources)", sources);
    grammar::rows_of_file("bundle/source.yml", &text, surroundings, faults)
}
