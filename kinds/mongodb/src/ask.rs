//! Runs commands and queries: each with a time limit on the server, and all read-only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use ::mongodb::error::Result as DriverResult;
use platform_core::deadline::Deadline;
use platform_core::large::Pace;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Columns, LARGEST_ANSWER, Question, Rows, too_large};

use super::command::{self, command, decode, raw};
use super::config::{Config, Namespace};
use super::connection::{Connected, Connection};
use super::enrich::enrich;
use super::failure;
use super::incoming::{CommandAnswer, Incoming};
use super::question::MongoQuestion;
use super::table::{ADVICE, DocumentTable};

/// Multi-tenant servers have too many databases for series: only the largest are read.
const MOST_DATABASES: usize = 100;

const EVERY: &str = "*";

/// Used by the prober and the query lane. Clones share one client.
#[derive(Clone)]
pub(super) struct MongoSession(Arc<Connection>);

/// One exchange with a server: a connected client, its start and its deadline.
struct Exchange {
    connection: Arc<Connection>,
    connected: Connected,
    begin: Instant,
    deadline: Deadline,
}

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

    /// The documents of the answer to a built-in command. Those of an aggregate are not decoded: there may be millions.
    pub(super) async fn documents(
        &self,
        question: &MongoQuestion,
        deadline: Deadline,
    ) -> Result<Vec<RawDocumentBuf>, Problem> {
        let run = |exchange: Exchange| {
            let question = question.clone();
            async move { exchange.documents(&question).await }
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
            if result.as_ref().is_err_and(|problem| problem.reason == Reason::Auth) {
                // The next client logs in again.
                tasks.stop();
            }
            return result;
        }
    }
}

const NO_DATABASE: &str = "expected `database` with `collection`: the source's url names none";

#[async_trait::async_trait]
impl Answers for MongoSession {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let question: MongoQuestion = question.read()?;
        let deadline = Deadline::within(timeout);
        // Server selection and connecting do not count towards the server's time limit.
        self.admin(doc! {"ping": 1}, deadline).await?;
        let mut answer = self.answer(&question, columns, deadline).await?;
        match answer.problems.pop() {
            // A partial answer would be a wrong number.
            Some(problem) => Err(problem),
            None => Ok(answer.rows),
        }
    }
}

impl Exchange {
    async fn answer(self, question: &MongoQuestion, columns: &Columns) -> Result<CommandAnswer, Problem> {
        let mut answer = Incoming { table: DocumentTable::new(columns), problems: Vec::new() };
        match (question.database.as_deref(), question.collection.as_deref()) {
            (_, Some(EVERY)) => self.in_parts().every_collection(question, &mut answer).await?,
            (Some(EVERY), _) => self.in_parts().every_database(question, &mut answer).await?,
            (database, collection) => {
                let database = match (database.or(self.config().database.as_deref()), collection) {
                    (Some(database), _) if question.database.is_some() || collection.is_some() => database,
                    (None, Some(_)) => return Err(Problem::new(Reason::Query, NO_DATABASE)),
                    _ => "admin",
                };
                self.ask(question, database, collection, &[], &mut answer.table).await?;
                if let Some(collection) = collection.filter(|_| answer.table.is_empty()) {
                    self.expect(database, collection).await?;
                }
            }
        }
        Ok(CommandAnswer { rows: answer.table.into_rows()?, problems: answer.problems })
    }

    fn config(&self) -> &Config {
        self.connection.config()
    }

    fn in_parts(self) -> Self {
        Self { deadline: self.deadline.of_part(), ..self }
    }

    fn limit(&self) -> Result<i64, Problem> {
        match i64::try_from(self.deadline.server_limit().as_millis()) {
            // Zero would mean no limit.
            Ok(0) => Err(Problem::new(Reason::Timeout, "no time is left")),
            limit => Ok(limit.unwrap_or(i64::MAX)),
        }
    }

    fn problem(&self, error: &::mongodb::error::Error) -> Problem {
        failure::problem(error, self.config(), &self.connected.members, self.begin)
    }

    async fn command(&self, database: &str, command: Document) -> Result<Document, Problem> {
        self.run(database, command).await?.map_err(|error| self.problem(&error))
    }

    /// The first, read-only command of an exchange, in `admin`. The server may have closed the connection since the
    /// last exchange, so it is retried once on another one.
    async fn open(&self, command: Document) -> Result<Document, Problem> {
        let result = match self.run("admin", command.clone()).await? {
            Err(error) if failure::is_broken(&error) => self.run("admin", command).await?,
            result => result,
        };
        result.map_err(|error| self.problem(&error))
    }

    async fn run(&self, database: &str, command: Document) -> Result<DriverResult<Document>, Problem> {
        let database = self.connected.client.database(database);
        let send = |limit| {
            let command = command::limited(&command, limit);
            database.run_command(command).selection_criteria(self.connected.readable()).into_future()
        };
        self.send(send).await
    }

    /// Sends a command with its time limit. While the driver replaces its connections, because one of them broke, it
    /// sends nothing: the command is then sent after that.
    async fn send<T, F>(&self, send: impl Fn(i64) -> F) -> Result<DriverResult<T>, Problem>
    where
        F: Future<Output = DriverResult<T>>,
    {
        let mut limit = self.limit()?;
        loop {
            let result = send(limit).await;
            match (&result, self.limit()) {
                (Err(error), Ok(left)) if failure::is_unsent(error) => limit = left,
                _ => return Ok(result),
            }
        }
    }

    /// Runs a query on one database.
    async fn ask(
        &self,
        question: &MongoQuestion,
        database: &str,
        collection: Option<&str>,
        leading: &[(&str, &str)],
        table: &mut DocumentTable,
    ) -> Result<(), Problem> {
        let command = match collection {
            Some(collection) => doc! {
                "aggregate": collection,
                "pipeline": decode::<Vec<Document>>(question.pipeline.as_slice())?,
            },
            None => command(question)?,
        };
        let each = question.each.as_deref();
        let take = |document: &RawDocument| table.take(leading, document, each);
        if command.contains_key("aggregate") {
            return self
                .aggregate(database, command, take)
                .await
                .map_err(|problem| failure::advise(problem, database, collection.is_some()));
        }
        let reply = self.command(database, command).await;
        let reply = reply.map_err(|problem| failure::advise(problem, database, false))?;
        table.take(leading, &raw(&reply)?, each)
    }

    /// The documents of the answer to a command in one database.
    async fn documents(&self, question: &MongoQuestion) -> Result<Vec<RawDocumentBuf>, Problem> {
        let name = question.command_name().unwrap_or_default();
        let (command, database) = (command(question)?, question.database.as_deref().unwrap_or("admin"));
        let mut documents = Vec::new();
        let answered = if command.contains_key("aggregate") {
            let take = |document: &RawDocument| {
                documents.push(document.to_owned());
                Ok(())
            };
            self.aggregate(database, command, take).await
        } else {
            let reply = self.command(database, command).await;
            let enriched = reply.and_then(|mut reply| {
                enrich(name, &mut reply);
                raw(&reply)
            });
            enriched.map(|reply| documents.push(reply))
        };
        answered.map_err(|problem| failure::advise(problem, database, false))?;
        Ok(documents)
    }

    async fn aggregate(
        &self,
        database: &str,
        mut command: Document,
        mut take: impl FnMut(&RawDocument) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        command.insert("cursor", doc! {});
        let database = self.connected.client.database(database);
        let send = |limit| {
            let command = command::limited(&command, limit);
            database.run_cursor_command(command).selection_criteria(self.connected.readable()).into_future()
        };
        let mut cursor = self.send(send).await?.map_err(|error| self.problem(&error))?;
        let (mut size, mut pace) = (0, Pace::default());
        while cursor.advance().await.map_err(|error| self.problem(&error))? {
            let bytes = cursor.current().as_bytes().len();
            size += bytes;
            if size > LARGEST_ANSWER {
                return Err(too_large(ADVICE));
            }
            take(cursor.current())?;
            // A whole batch is available at once, and the probe of this source shares the thread.
            pace.read(bytes).await;
        }
        Ok(())
    }

    /// Fails if the collection does not exist: the server treats it as empty.
    async fn expect(&self, database: &str, collection: &str) -> Result<(), Problem> {
        // With these two, it lists what the user may read, and needs no further privilege.
        let list = doc! {
            "listCollections": 1,
            "filter": {"name": collection},
            "nameOnly": true,
            "authorizedCollections": true,
        };
        let reply = self.command(database, list).await?;
        let names = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        match names {
            Ok(names) if names.is_empty() => {
                let detail = format!("collection `{collection}` does not exist in `{database}`");
                Err(Problem::new(Reason::NotFound, detail))
            }
            _ => Ok(()),
        }
    }

    async fn every_collection(&self, question: &MongoQuestion, answer: &mut Incoming) -> Result<(), Problem> {
        for Namespace { database, collection } in &self.config().collections {
            let leading = [("database", database.as_str()), ("collection", collection.as_str())];
            let asked = self.ask(question, database, Some(collection), &leading, &mut answer.table).await;
            answer.note(&format!("{database}.{collection}"), asked)?;
        }
        Ok(())
    }

    async fn every_database(&self, question: &MongoQuestion, answer: &mut Incoming) -> Result<(), Problem> {
        for database in self.databases().await? {
            let leading = [("database", database.as_str())];
            let collection = question.collection.as_deref();
            let asked = self.ask(question, &database, collection, &leading, &mut answer.table).await;
            answer.note(&database, asked)?;
        }
        Ok(())
    }

    /// The names of the databases, the largest first.
    async fn databases(&self) -> Result<Vec<String>, Problem> {
        let reply = self.command("admin", doc! {"listDatabases": 1}).await;
        let reply = reply.map_err(|problem| failure::advise(problem, "admin", false))?;
        let mut databases: Vec<_> = reply
            .get_array("databases")
            .into_iter()
            .flatten()
            .filter_map(|database| {
                let database = database.as_document()?;
                let size = database.get("sizeOnDisk").and_then(|size| size.as_i64()).unwrap_or_default();
                Some((size, database.get_str("name").ok()?.to_owned()))
            })
            .collect();
        databases.sort_by(|(a, a_name), (b, b_name)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
        databases.truncate(MOST_DATABASES);
        Ok(databases.into_iter().map(|(_, name)| name).collect())
    }
}
