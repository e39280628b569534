//! The session that is kept between exchanges.

use platform_core::deadline::Deadline;
use platform_core::probe::Problem;
use platform_core::query::Rows;

use super::config::Config;
use super::failure::{SqlFailure, with_grant};
use super::session::{PgSession, Wanted};

/// Opens a session, and keeps it between exchanges.
///
/// A caller takes the session and puts it back when the exchange is complete: a dropped future drops it. A session may
/// die while it is kept. It is not asked first, which would cost a round trip: see [`PgSession::had_died`].
pub(super) struct SessionSlot {
    config: Config,
    kept: Option<PgSession>,
}

impl SessionSlot {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), kept: None }
    }

    /// The account that it logs in with.
    pub(super) fn user(&self) -> &str {
        &self.config.user
    }

    /// The session of the last exchange, or a new one.
    pub(super) async fn take(&mut self, deadline: Deadline) -> Result<PgSession, Problem> {
        match self.kept.take() {
            Some(session) => Ok(session),
            None => {
                let opened = PgSession::open(&self.config, deadline).await;
                opened.map_err(|problem| with_grant(problem, self.user()))
            }
        }
    }

    /// Keeps a session for the next exchange, unless it has reached its limit.
    pub(super) fn put_back(&mut self, session: PgSession) {
        self.kept = session.kept();
    }

    /// Runs a declared SELECT.
    pub(super) async fn select_declared(
        &mut self,
        sql: &str,
        wanted: Wanted<'_>,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        loop {
            let mut session = self.take(deadline).await.map_err(SqlFailure::Lost)?;
            let rows = session.select_declared(sql, wanted, deadline).await;
            if session.had_died() {
                continue;
            }
            if !matches!(rows, Err(SqlFailure::Lost(_))) {
                self.put_back(session);
            }
            return rows;
        }
    }
}
