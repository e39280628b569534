//! Which tables of a survey are looked at, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::printable::printable;
use platform_core::survey::{SourceSurvey, SurveyedTable};

use super::words::snake;

/// Tables of the same name in so many schemas are those of tenants.
const TENANTS: usize = 3;

/// Leaves out what a query or the name of a metric cannot name. Of tables whose metrics would have the same name, the largest
/// stays, unless there is one in each of several schemas.
pub(super) fn leave_out_unusable(survey: &mut SourceSurvey, notes: &mut Vec<String>) {
    let is_plain =
        |written: &str| !written.contains(|c: char| c.is_control() || matches!(c, '$' | '{' | '\\'));
    let mut schemas: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in &survey.tables {
        schemas.entry(snake(&table.name)).or_default().insert(table.schema.clone());
    }
    let (mut names, mut unnamed, mut copies) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    survey.tables.retain_mut(|table| {
        table.columns.retain(|column| is_plain(&column.written));
        let name = snake(&table.name);
        if name.is_empty() || !is_plain(&table.written) {
            unnamed.insert(printable(&table.written));
            return false;
        }
        let is_of_tenants = schemas[&name].len() >= TENANTS;
        let is_copy = !is_of_tenants && !names.insert(name);
        if is_copy {
            copies.insert(table.written.clone());
        }
        !is_of_tenants && !is_copy
    });
    let tenants: Vec<_> = schemas.iter().filter(|(_, schemas)| schemas.len() >= TENANTS).collect();
    if let Some(most) = tenants.iter().map(|(_, schemas)| schemas.len()).max() {
        let names: Vec<_> = tenants.iter().map(|(name, _)| name.as_str()).collect();
        notes.push(format!(
            "{}: not proposed: they are in {most} schemas, and one of them does not stand for all",
            names.join(", ")
        ));
    }
    let note = |tables: BTreeSet<String>, why: &str| {
        let tables: Vec<_> = tables.into_iter().collect();
        (!tables.is_empty()).then(|| format!("{}: not proposed: {why}", tables.join(", ")))
    };
    notes.extend(note(unnamed, "no name of a metric can be made of the name"));
    notes.extend(note(copies, "the metrics of a larger table would have the same names"));
}

/// Sorts tables by what people look at first: what others refer to and what is about accounts, then by size.
pub(super) fn sort_by_weight(survey: &mut SourceSurvey) {
    survey.tables.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
}

fn weight(table: &SurveyedTable) -> f64 {
    let name = snake(&table.name);
    let has = |words: &[&str]| name.split('_').any(|word| words.contains(&word.trim_end_matches('s')));
    let keys = table.columns.iter().filter(|column| column.is_key).count();
    // What others refer to is more than the line between two of them, such as a contact that has only its workspace.
    let joins_others = keys > 1 && table.columns.len() < keys + 3 && table.references == 0;
    let size = 1.5 * table.rows.max(1.0).log10() + 0.5 * table.references.min(6) as f64;
    let main = if has(MAIN) { 4.0 } else { 0.0 };
    let minor = if has(MINOR) || joins_others { 6.0 } else { 0.0 };
    size + main - minor
}

/// Words in the names of tables that people want to see, in the singular.
const MAIN: &[&str] = &[
    "user",
    "account",
    "customer",
    "organization",
    "organisation",
    "team",
    "workspace",
    "project",
    "subscription",
    "order",
    "payment",
    "invoice",
    "tenant",
    "company",
    "job",
    "message",
    "document",
];

/// Words in the names of tables that only support others.
const MINOR: &[&str] = &[
    "token",
    "verification",
    "reset",
    "preference",
    "setting",
    "metadata",
    "migration",
    "permission",
    "preset",
    "version",
    "audit",
    "history",
    "log",
    "cache",
    "lock",
    "session",
    "config",
];

#[cfg(test)]
mod tests {
    use platform_core::survey::{ColumnType, SurveyedColumn};

    use super::*;

    fn table(schema: &str, name: &str, rows: f64) -> SurveyedTable {
        SurveyedTable {
            schema: schema.to_owned(),
            name: name.to_owned(),
            written: name.to_owned(),
            rows,
            references: 0,
            has_row_security: false,
            columns: Vec::new(),
        }
    }

    #[test]
    fn accounts_come_before_large_tables_that_support_others() {
        let tables = vec![
            table("public", "access_tokens", 1e6),
            table("public", "posts", 1e4),
            table("public", "Users", 100.0),
        ];
        let mut survey = SourceSurvey { tables, ..SourceSurvey::default() };
        sort_by_weight(&mut survey);
        assert_eq!(
            survey.tables.iter().map(|table| &table.name[..]).collect::<Vec<_>>(),
            ["Users", "posts", "access_tokens"]
        );
    }

    #[test]
    fn tables_that_only_join_others_come_last() {
        let of_keys = |name: &str, references| SurveyedTable {
            references,
            columns: ["id", "workspace_id", "label_id"].map(key).to_vec(),
            ..table("public", name, 100.0)
        };
        let tables =
            vec![of_keys("contact_labels", 0), table("public", "labels", 50.0), of_keys("contacts", 1)];
        let mut survey = SourceSurvey { tables, ..SourceSurvey::default() };
        sort_by_weight(&mut survey);
        assert_eq!(
            survey.tables.iter().map(|table| &table.name[..]).collect::<Vec<_>>(),
            ["contacts", "labels", "contact_labels"]
        );
    }

    fn key(name: &str) -> SurveyedColumn {
        SurveyedColumn {
            name: name.to_owned(),
            written: name.to_owned(),
            column_type: ColumnType::Number,
            as_time: None,
            is_indexed: true,
            is_key: true,
            defaults_to_now: false,
            declared: None,
        }
    }

    #[test]
    fn the_tables_of_tenants_and_those_without_a_name_are_left_out() {
        let tenants = (0..3).map(|tenant| table(&format!("tenant_{tenant}"), "orders", 10.0));
        let others =
            [table("public", "users", 5.0), table("public", "Users", 2.0), table("public", "注文", 1.0)];
        let mut survey = SourceSurvey { tables: tenants.chain(others).collect(), ..SourceSurvey::default() };
        let mut notes = Vec::new();
        leave_out_unusable(&mut survey, &mut notes);
        assert_eq!(survey.tables.iter().map(|table| &table.name[..]).collect::<Vec<_>>(), ["users"]);
        assert_eq!(
            notes,
            [
                "orders: not proposed: they are in 3 schemas, and one of them does not stand for all",
                "注文: not proposed: no name of a metric can be made of the name",
                "Users: not proposed: the metrics of a larger table would have the same names",
            ]
        );
    }
}
