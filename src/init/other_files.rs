//! The files next to a pack: the role that its queries need, indexes that would help, and the unit tests of its alerts.

use std::collections::{BTreeMap, BTreeSet};

use super::pack_file::{Written, indented, insert};

/// The rights that proposals need, below those that every probe needs.
pub(super) fn role(existing: Option<&str>, permissions: &str, proposals: &[Written<'_>]) -> String {
    let mut schemas = BTreeSet::new();
    let mut tables: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (table, reads) in proposals.iter().flat_map(|(proposal, _)| &proposal.reads) {
        schemas.insert(reads.schema.as_str());
        tables.entry(table).or_default().extend(reads.columns.iter().map(String::as_str));
    }
    let mut text = existing.map_or_else(|| permissions.trim_end().to_owned() + "\n", str::to_owned);
    text.push_str("\n-- What the queries of the pack read, and nothing else.\n");
    let schemas = schemas.into_iter().filter(|schema| *schema != "public");
    text.extend(
        schemas.map(|schema| format!("GRANT USAGE ON SCHEMA {} TO platform_exporter;\n", quoted(schema))),
    );
    text.extend(tables.into_iter().map(|(table, columns)| {
        let columns = columns.into_iter().collect::<Vec<_>>().join(", ");
        format!("GRANT SELECT ({columns}) ON {table} TO platform_exporter;\n")
    }));
    text
}

/// A name as it is written in SQL.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The indexes with which the queries of proposals would cost less, if there are any.
pub(super) fn indexes(existing: Option<&str>, proposals: &[Written<'_>]) -> Option<String> {
    let slow: BTreeSet<_> = proposals.iter().flat_map(|(proposal, _)| &proposal.slow_columns).collect();
    let lines = slow.into_iter().map(|(table, column)| {
        format!(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS {} ON {table} ({column});\n",
            index_name(table, column)
        )
    });
    let head = "-- With these indexes, queries of the pack cost less. Each takes space, and time with each write: decide.\n";
    let known = existing.unwrap_or(head).to_owned();
    let new: String = lines.filter(|line| !known.contains(line.as_str())).collect();
    (!new.is_empty()).then(|| known + &new)
}

/// The longest name of PostgreSQL.
const LONGEST_NAME: usize = 63;

fn index_name(table: &str, column: &str) -> String {
    let name = super::words::snake(&format!("{table}_{column}"));
    quoted(&name[..name.len().min(LONGEST_NAME - 4)]) + "_idx"
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
