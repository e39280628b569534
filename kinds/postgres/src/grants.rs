//! What an account lacks for a SELECT, as the statements that grant it.

use platform_core::query::{Cell, Rows};

use super::tables_read::{ColumnsRead, TableRead};

/// The columns of [`lacking`]. Names are quoted by the server, which knows its reserved words.
const TABLE: usize = 0;
const SCHEMA_LACKS: usize = 1;
const TABLE_LACKS: usize = 2;
const ATTRIBUTE: usize = 3;
const QUOTED: usize = 4;
const RELATION: usize = 5;
const SCHEMA: usize = 6;
const ROLE: usize = 7;

/// A SELECT from the catalogue, which everybody can read: for each of these tables, what the current account lacks, with a
/// row for each column that it cannot read.
pub(super) fn lacking(tables: &[TableRead]) -> String {
    let tables: Vec<_> = tables.iter().enumerate().map(of_table).collect();
    format!("SELECT * FROM ({}) lacking ORDER BY number, position", tables.join(" UNION ALL "))
}

fn of_table((number, table): (usize, &TableRead)) -> String {
    let (place, prefix) = match &table.schema {
        Some(schema) => {
            (format!("n.nspname = {}", sql_text(schema)), "pg_catalog.quote_ident(n.nspname) || '.' || ")
        }
        None => ("pg_catalog.pg_table_is_visible(c.oid)".to_owned(), ""),
    };
    format!(
        "SELECT {number} AS number, \
         NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS schema_lacks, \
         NOT pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AS table_lacks, \
         a.attname::text AS attribute, pg_catalog.quote_ident(a.attname) AS quoted, \
         {prefix}pg_catalog.quote_ident(c.relname) AS relation, pg_catalog.quote_ident(n.nspname) AS schema, \
         pg_catalog.quote_ident(current_user) AS role, a.attnum AS position \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') \
         WHERE c.relname = {} AND {place} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        sql_text(&table.name)
    )
}

/// The statements that grant what is lacking, and nothing else.
pub(super) fn grants(tables: &[TableRead], lacking: &Rows) -> Option<String> {
    let mut statements: Vec<String> = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let number = Some(number.to_string());
        let is_of_table = |row: &&Vec<Cell>| row[TABLE].text() == number;
        let rows: Vec<_> = lacking.rows.iter().filter(is_of_table).collect();
        let Some(first) = rows.first() else { continue };
        let name = |column: usize| first[column].text().unwrap_or_default();
        if is_true(&first[SCHEMA_LACKS]) {
            statements.push(format!("GRANT USAGE ON SCHEMA {} TO {};", name(SCHEMA), name(ROLE)));
        }
        if let Some(columns) = columns(&table.columns, &rows) {
            statements.push(format!("GRANT SELECT{columns} ON {} TO {};", name(RELATION), name(ROLE)));
        }
    }
    statements.dedup();
    (!statements.is_empty()).then(|| statements.join(" "))
}

/// The columns of a table to grant, as they follow SELECT: nothing for the whole table.
fn columns(read: &ColumnsRead, lacking: &[&Vec<Cell>]) -> Option<String> {
    let lacks_all = lacking.iter().any(|row| is_true(&row[TABLE_LACKS]));
    let mut unreadable = lacking.iter().filter(|row| row[ATTRIBUTE] != Cell::Null);
    let ColumnsRead::Named(read) = read else { return unreadable.next().map(|_| String::new()) };
    let is_read = |row: &&&Vec<Cell>| row[ATTRIBUTE].text().is_some_and(|column| read.contains(&column));
    let columns: Vec<_> = unreadable.filter(is_read).filter_map(|row| row[QUOTED].text()).collect();
    match columns.is_empty() {
        // For count(*), the right to read any column is enough.
        true => lacks_all.then(String::new),
        false => Some(format!(" ({})", columns.join(", "))),
    }
}

fn is_true(cell: &Cell) -> bool {
    cell.number() == Some(1.0)
}

/// A text as it stands in a statement, where strings are standard ones.
pub(super) fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
