//! The rows that every dashboard of a kind or a pack begins with.

use platform_core::yaml::{self, Faults};

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
    faults.begin("bundle/source.yml");
    let tree = yaml::parse_literally(&FIRST_ROWS.replace("$(sources)", sources), faults)?;
    grammar::rows(&tree, surroundings, faults)
}
