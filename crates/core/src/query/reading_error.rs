//! Why rows cannot become samples.

use super::rows::{known, listed};
use crate::yaml;

/// Why rows cannot become samples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReadingError {
    #[error("there is no column `{column}` in the result{}{}", listed(known), meant(column, known))]
    MissingColumn { column: String, known: Vec<String> },
    #[error("row {row} has NULL in the label column `{column}`: filter out such rows, or use coalesce")]
    NullLabel { column: String, row: usize },
    #[error(
        "row {row} has nothing in the column `{column}`: it is NULL, as an aggregate such as sum over no rows, or the \
         field is missing. Use coalesce, or set `optional: true` to leave the series out"
    )]
    NullValue { column: String, row: usize },
    #[error(
        "row {row} has no number in the column `{column}`, but text: a label goes under `labels`, and money has to be cast to numeric"
    )]
    NotANumber { column: String, row: usize },
    #[error("row {row} has {value} in the column `{column}`: expected a whole number of observations")]
    NotACount { column: String, row: usize, value: String },
    #[error(
        "row {row} has {count} in the column `{column}`, less than the {below} in `{column_below}`: \
         each bucket has to count all observations up to its bound, and `count` all of them"
    )]
    FallingBuckets { row: usize, column: String, count: u64, column_below: String, below: u64 },
    #[error("two rows have the same labels {labels}: group by every label column")]
    Duplicate { labels: String },
    #[error(
        "there are several rows, and no `labels` that tell them apart: expected one row, or `labels: [COLUMN, …]`{}",
        listed(known)
    )]
    NoLabels { known: Vec<String> },
}

fn meant(column: &str, known: &[String]) -> String {
    let hint = yaml::hint(column, known.iter().map(String::as_str));
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

impl ReadingError {
    /// A result without this column.
    pub(super) fn missing(columns: &[String], unread: &[String], name: &str) -> Self {
        Self::MissingColumn { column: name.to_owned(), known: known(columns, unread) }
    }

    /// Two rows with these labels.
    pub(super) fn twice(labels: &[String], columns: &[String], unread: &[String]) -> Self {
        match labels {
            [] => Self::NoLabels { known: known(columns, unread) },
            labels => Self::Duplicate { labels: format!("{labels:?}") },
        }
    }
}
