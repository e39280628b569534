//! A roll-up that is switched on: what the pack says of it, and what the configuration says.

use crate::source::postgres::{DailyTable, RollUpConfig};

/// The daily roll-up of a configured pack.
#[derive(Clone, Debug)]
pub struct RollUp {
    /// The name that the configuration gives to the pack.
    pub pack: String,
    /// The table, and what goes into it.
    pub table: DailyTable,
    /// Where and when it is written.
    pub config: RollUpConfig,
}
