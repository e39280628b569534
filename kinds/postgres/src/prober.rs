//! The health probe and the query lane.

use std::time::Duration;

use platform_core::built_in::BuiltInQueries;
use platform_core::deadline::Deadline;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, AnswersAll, Cell, Columns, Question, Rows, TakeAnswer};

use super::batch::OwnQuery;
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
        let mut asked = Asked { session: &mut session, deadline, rights: None };
        let mut observation = self.built_in.ask(&mut asked, version, self.timeout).await?;
        self.last_current.apply(&mut observation.families);
        observation.problems.extend(asked.rights.and_then(missing_rights));
        observation.problems.extend(no_stream(&observation.families));
        self.line.put_back(session);
        Ok(observation)
    }
}

/// A session during one probe.
struct Asked<'a> {
    session: &'a mut PgSession,
    deadline: Deadline,
    /// The answer to [`RIGHTS`].
    rights: Option<Result<Rows, Problem>>,
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
        let mut own: Vec<OwnQuery<'_>> = texts.iter().map(|SqlQuestion(sql)| &**sql).zip(columns).collect();
        own.push((RIGHTS, &Columns::First));
        let (mut answered, rights) = (0, &mut self.rights);
        let mut take = |answer| {
            answered += 1;
            if answered > queries.len() {
                *rights = Some(answer)
            } else {
                take(answer)
            }
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

fn missing_rights(answer: Result<Rows, Problem>) -> Option<Problem> {
    let rows = match answer {
        Ok(rows) => rows,
        Err(problem) => return Some(problem),
    };
    let account = rows.rows.first().and_then(|row| row.first()).and_then(Cell::text)?;
    let detail = format!("the server hides other accounts' sessions: GRANT pg_monitor TO {account};");
    Some(Problem::new(Reason::Permission, detail))
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
