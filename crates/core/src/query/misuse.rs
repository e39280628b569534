//! Why a query is refused before it runs.

/// What is wrong with a query: its parts do not fit together, or it does more than read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misuse {
    /// The part of the query that is wrong, unless it is the whole.
    pub part: Option<QueryPart>,
    /// What was expected.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

/// An element of a list in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryPart {
    /// The key of the list.
    pub key: &'static str,
    /// The element, counted from 0.
    pub index: usize,
}

impl From<&str> for Misuse {
    fn from(message: &str) -> Self {
        Self { part: None, message: message.to_owned(), hint: None }
    }
}
