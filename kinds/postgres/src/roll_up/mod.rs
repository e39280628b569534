//! The daily roll-up: one row for each day in a table that exists. The exporter writes nothing else to any source
//! that it reads.

mod config;
mod statement;
mod writer;

pub use config::{DailyTable, Observed, RollUpConfig};
pub use writer::{Day, Writing};
