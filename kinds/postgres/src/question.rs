//! Queries in SQL.

use platform_core::query::{Language, Misuse};

use super::statement;

/// A SELECT.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
pub struct SqlQuestion(pub(super) String);

impl Language for SqlQuestion {
    const KEY: &'static str = "sql";
    const HAS_PLANS: bool = true;

    fn check(&self) -> Result<(), Misuse> {
        Ok(statement::check(&self.0)?)
    }
}
