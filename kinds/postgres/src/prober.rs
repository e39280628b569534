//! The health probe and the query lane.

use std::time::Duration;

use platform_core::built_in::BuiltInQueries;
use platform_core::deadline::Deadline;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Cell, Columns, Question, Rows};

use super::config::Config;
use super::failure::SqlFailure;
use super::last_current::LastCurrent;
use super::question::SqlQuestion;
use super::session::{PgSession, SessionSlot};

/// To an account without this role, the server shows other accounts' sessions as NULL instead of an error.
const RIGHTS: &str = "SELECT quote_ident(current_user) AS account \
                      WHERE NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";

const FEATURE_NOT_SUPPORTED: &str = "0A000";

/// Runs the built-in queries.
pub(super) struct PgProber {
    line: SessionSlot,
    built_in: BuiltInQueries,
    last_current: LastCurrent,
    timeout: Duration,
}

impl PgProber {
    pub(super) fn new(config: &Config, built_in: BuiltInQueries, timeout: Duration) -> Self {
        Self { line: SessionSlot::new(config), built_in, last_current: LastCurrent::default(), timeout }
    }
}

#[async_trait::async_trait]
impl Prober for PgProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let deadline = Deadline::within(self.timeout);
        let mut session = self.line.take(deadline).await?;
        let version = session.version()?;
        let mut asked = Asked { session: &mut session, deadline };
        let mut observation = self.built_in.ask(&mut asked, version, self.timeout).await?;
        self.last_current.apply(&mut observation.families);
        observation.problems.extend(missing_rights(&mut asked).await?);
        observation.problems.extend(no_stream(&observation.families));
        self.line.put_back(session);
        Ok(observation)
    }
}

/// A session during one probe.
struct Asked<'a> {
    session: &'a mut PgSession,
    deadline: Deadline,
}

impl Asked<'_> {
    async fn select(&mut self, sql: &str, wanted: &Columns) -> Result<Rows, SqlFailure> {
        // A slow view leaves time for the next ones.
        let limit = self.deadline.of_part().left();
        match self.session.select_own(sql, wanted, limit).await {
            // A service that is PostgreSQL-compatible but incomplete: nothing to fix.
            Err(SqlFailure::Refused { code, .. }) if code == FEATURE_NOT_SUPPORTED => Ok(Rows::default()),
            // One view is slow, but the server is up.
            Err(SqlFailure::Refused { code, problem }) if problem.reason == Reason::Timeout => {
                let problem = Problem { reason: Reason::Slow, ..problem };
                Err(SqlFailure::Refused { code, problem })
            }
            answer => answer,
        }
    }
}

#[async_trait::async_trait]
impl Answers for Asked<'_> {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        _timeout: Duration,
    ) -> Result<Rows, Problem> {
        self.select(&question.read::<SqlQuestion>()?.0, columns).await.map_err(Problem::from)
    }
}

async fn missing_rights(asked: &mut Asked<'_>) -> Result<Option<Problem>, Problem> {
    let rows = match asked.select(RIGHTS, &Columns::First).await {
        Err(SqlFailure::Lost(problem)) => return Err(problem),
        Err(SqlFailure::Refused { problem, .. }) => return Ok(Some(problem)),
        Ok(rows) => rows,
    };
    let account = rows.rows.first().and_then(|row| row.first()).and_then(Cell::text);
    Ok(account.map(|account| {
        let detail = format!("the server hides other accounts' sessions: GRANT pg_monitor TO {account};");
        Problem::new(Reason::Permission, detail)
    }))
}

fn no_stream(families: &[Family]) -> Option<Problem> {
    let receiver = families.iter().find(|family| family.desc.name == "pg_stat_wal_receiver_active")?;
    let cut = receiver.samples.iter().any(|sample| sample.value == 0.0);
    let detail = "this replica receives no WAL from its primary: no WAL receiver is connected";
    cut.then(|| Problem::new(Reason::Alarm, detail))
}

/// Runs declared queries.
pub(super) struct PgAnswers(SessionSlot);

impl PgAnswers {
    pub(super) fn new(config: &Config) -> Self {
        Self(SessionSlot::new(config))
    }
}

#[async_trait::async_trait]
impl Answers for PgAnswers {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let SqlQuestion(sql) = question.read()?;
        let deadline = Deadline::within(timeout);
        self.0.select_declared(&sql, columns, deadline).await.map_err(Problem::from)
    }
}
