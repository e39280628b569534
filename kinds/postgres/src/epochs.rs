//! Points in time that are kept as numbers: seconds or milliseconds since 1970.

use std::ops::RangeInclusive;
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::Lane;
use platform_core::survey::{ColumnType, SourceSurvey, SurveyedColumn, SurveyedTable};

use super::question::select;

/// So many tables are looked at, the largest first.
const MOST_TABLES: usize = 50;

/// So many rows of each.
const ROWS: usize = 1000;

/// The years 2000 to 2100, in seconds.
const SECONDS: RangeInclusive<f64> = 946_684_800.0..=4_102_444_800.0;

/// The ends of names of such columns.
const ENDS: [&str; 9] = ["at", "time", "timestamp", "_ts", "_on", "date", "created", "updated", "expires"];

/// Marks the columns whose name and numbers are those of points in time.
pub(super) async fn find_epochs(
    lane: &Lane,
    survey: &mut SourceSurvey,
    timeout: Duration,
) -> Result<(), Problem> {
    let tables = survey.tables.iter_mut().filter(|table| table.columns.iter().any(may_be));
    for table in tables.take(MOST_TABLES) {
        match find_in(lane, table, timeout).await {
            // The first rows of a table may be far away, after many that are deleted.
            Err(problem) if !matches!(problem.reason, Reason::Timeout | Reason::Slow) => return Err(problem),
            _ => {}
        }
    }
    Ok(())
}

fn may_be(column: &SurveyedColumn) -> bool {
    let name = column.name.to_ascii_lowercase();
    column.column_type == ColumnType::Number && !column.is_key && ENDS.iter().any(|end| name.ends_with(end))
}

async fn find_in(lane: &Lane, table: &mut SurveyedTable, timeout: Duration) -> Result<(), Problem> {
    let written = table.written.clone();
    let columns: Vec<_> = table.columns.iter_mut().filter(|column| may_be(column)).collect();
    let list: Vec<_> = columns.iter().map(|column| column.written.as_str()).collect();
    let bounds = columns.iter().enumerate().map(|(position, column)| {
        format!("min({0}) AS least_{position}, max({0}) AS most_{position}", column.written)
    });
    let sql = format!(
        "SELECT {} FROM (SELECT {} FROM {written} LIMIT {ROWS}) first_rows",
        bounds.collect::<Vec<_>>().join(", "),
        list.join(", ")
    );
    let rows = select(lane, sql, timeout).await?;
    let Some(row) = rows.rows.first() else { return Ok(()) };
    for (position, column) in columns.into_iter().enumerate() {
        let [least, most] = ["least", "most"].map(|bound| rows.number(row, &format!("{bound}_{position}")));
        column.as_time = expression(&column.written, least, most);
    }
    Ok(())
}

/// How a query reads a column with such numbers as a point in time.
fn expression(written: &str, least: f64, most: f64) -> Option<String> {
    let are_in = |unit: f64| SECONDS.contains(&(least / unit)) && SECONDS.contains(&(most / unit));
    if are_in(1.0) {
        Some(format!("to_timestamp({written})"))
    } else if are_in(1000.0) {
        Some(format!("to_timestamp({written} / 1000.0)"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_differ_in_size() {
        let of = |least: f64, most: f64| expression("at", least, most);
        assert_eq!(of(1.6e9, 1.7e9).as_deref(), Some("to_timestamp(at)"));
        assert_eq!(of(1.6e12, 1.7e12).as_deref(), Some("to_timestamp(at / 1000.0)"));
        // Durations, numbers of days, none at all, and a mixture.
        for (least, most) in [(0.0, 3600.0), (19_000.0, 20_000.0), (0.0, 0.0), (1.6e9, 1.7e12)] {
            assert_eq!(of(least, most), None);
        }
    }
}
