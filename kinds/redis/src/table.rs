//! Rows under construction: only the columns that are read, within the memory of an answer.

use std::collections::HashMap;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{AnswerBudget, Cell, Columns, MOST_COLUMNS, Rows};

/// How the author of a query can avoid an answer that is too large.
const ADVICE: &str = "read less of the key, with LRANGE or ZRANGE, or count with LLEN or ZCARD";
/// How many dropped columns are named.
pub(super) const MOST_UNREAD: usize = 20;

/// A table whose columns are known.
pub(super) struct ReplyTable {
    kept: Vec<bool>,
    rows: Rows,
    budget: AnswerBudget,
}

impl ReplyTable {
    pub(super) fn new(names: &[&str], wanted: &Columns) -> Self {
        let kept: Vec<bool> =
            names.iter().enumerate().map(|(position, name)| wanted.contains(position, name)).collect();
        let mut rows = Rows::default();
        for (&name, &kept) in names.iter().zip(&kept) {
            if kept { &mut rows.columns } else { &mut rows.unread }.push(name.to_owned());
        }
        Self { kept, rows, budget: AnswerBudget::default() }
    }

    /// Adds a row. Cells beyond the last column are dropped, and missing ones are NULL.
    pub(super) fn push(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<(), Problem> {
        let mut cells = cells.into_iter();
        let mut row = Vec::with_capacity(self.rows.columns.len());
        for kept in &self.kept {
            let cell = cells.next().unwrap_or(Cell::Null);
            if *kept {
                row.push(cell);
            }
        }
        self.budget.row(&row, ADVICE)?;
        self.rows.rows.push(row);
        Ok(())
    }

    /// The table with all of its rows.
    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}

/// A table of records with varying fields, passed twice: first their names, then the cells.
pub(super) struct Records<'a> {
    wanted: &'a Columns,
    places: HashMap<String, usize>,
    rows: Rows,
    budget: AnswerBudget,
}

impl<'a> Records<'a> {
    pub(super) fn new(wanted: &'a Columns) -> Self {
        Self { wanted, places: HashMap::new(), rows: Rows::default(), budget: AnswerBudget::default() }
    }

    /// Adds a column of that name, unless it exists or is not wanted.
    pub(super) fn column(&mut self, name: &str) -> Result<(), Problem> {
        let Rows { columns, unread, .. } = &mut self.rows;
        if self.places.contains_key(name) {
            return Ok(());
        }
        if !self.wanted.contains(columns.len() + unread.len(), name) {
            if unread.len() < MOST_UNREAD && !unread.iter().any(|known| known == name) {
                unread.push(name.to_owned());
            }
            return Ok(());
        }
        if columns.len() == MOST_COLUMNS {
            let detail = format!("the answer has more than {MOST_COLUMNS} columns");
            return Err(Problem::new(Reason::Query, detail));
        }
        self.places.insert(name.to_owned(), columns.len());
        columns.push(name.to_owned());
        Ok(())
    }

    /// Adds a row. Of duplicate names, the first counts.
    pub(super) fn push<N: AsRef<str>>(
        &mut self,
        fields: impl IntoIterator<Item = (N, Cell)>,
    ) -> Result<(), Problem> {
        let mut row = vec![None; self.rows.columns.len()];
        for (name, cell) in fields {
            if let Some(place) = self.places.get(name.as_ref()).and_then(|&place| row.get_mut(place)) {
                place.get_or_insert(cell);
            }
        }
        let row: Vec<Cell> = row.into_iter().map(|cell| cell.unwrap_or(Cell::Null)).collect();
        self.budget.row(&row, ADVICE)?;
        self.rows.rows.push(row);
        Ok(())
    }

    /// The table with all of its rows.
    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}
