//! Which columns of an answer are kept.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The columns of an answer that the caller reads. The others take no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Every one.
    All,
    /// The first one.
    First,
    /// Those with these names.
    Named(Arc<BTreeSet<String>>),
}

impl Columns {
    /// Columns by their names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Named(Arc::new(names.into_iter().map(str::to_owned).collect()))
    }

    /// The columns that any of several callers read.
    pub fn union(columns: &[Self]) -> Self {
        let named = columns.iter().map(|columns| match columns {
            Self::Named(names) => Some(names.iter()),
            Self::All | Self::First => None,
        });
        match named.collect::<Option<Vec<_>>>() {
            Some(names) => Self::named(names.into_iter().flatten().map(String::as_str)),
            None => Self::All,
        }
    }

    /// Whether the column at this position, with this name, is read.
    pub fn contains(&self, position: usize, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::First => position == 0,
            Self::Named(names) => names.contains(name),
        }
    }
}
