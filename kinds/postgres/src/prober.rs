//! The health probe and the query lane.

use std::time::Duration;

use platform_core::built_in::{self, BuiltInQueries};
use platform_core::collectors::Chosen;
use platform_core::deadline::Deadline;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows, WantedAnswer};

use super::config::Config;
use super::database::{DatabaseReader, DatabaseValues};
use super::failure::{grant_of_monitor, with_grant, with_limit};
use super::grants::{grants, lacking};
use super::last_current::LastCurrent;
use super::other_databases::OtherDatabases;
use super::plan::{EXPLAIN, EXPLAIN_ANALYZE, steps};
use super::question::SqlQuestion;
use super::session::Wanted;
use super::slot::SessionSlot;
use super::tables_read::tables_read;

/// Runs the built-in queries.
pub(super) struct PgProber {
    own: DatabaseReader,
    others: OtherDatabases,
    last_current: LastCurrent,
    timeout: Duration,
    user: String,
}

impl PgProber {
    /// `built_in` gives the queries for one database.
    pub(super) fn new(config: &Config, built_in: impl Fn() -> BuiltInQueries, timeout: Duration) -> Self {
        Self {
            own: DatabaseReader::new(config, built_in()),
            others: OtherDatabases::new(config, built_in),
            last_current: LastCurrent::default(),
            timeout,
            user: config.user.clone(),
        }
    }
}

#[async_trait::async_trait]
impl Prober for PgProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let deadline = Deadline::within(self.timeout);
        let DatabaseValues { mut observation, database, account } = self.own.read(deadline).await?;
        self.last_current.apply(&mut observation.families);
        observation.problems.extend(account.is_some().then(hidden_sessions));
        observation.problems.extend(no_stream(&observation.families));
        let others = self.others.read(database, deadline).await;
        let mut observation = built_in::joined([observation].into_iter().chain(others));
        let remedy = || match &account {
            Some(account) => format!("GRANT pg_monitor TO {account};"),
            None => grant_of_monitor(&self.user),
        };
        for problem in &mut observation.problems {
            // All that every probe reads takes one role.
            if problem.reason == Reason::Permission && problem.remedy.is_none() {
                problem.remedy = Some(remedy());
            }
        }
        Ok(observation)
    }

    fn choose(&mut self, chosen: Option<&Chosen>) {
        self.own.choose(chosen);
        self.others.choose(chosen);
    }
}

fn hidden_sessions() -> Problem {
    let detail = "the server hides other accounts' sessions from those without pg_monitor";
    Problem::new(Reason::Permission, detail)
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

    /// The same problem, with all that the account lacks if it lacks permissions: the server names the first only.
    async fn with_grants(&mut self, problem: Problem, sql: &str, deadline: Deadline) -> Problem {
        if problem.reason != Reason::Permission {
            return problem;
        }
        let problem = with_grant(problem, self.0.user());
        let tables = tables_read(sql);
        if tables.is_empty() {
            return problem;
        }
        let lacking = self.0.select_declared(&lacking(&tables), Wanted::Rows(&Columns::All), deadline).await;
        match lacking.ok().and_then(|lacking| grants(&tables, &lacking)) {
            Some(remedy) => problem.fixed_by(Some(remedy)),
            None => problem,
        }
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
        let wanted = match question.wanted() {
            WantedAnswer::Rows => Wanted::Rows(columns),
            WantedAnswer::Plan => Wanted::Plan(EXPLAIN_ANALYZE),
            WantedAnswer::Estimate => Wanted::Plan(EXPLAIN),
        };
        match self.0.select_declared(&sql, wanted, deadline).await {
            Ok(plan) if matches!(wanted, Wanted::Plan(_)) => steps(&plan),
            Ok(rows) => Ok(rows),
            Err(failure) => Err(with_limit(self.with_grants(failure.into(), &sql, deadline).await, timeout)),
        }
    }
}
