//! The answer to a query: a table of cells.

use crate::probe::{Problem, Reason};

/// An answer larger than this, in bytes as it comes, is not read to its end.
pub const LARGEST_ANSWER: usize = 64 << 20;

/// What is told about an answer larger than [`LARGEST_ANSWER`], with what to do about it.
pub fn too_large(advice: &str) -> Problem {
    Problem::new(Reason::Query, format!("the answer is larger than {} MiB: {advice}", LARGEST_ANSWER >> 20))
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL, a missing field.
    Null,
    /// A number, a truth value (0 or 1), or a point in time as seconds since 1970.
    Number(f64),
    /// Anything else. A text that is a number counts as one where a value is wanted.
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

    /// The text in it; whole numbers without a fraction.
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
}

impl Rows {
    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}
