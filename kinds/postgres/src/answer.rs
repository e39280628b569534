//! One answer as it arrives: the wanted cells of each row, within the limits of an answer.

use std::mem;

use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{AnswerBudget, Cell, Columns, LARGEST_ANSWER, MOST_COLUMNS, Rows, too_large};
use sqlx::postgres::PgRow;
use sqlx::{Column, Row, TypeInfo};

use super::cell::cell;
use super::failure::{SqlFailure, failure};

/// More rows than this are not kept in memory; such a query needs a GROUP BY.
pub(super) const MOST_ROWS: usize = 1_000_000;
/// How many dropped columns are named.
const MOST_UNREAD: usize = 20;
/// The protocol overhead of a row, and of each of its cells.
const ROW_HEADER: usize = 7;
const CELL_HEADER: usize = 4;

/// How the author of a query can avoid an answer that is too large.
pub(super) const ADVICE: &str = "aggregate in the query with count or GROUP BY";

pub(super) struct RowCollector {
    /// The positions of the kept columns.
    kept: Vec<usize>,
    rows: Rows,
    wire: usize,
    budget: AnswerBudget,
}

impl RowCollector {
    /// The answer that begins with this row.
    pub(super) fn new(first: &PgRow, wanted: &Columns) -> Result<Self, SqlFailure> {
        let (mut kept, mut rows) = (Vec::new(), Rows::default());
        for (position, column) in first.columns().iter().enumerate() {
            if wanted.contains(position, column.name()) {
                kept.push(position);
                rows.columns.push(column.name().to_owned());
            } else if rows.unread.len() < MOST_UNREAD {
                rows.unread.push(column.name().to_owned());
            }
        }
        if kept.len() > MOST_COLUMNS {
            return Err(refusal(format!("the answer has more than {MOST_COLUMNS} columns")));
        }
        Ok(Self { kept, rows, wire: 0, budget: AnswerBudget::default() })
    }

    /// Adds a row, and returns its size on the wire. After an error the rest is still being sent: only closing the
    /// session avoids reading it.
    pub(super) fn push(&mut self, row: &PgRow) -> Result<usize, SqlFailure> {
        let bytes = bytes(row).map_err(failure)?;
        self.wire += bytes;
        if self.wire > LARGEST_ANSWER {
            return Err(SqlFailure::Lost(too_large(ADVICE)));
        }
        if self.rows.rows.len() == MOST_ROWS {
            return Err(refusal(format!("more than {MOST_ROWS} rows: aggregate with count or GROUP BY")));
        }
        let cells = self.kept.iter().map(|&position| read(row, position));
        let cells = large::in_place(large::of_text(bytes), || cells.collect::<Result<Vec<_>, _>>());
        let cells = cells.map_err(failure)?;
        self.budget.row(&cells, ADVICE).map_err(SqlFailure::Lost)?;
        self.rows.rows.push(cells);
        Ok(bytes)
    }

    pub(super) fn finish(mut self) -> Rows {
        mem::take(&mut self.rows)
    }
}

/// An answer that is not finished: the deadline has come, or it is too large.
impl Drop for RowCollector {
    fn drop(&mut self) {
        large::discard(self.rows.size(), mem::take(&mut self.rows));
    }
}

fn refusal(detail: String) -> SqlFailure {
    SqlFailure::Lost(Problem::new(Reason::Query, detail))
}

/// The size of a row on the wire.
fn bytes(row: &PgRow) -> Result<usize, sqlx::Error> {
    let cells = (0..row.len()).map(|position| {
        let value = row.try_get_raw(position)?;
        Ok(CELL_HEADER + value.as_bytes().map_or(0, <[u8]>::len))
    });
    cells.sum::<Result<usize, sqlx::Error>>().map(|cells| ROW_HEADER + cells)
}

fn read(row: &PgRow, position: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(position)?;
    if sqlx::ValueRef::is_null(&value) {
        return Ok(Cell::Null);
    }
    let text = value.as_str().map_err(sqlx::Error::Decode)?;
    Ok(cell(row.column(position).type_info().name(), text))
}
