//! Limits the memory of one answer, however short it is on the wire: a NULL is one byte on the wire, but a cell in
//! memory.

use super::Cell;
use crate::probe::{Problem, Reason};

/// A larger answer is not read to its end. Applies to the bytes on the wire and to the rows in memory.
pub const LARGEST_ANSWER: usize = 64 << 20;
/// An answer with more columns is rejected if every column is wanted.
pub const MOST_COLUMNS: usize = 2_000;

/// Memory that a row needs in addition to its cells, and a text in addition to its bytes: pointers and allocator
/// overhead.
const ROW: usize = size_of::<Vec<Cell>>() + ALLOCATION;
const ALLOCATION: usize = 16;

/// The memory that one answer may still use.
#[derive(Debug)]
pub struct AnswerBudget {
    left: usize,
}

impl Default for AnswerBudget {
    fn default() -> Self {
        Self { left: LARGEST_ANSWER }
    }
}

impl AnswerBudget {
    /// Accounts for the memory of a row.
    ///
    /// # Errors
    /// When there is not enough left. `advice` is what the author of the query can do about it.
    pub fn row(&mut self, row: &[Cell], advice: &str) -> Result<(), Problem> {
        let texts = row.iter().map(|cell| match cell {
            Cell::Text(text) => text.capacity() + ALLOCATION,
            Cell::Null | Cell::Number(_) => 0,
        });
        let size = ROW + size_of_val(row) + texts.sum::<usize>();
        self.left = self.left.checked_sub(size).ok_or_else(|| too_large(advice))?;
        Ok(())
    }
}

/// The problem of an answer larger than [`LARGEST_ANSWER`].
pub fn too_large(advice: &str) -> Problem {
    Problem::new(Reason::Query, format!("the answer is larger than {} MiB: {advice}", LARGEST_ANSWER >> 20))
}
