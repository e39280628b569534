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
    /// Those that hold numbers.
    Numbers(Arc<NumericColumns>),
}

/// The columns of an answer of which every number is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumericColumns {
    /// Columns that are read whatever they hold: those of labels.
    pub texts: BTreeSet<String>,
    /// Columns that are not read.
    pub except: BTreeSet<String>,
}

impl Columns {
    /// Columns by their names.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Named(Arc::new(names.into_iter().map(str::to_owned).collect()))
    }

    /// Every number but those of some columns, and the columns of labels.
    pub fn numbers<'a>(texts: impl IntoIterator<Item = &'a str>, except: &[String]) -> Self {
        let texts = texts.into_iter().map(str::to_owned).collect();
        Self::Numbers(Arc::new(NumericColumns { texts, except: except.iter().cloned().collect() }))
    }

    /// Whether the column at this position, with this name, is read.
    pub fn contains(&self, position: usize, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::First => position == 0,
            Self::Named(names) => names.contains(name),
            Self::Numbers(numbers) => numbers.texts.contains(name) || !numbers.except.contains(name),
        }
    }
}
