//! Queries in SQL.

use std::time::Duration;

use platform_core::probe::Problem;
use platform_core::query::{Columns, Lane, Language, Misuse, Question, Rows};

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

/// The rows of a SELECT.
pub(super) async fn select(lane: &Lane, sql: String, timeout: Duration) -> Result<Rows, Problem> {
    lane.ask(&Question::new(SqlQuestion::KEY, sql), &Columns::All, timeout).await
}
