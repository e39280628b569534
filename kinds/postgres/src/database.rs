//! One database in a probe: its session, and what the built-in queries read in it.

use std::iter;
use std::time::Duration;

use platform_core::built_in::BuiltInQueries;
use platform_core::collectors::Chosen;
use platform_core::deadline::Deadline;
use platform_core::probe::{Observation, Problem, Reason};
use platform_core::query::{AnswersAll, Columns, Question, Rows, TakeAnswer};

use super::batch::OwnQuery;
use super::config::Config;
use super::failure::SqlFailure;
use super::question::SqlQuestion;
use super::session::PgSession;
use super::slot::SessionSlot;

/// Where the session is: a pooler may lead one name to the database of another. The account is NULL if it has the rights
/// that it needs: to one without this role, the server shows other accounts' sessions as NULL instead of an error.
const SESSION: &str = "SELECT current_database() AS database, \
                       CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
                       THEN quote_ident(current_user) END AS account";

const FEATURE_NOT_SUPPORTED: &str = "0A000";

/// Runs built-in queries in one database.
pub(super) struct DatabaseReader {
    line: SessionSlot,
    built_in: BuiltInQueries,
}

/// What a probe finds in one database.
pub(super) struct DatabaseValues {
    pub(super) observation: Observation,
    /// The database's own name.
    pub(super) database: Option<String>,
    /// The account, if it lacks rights.
    pub(super) account: Option<String>,
}

impl DatabaseReader {
    pub(super) fn new(config: &Config, built_in: BuiltInQueries) -> Self {
        Self { line: SessionSlot::new(config), built_in }
    }

    /// Limits the next runs to a part of the queries.
    pub(super) fn choose(&mut self, chosen: Option<&Chosen>) {
        self.built_in.choose(chosen);
    }

    /// Whether there is nothing to read.
    pub(super) fn is_idle(&self) -> bool {
        self.built_in.is_empty()
    }

    /// Runs the queries in one transaction.
    pub(super) async fn read(&mut self, deadline: Deadline) -> Result<DatabaseValues, Problem> {
        loop {
            let mut session = self.line.take(deadline).await?;
            let values = self.read_by(&mut session, deadline).await;
            if session.had_died() {
                continue;
            }
            if values.is_ok() {
                self.line.put_back(session);
            }
            return values;
        }
    }

    async fn read_by(
        &mut self,
        session: &mut PgSession,
        deadline: Deadline,
    ) -> Result<DatabaseValues, Problem> {
        let version = session.version()?;
        let mut asked = Asked { session, deadline, facts: None };
        let mut observation = self.built_in.ask(&mut asked, version, deadline.left()).await?;
        let facts = asked.facts.transpose().unwrap_or_else(|problem| {
            observation.problems.push(problem);
            None
        });
        let fact = |name: &str| {
            let facts = facts.as_ref()?;
            facts.cell(facts.rows.first()?, name)?.text()
        };
        Ok(DatabaseValues { database: fact("database"), account: fact("account"), observation })
    }
}

/// A session during one probe.
struct Asked<'a> {
    session: &'a mut PgSession,
    deadline: Deadline,
    /// The answer to [`SESSION`].
    facts: Option<Result<Rows, Problem>>,
}

#[async_trait::async_trait]
impl AnswersAll for Asked<'_> {
    async fn all_rows(
        &mut self,
        queries: &[(&Question, Columns)],
        _timeout: Duration,
        take: &mut TakeAnswer<'_>,
    ) -> Result<(), Problem> {
        let texts: Vec<_> =
            queries.iter().map(|(question, _)| question.read::<SqlQuestion>()).collect::<Result<_, _>>()?;
        let columns = queries.iter().map(|(_, columns)| columns);
        let built_in = texts.iter().map(|SqlQuestion(sql)| &**sql).zip(columns);
        // First, so that a slow view cannot take the time for it.
        let own: Vec<OwnQuery<'_>> = iter::once((SESSION, &Columns::All)).chain(built_in).collect();
        let (mut answered, facts) = (0, &mut self.facts);
        let mut take = |answer| {
            match facts {
                None => *facts = Some(answer),
                Some(_) => take(answer),
            }
            answered += 1;
            answered
        };
        let mut next = 0;
        while next < own.len() {
            let left = self.deadline.left();
            let failure =
                self.session.select_own(&own[next..], left, &mut |rows| next = take(Ok(rows))).await;
            if let Some(failure) = failure {
                next = take(of_one_view(failure)?);
            }
        }
        Ok(())
    }
}

/// The answer of a query that failed, unless the session is gone.
fn of_one_view(failure: SqlFailure) -> Result<Result<Rows, Problem>, Problem> {
    match failure {
        SqlFailure::Lost(problem) => Err(problem),
        // A service that is PostgreSQL-compatible but incomplete: nothing to fix.
        SqlFailure::Refused { code, .. } if code == FEATURE_NOT_SUPPORTED => Ok(Ok(Rows::default())),
        // One view is slow, but the server is up.
        SqlFailure::Refused { problem, .. } if problem.reason == Reason::Timeout => {
            Ok(Err(Problem { reason: Reason::Slow, ..problem }))
        }
        SqlFailure::Refused { problem, .. } => Ok(Err(problem)),
    }
}
