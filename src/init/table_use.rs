//! What queries read of the tables that a recipe has found, for the rights of a role.

use platform_core::survey::{SurveyedTable, TableUse};

use super::matching::{Applied, FoundColumn};
use super::substitution::{alive, refers_to};

/// The tables that queries read, as the recipe writes them.
pub(super) fn table_uses(applied: &Applied<'_>, queries: &[&String]) -> Vec<TableUse> {
    let read = applied.tables.iter().filter(|(key, _)| queries.iter().any(|query| refers_to(query, key)));
    let of_table = |(key, table): (&&str, &&SurveyedTable)| {
        let read = columns_read(applied, table, queries);
        let is_alive = format!("{key}.alive");
        let mark = alive(table).filter(|_| queries.iter().any(|query| refers_to(query, &is_alive)));
        let mark = mark.map(|(column, _)| column.written.clone());
        let all = read.iter().flat_map(|found| found.all());
        let written = all.map(|column| column.written.clone()).chain(mark.clone());
        let columns = match read.is_empty() && mark.is_none() {
            // Some column has to be readable for count(*).
            true => table.columns.first().map(|column| column.written.clone()).into_iter().collect(),
            false => written.collect(),
        };
        TableUse { columns, ..whole(table) }
    };
    read.map(of_table).collect()
}

/// The columns of a table that queries read.
pub(super) fn columns_read<'a>(
    applied: &'a Applied<'_>,
    table: &SurveyedTable,
    queries: &[&String],
) -> Vec<&'a FoundColumn<'a>> {
    let of_table = applied.columns.iter().filter(|(_, found)| found.table == table);
    let read = of_table.filter(|(name, _)| queries.iter().any(|query| refers_to(query, name)));
    read.map(|(_, found)| found).collect()
}

/// All of a table.
pub(super) fn whole(table: &SurveyedTable) -> TableUse {
    TableUse {
        schema: table.schema.clone(),
        table: table.written.clone(),
        columns: table.columns.iter().map(|column| column.written.clone()).collect(),
        has_row_security: table.has_row_security,
    }
}
