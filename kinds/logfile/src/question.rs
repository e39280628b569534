//! Queries of a log file: counts of its lines.

use std::collections::BTreeMap;

use platform_core::query::{Language, Misuse};
use platform_core::setting::Duration;

/// A count of the lines of a log file: one row for each combination of the values of `by`, column `count`. Lines beyond
/// 1,000 combinations are counted together, with `other` for each value.
///
/// Fields are names or dotted paths into nested objects.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct LogQuestion {
    /// The fields that a line must have, with one of these values.
    #[serde(default)]
    pub r#where: BTreeMap<String, Vec<String>>,
    /// The fields to group by; columns of the same names. A line without the field counts under `unknown`.
    #[serde(default)]
    pub by: Vec<String>,
    /// The numeric fields to sum up: the columns `sum_NAME` and `avg_NAME`. The average covers the lines that have the
    /// number, and is NULL if there are none.
    #[serde(default)]
    pub sum: Vec<String>,
    /// Counts only the lines of this time window, with a resolution of a sixtieth of it, at least one second. Without
    /// it, all lines since the exporter first saw the file.
    pub window: Option<Duration>,
}

impl Language for LogQuestion {
    const KEY: &'static str = "log";
    const COUNTS_AHEAD: bool = true;

    fn check(&self) -> Result<(), Misuse> {
        Ok(())
    }
}
