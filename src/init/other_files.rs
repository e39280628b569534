//! The files next to a pack: the role that its queries need, indexes that would help, and the unit tests of its alerts.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::survey::{Surveyor, TableUse};

use super::lines::{indented, insert};
use super::pack_file::Written;
use super::proposals::question;
use super::workers_source::WorkersSource;

/// The rights that proposals and workers need, with those that every probe needs.
pub(super) fn role(
    existing: Option<&str>,
    permissions: &str,
    surveyor: &dyn Surveyor,
    proposals: &[Written<'_>],
    workers: &WorkersSource,
) -> String {
    let mut tables: BTreeMap<&str, TableUse> = BTreeMap::new();
    let of_workers = workers.classes.iter().flat_map(|(_, workers)| &workers.found.uses);
    for used in proposals.iter().flat_map(|(proposal, _)| &proposal.uses).chain(of_workers) {
        let new = || TableUse { columns: BTreeSet::new(), ..used.clone() };
        tables.entry(&used.table).or_insert_with(new).columns.extend(used.columns.iter().cloned());
    }
    let text = existing.map_or_else(|| permissions.trim_end().to_owned() + "\n", str::to_owned);
    let queries = proposals.iter().flat_map(|(_, parts)| &parts.queries);
    let of_workers = workers.classes.iter().flat_map(|(_, workers)| workers.reads.clone());
    let queries: Vec<_> = queries.filter_map(|query| question(query)).chain(of_workers).collect();
    surveyor.role(&text, &tables.into_values().collect::<Vec<_>>(), &queries)
}

/// The indexes with which the queries of proposals would cost less, if there are any.
pub(super) fn indexes(
    existing: Option<&str>,
    surveyor: &dyn Surveyor,
    proposals: &[Written<'_>],
) -> Option<String> {
    let slow: BTreeSet<_> = proposals.iter().flat_map(|(proposal, _)| &proposal.slow_columns).collect();
    let lines = slow.into_iter().map(|(table, column)| surveyor.index(table, column));
    let head = format!(
        "{} With these indexes, queries of the pack cost less. Each takes space, and time with each write: decide.\n",
        surveyor.script_language().comment
    );
    let known = existing.unwrap_or(&head).to_owned();
    let new: String = lines.filter(|line| !known.contains(line.as_str())).collect();
    (!new.is_empty()).then(|| known + &new)
}

/// The unit tests of the alerts, for promtool.
pub(super) fn tests(existing: Option<&str>, rules: &str, proposals: &[Written<'_>]) -> Option<String> {
    let items: String =
        proposals.iter().flat_map(|(_, parts)| &parts.tests).map(|item| indented(item, 2)).collect();
    if items.is_empty() {
        return None;
    }
    let head = format!(
        "# When the alerts fire: `platform_exporter bundle --config.file platform.yml --out out`, then\n\
         # `promtool test rules` with this file.\n\nrule_files: [{rules}]\nevaluation_interval: 1m\n\n"
    );
    Some(insert(existing.unwrap_or(&head), "tests", &items))
}
