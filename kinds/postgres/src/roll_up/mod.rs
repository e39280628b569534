//! The daily roll-up: one row for each day in a table that exists. The exporter writes nothing else to any source
//! that it reads.

mod settings;
mod statement;
mod writer;

pub use settings::{DailyTable, Observed, RollUpConfig};
pub use writer::{Day, Writing};
