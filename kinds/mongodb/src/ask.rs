//! Runs commands and queries: each with a time limit on the server, and all read-only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::mongodb::bson::{Document, doc};
use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows, WantedAnswer};

use super::batch::{Answered, Part};
use super::config::{Config, Namespace};
use super::connection::Connection;
use super::exchange::Exchange;
use super::incoming::CommandAnswer;
use super::plan;
use super::question::MongoQuestion;

/// Used by the prober and the query lane. Clones share one client.
#[derive(Clone)]
pub(super) struct MongoSession(Arc<Connection>);

impl MongoSession {
    pub(super) fn new(config: &Config, timeout: Duration) -> Self {
        Self(Arc::new(Connection::new(config, timeout)))
    }

    /// Runs a built-in command in `admin`.
    pub(super) async fn admin(&self, command: Document, deadline: Deadline) -> Result<Document, Problem> {
        let unanswered = self.0.ask();
        let run = |exchange: Exchange| {
            let command = command.clone();
            async move { exchange.open(command).await }
        };
        let answer = self.exchange(deadline, run).await;
        if !answer.as_ref().is_err_and(|problem| problem.reason == Reason::Timeout) {
            unanswered.answered();
        }
        answer
    }

    /// Runs a query.
    ///
    /// A query over all databases or collections returns what is available, and a problem for each failure.
    pub(super) async fn answer(
        &self,
        question: &MongoQuestion,
        columns: &Columns,
        deadline: Deadline,
    ) -> Result<CommandAnswer, Problem> {
        let asked = Arc::new((question.clone(), columns.clone()));
        let run = |exchange: Exchange| {
            let asked = Arc::clone(&asked);
            async move { exchange.answer(&asked.0, &asked.1).await }
        };
        self.exchange(deadline, run).await
    }

    /// How the server runs a query: a row for each step.
    async fn plan(&self, question: &MongoQuestion, deadline: Deadline) -> Result<Rows, Problem> {
        let question = Arc::new(question.clone());
        let run = |exchange: Exchange| {
            let question = Arc::clone(&question);
            async move { exchange.explain(&question).await }
        };
        Ok(plan::steps(&self.exchange(deadline, run).await?))
    }

    /// The collections that the source lists.
    pub(super) fn collections(&self) -> &[Namespace] {
        &self.0.config().collections
    }

    /// Runs built-in commands in one round trip, and returns their answers in the same order.
    pub(super) async fn batch(
        &self,
        parts: &Arc<[Part]>,
        deadline: Deadline,
    ) -> Result<Vec<Answered>, Problem> {
        let run = |exchange: Exchange| {
            let parts = Arc::clone(parts);
            async move { exchange.batch(&parts).await }
        };
        self.exchange(deadline, run).await
    }

    /// Runs an exchange on the runtime of the client; again with the next client if this one is replaced meanwhile.
    async fn exchange<T, F>(&self, deadline: Deadline, run: impl Fn(Exchange) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        loop {
            let connected = self.0.client().await?;
            let (tasks, connection) = (Arc::clone(&connected.tasks), Arc::clone(&self.0));
            let exchange = Exchange { connection, connected, begin: Instant::now(), deadline };
            let Some(result) = tasks.run(run(exchange)).await else { continue };
            let result = result.map_err(|problem| self.0.config().with_origin(problem));
            if result.as_ref().is_err_and(|problem| problem.reason == Reason::Auth) {
                // The next client logs in again.
                tasks.stop();
            }
            return result;
        }
    }
}

#[async_trait::async_trait]
impl Answers for MongoSession {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let asked: MongoQuestion = question.read()?;
        let deadline = Deadline::within(timeout);
        // Server selection and connecting do not count towards the server's time limit.
        self.admin(doc! {"ping": 1}, deadline).await?;
        match question.wanted() {
            WantedAnswer::Rows => {}
            WantedAnswer::Plan => return self.plan(&asked, deadline).await,
            WantedAnswer::Estimate => {
                return Err(Problem::new(Reason::Query, "MongoDB does not estimate the cost of a query"));
            }
        }
        let mut answer = self.answer(&asked, columns, deadline).await?;
        match answer.problems.pop() {
            // A partial answer would be a wrong number.
            Some(problem) => Err(problem),
            None => Ok(answer.rows),
        }
    }
}
