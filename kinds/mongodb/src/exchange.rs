//! One exchange with a server: commands within one deadline, each with its time limit on the server, and all read-only.

use std::sync::Arc;
use std::time::Instant;

use ::mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use ::mongodb::error::Result as DriverResult;
use platform_core::deadline::Deadline;
use platform_core::large::Pace;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, LARGEST_ANSWER, too_large};

use super::command::{self, raw};
use super::config::{Config, Namespace};
use super::connection::{Connected, Connection};
use super::databases;
use super::failure;
use super::incoming::{CommandAnswer, Incoming};
use super::question::MongoQuestion;
use super::role::LackingRole;
use super::table::{ADVICE, DocumentTable};

/// Stands for every database, or every collection that a source lists.
pub(super) const EVERY: &str = "*";

const NO_DATABASE: &str = "expected `database` with `collection`: the source's url names none";

/// A connected client, and the start and the deadline of what is asked.
pub(super) struct Exchange {
    pub(super) connection: Arc<Connection>,
    pub(super) connected: Connected,
    pub(super) begin: Instant,
    pub(super) deadline: Deadline,
}

impl Exchange {
    pub(super) async fn answer(
        self,
        question: &MongoQuestion,
        columns: &Columns,
    ) -> Result<CommandAnswer, Problem> {
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

    /// What the server says about how it runs a query, which it does once more. Nothing, for commands and for queries of
    /// several collections.
    pub(super) async fn explain(self, question: &MongoQuestion) -> Result<Document, Problem> {
        let database = question.database.as_deref().or(self.config().database.as_deref());
        let names = database.zip(question.collection.as_deref());
        let Some((database, collection)) = names.filter(|(one, other)| *one != EVERY && *other != EVERY)
        else {
            return Ok(Document::new());
        };
        let mut command = command::of_collection(collection, question)?;
        command.insert("cursor", doc! {});
        self.command(database, doc! {"explain": command, "verbosity": "executionStats"}).await
    }

    pub(super) fn in_parts(self) -> Self {
        Self { deadline: self.deadline.of_part(), ..self }
    }

    fn limit(&self) -> Result<i64, Problem> {
        match i64::try_from(self.deadline.server_limit().as_millis()) {
            // Zero would mean no limit.
            Ok(0) => Err(Problem::new(Reason::Timeout, "no time is left")),
            limit => Ok(limit.unwrap_or(i64::MAX)),
        }
    }

    pub(super) fn problem(&self, error: &::mongodb::error::Error) -> Problem {
        failure::problem(error, self.config(), &self.connected.members, self.begin)
    }

    async fn command(&self, database: &str, command: Document) -> Result<Document, Problem> {
        self.run(database, command).await?.map_err(|error| self.problem(&error))
    }

    /// The first, read-only command of an exchange, in `admin`. The server may have closed the connection since the
    /// last exchange, so it is retried once on another one.
    pub(super) async fn open(&self, command: Document) -> Result<Document, Problem> {
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
    pub(super) async fn send<T, F>(&self, send: impl Fn(i64) -> F) -> Result<DriverResult<T>, Problem>
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
            Some(collection) => command::of_collection(collection, question)?,
            None => command::of(question)?,
        };
        let each = question.each.as_deref();
        let role = LackingRole::of(database, &command);
        let advise = |problem| failure::advise(problem, self.config(), role.as_ref());
        let take = |document: &RawDocument| table.take(leading, document, each);
        if command.contains_key("aggregate") {
            return self.aggregate(database, command, take).await.map_err(advise);
        }
        let reply = self.command(database, command).await.map_err(advise)?;
        table.take(leading, &raw(&reply)?, each)
    }

    /// The documents of the answer to a command in one database.
    pub(super) async fn documents(
        &self,
        database: &str,
        command: Document,
    ) -> Result<Vec<RawDocumentBuf>, Problem> {
        if !command.contains_key("aggregate") {
            return Ok(vec![raw(&self.command(database, command).await?)?]);
        }
        let mut documents = Vec::new();
        let take = |document: &RawDocument| {
            documents.push(document.to_owned());
            Ok(())
        };
        self.aggregate(database, command, take).await?;
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

    async fn databases(&self) -> Result<Vec<String>, Problem> {
        let reply = self.command("admin", doc! {"listDatabases": 1}).await;
        let reply =
            reply.map_err(|problem| failure::advise(problem, self.config(), Some(&LackingRole::Monitor)))?;
        Ok(databases::largest(&reply))
    }
}
