//! The statements of a roll-up. What changes from day to day is a bound parameter, never part of the text.

use super::DailyTable;

/// The days that have a row, among those from one day to another.
pub(super) fn days(table: &DailyTable, from: jiff::civil::Date, to: jiff::civil::Date) -> String {
    let DailyTable { table, day, .. } = table;
    // Text in this form, whatever DateStyle the role has.
    format!("SELECT to_char({day}, 'YYYY-MM-DD') AS day FROM {table} WHERE {day} BETWEEN '{from}' AND '{to}'")
}

/// Inserts or updates the row of a day: `$1` and `$2` are its bounds, `$3` is the day, and the observed values follow.
///
/// An unchanged row is not touched. An observed value never decreases, and unknown is less than any.
pub(super) fn upsert(table: &DailyTable) -> String {
    let DailyTable { table, day, columns, sql, observed } = table;
    let names: Vec<_> = columns.iter().chain(observed.keys()).map(ToString::to_string).collect();
    let computed = columns.iter().map(|column| format!("computed.{column}"));
    let bound = (4..4 + observed.len()).map(|number| format!("${number}"));
    let values: Vec<_> = computed.chain(bound).collect();
    let new: Vec<_> = columns
        .iter()
        .map(|column| format!("excluded.{column}"))
        .chain(observed.keys().map(|column| format!("GREATEST(stored.{column}, excluded.{column})")))
        .collect();
    let stored: Vec<_> = names.iter().map(|column| format!("stored.{column}")).collect();
    let set: Vec<_> = names.iter().zip(&new).map(|(column, new)| format!("{column} = {new}")).collect();
    let [names, values, set, stored, new] = [names, values, set, stored, new].map(|list| list.join(", "));
    // The line break ends a comment at the end of the SELECT. A SELECT without a row becomes a row of NULL.
    format!(
        "INSERT INTO {table} AS stored ({day}, {names})\n\
         SELECT $3, {values} FROM (VALUES (1)) AS one LEFT JOIN (\n{sql}\n) AS computed ON true\n\
         ON CONFLICT ({day}) DO UPDATE SET {set}\n\
         WHERE ({stored}) IS DISTINCT FROM ({new})"
    )
}
