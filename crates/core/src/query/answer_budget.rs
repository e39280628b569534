//! What one answer may take in memory, however short it is on the wire: a NULL is a byte there and a cell here.

use super::Cell;
use crate::probe::{Problem, Reason};

/// An answer larger than this is not read to its end: in bytes on the wire, and in bytes of its rows in memory.
pub const LARGEST_ANSWER: usize = 64 << 20;
/// An answer with more columns than this is refused, where every column is wanted.
pub const MOST_COLUMNS: usize = 2_000;
/// The name of a column is shown up to this length, in characters.
pub const LONGEST_NAME: usize = 64;

/// A row takes this beside its cells, and a text beside its bytes: what the allocator adds, and the pointers to them.
const ROW: usize = size_of::<Vec<Cell>>() + ALLOCATION;
const ALLOCATION: usize = 16;

/// What is left of the memory that one answer may take.
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
    /// Takes the memory of a row.
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
