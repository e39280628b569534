//! The answer to a query: a table of cells.

use crate::large;

/// Column names are shown up to this length, in characters.
pub const LONGEST_NAME: usize = 64;

/// So many cells are large whatever is in them.
const LOOKED_AT: usize = 10_000;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL, a missing field.
    Null,
    /// A number, a boolean (0 or 1), or a point in time as seconds since 1970.
    Number(f64),
    /// Anything else. Numeric text is accepted where a value is wanted.
    Text(String),
}

impl Cell {
    /// The number in it, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// Its text; whole numbers without a fraction.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
        }
    }

    /// The same, without a copy.
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            other => other.text(),
        }
    }
}

/// A table: each row has one cell for each column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Names of columns that were not kept, for error messages that list what there was. Only the first few, and none
    /// if the names are data, such as keys of documents.
    pub unread: Vec<String>,
    /// How many label sets the source itself has already counted under `other`.
    pub folded: usize,
}

impl Rows {
    /// A table of which every column was kept.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows, unread: Vec::new(), folded: 0 }
    }

    /// About how many values it is, for [`large`]: its cells, a long text being many.
    pub fn size(&self) -> usize {
        let text = |cell: &Cell| if let Cell::Text(text) = cell { text.len() } else { 0 };
        let texts: usize = self.rows.iter().flatten().take(LOOKED_AT).map(text).sum();
        self.rows.len() * self.columns.len() + large::of_text(texts)
    }

    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The cell of a row in a column, if there is such a column.
    pub fn cell<'a>(&self, row: &'a [Cell], column: &str) -> Option<&'a Cell> {
        row.get(self.column(column)?)
    }

    /// The text of a row in a column; empty if it is NULL, or if there is no such column.
    pub fn text(&self, row: &[Cell], column: &str) -> String {
        self.cell(row, column).and_then(Cell::text).unwrap_or_default()
    }

    /// The number of a row in a column; 0 if it is none, or if there is no such column.
    pub fn number(&self, row: &[Cell], column: &str) -> f64 {
        self.cell(row, column).and_then(Cell::number).unwrap_or_default()
    }

    /// The names of its first columns, to append to an error about a missing one: `; it has id, name`.
    pub fn listed(&self) -> String {
        listed(&known(&self.columns, &self.unread))
    }
}

/// An error names this many columns.
const NAMED: usize = 20;

/// The names that an error message lists.
pub(super) fn known(columns: &[String], unread: &[String]) -> Vec<String> {
    columns.iter().chain(unread).take(NAMED).map(|name| shortened(name)).collect()
}

pub(super) fn listed(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it has {}", known.join(", ")) }
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
