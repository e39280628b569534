//! Texts, times and truth values from the cells that stores return.

use platform_core::query::Cell;
use platform_core::time;

/// Longer texts are cut, since they become label values.
const LONGEST_TEXT: usize = 128;

/// A short text.
pub(super) fn text(cell: &Cell) -> Option<String> {
    let text = cell.text()?;
    let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
    Some(text[..end].to_owned())
}

/// A point in time in Unix seconds, as a number or a text.
pub(super) fn time(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Null => None,
        Cell::Number(number) => time::from_number(*number),
        Cell::Text(text) => time::from_text(text),
    }
}

/// Whether a value is true, in the spellings of databases.
pub(super) fn truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Null => None,
        Cell::Number(number) => Some(*number != 0.0),
        Cell::Text(text) => Some(matches!(text.as_str(), "true" | "t" | "1" | "yes")),
    }
}
