//! The answers of one probe: a command is sent once, however many queries read its answer. Those of the server take one
//! round trip, and each question to all databases or collections another one.

use std::mem;

use ::mongodb::bson::RawDocumentBuf;
use platform_core::deadline::Deadline;
use platform_core::large;
use platform_core::probe::Problem;
use platform_core::query::{Columns, LARGEST_ANSWER, too_large};
use platform_core::setting;

use super::ask::MongoSession;
use super::batch::{Answered, Part};
use super::enrich::enriched;
use super::exchange::EVERY;
use super::incoming::{CommandAnswer, Incoming};
use super::question::MongoQuestion;
use super::table::{ADVICE, DocumentTable};
use super::{command, databases};

/// The variable of a built-in query that stands for the configured `slow_operation`.
const SLOW_OPERATION: &str = "slow_operation_seconds";

/// Whose answers a probe reads, and what it has read.
pub(super) struct Replies<'a> {
    session: &'a MongoSession,
    deadline: Deadline,
    slow_operation: setting::Duration,
    known: Vec<Known>,
    /// The size of all documents.
    bytes: usize,
}

/// A question without `each`, and its answer.
struct Known {
    question: MongoQuestion,
    parts: Vec<KnownPart>,
}

/// The answer of one database or collection, or of the server.
struct KnownPart {
    /// The columns that say whose it is; none if it is that of the server.
    leading: Leading,
    /// No documents once a problem has been reported.
    answered: Answered,
}

type Leading = Vec<(&'static str, String)>;

impl<'a> Replies<'a> {
    pub(super) fn new(
        session: &'a MongoSession,
        deadline: Deadline,
        slow_operation: setting::Duration,
    ) -> Self {
        Self { session, deadline, slow_operation, known: Vec::new(), bytes: 0 }
    }

    /// Asks what is not known yet: first the server, then all databases and collections.
    pub(super) async fn ask(&mut self, questions: Vec<MongoQuestion>) -> Result<(), Problem> {
        let (mut of_server, mut of_parts) = (Vec::new(), Vec::new());
        for question in questions {
            let question = MongoQuestion { each: None, ..question };
            let questions = if is_of_parts(&question) { &mut of_parts } else { &mut of_server };
            let is_known = self.known.iter().any(|known| known.question == question);
            if !is_known && !questions.contains(&question) {
                questions.push(question);
            }
        }
        let lists = of_parts.iter().any(is_of_databases);
        of_server.extend(lists.then(list_of_databases));
        self.batch(of_server, &[], self.deadline).await?;
        let databases = if lists { self.databases() } else { Ok(Vec::new()) };
        let databases = databases.unwrap_or_else(|problem| {
            for question in of_parts.extract_if(.., |question| is_of_databases(question)) {
                let part = KnownPart { leading: Vec::new(), answered: Err(problem.clone()) };
                self.known.push(Known { question, parts: vec![part] });
            }
            Vec::new()
        });
        // One that takes too long costs only itself.
        for question in of_parts {
            self.batch(vec![question], &databases, self.deadline.of_part()).await?;
        }
        Ok(())
    }

    /// The rows of an answer. A question that was refused has none for whoever reads its answer again.
    pub(super) fn rows(
        &mut self,
        mut question: MongoQuestion,
        columns: &Columns,
    ) -> Result<CommandAnswer, Problem> {
        let each = question.each.take();
        let known = self.known.iter_mut().find(|known| known.question == question);
        let parts = known.map_or(&mut [][..], |known| &mut known.parts);
        let size = parts.iter().map(|part| part.answered.as_deref().map_or(0, size)).sum();
        large::in_place(large::of_text(size), || {
            let mut answer = Incoming { table: DocumentTable::new(columns), problems: Vec::new() };
            for part in parts {
                let taken = part.take(&mut answer.table, each.as_deref());
                if part.leading.is_empty() {
                    taken?;
                } else {
                    answer.note(&part.name(), taken)?;
                }
            }
            Ok(CommandAnswer { rows: answer.table.into_rows()?, problems: answer.problems })
        })
    }

    /// Keeps the answer to a question of the server.
    pub(super) fn know(&mut self, question: MongoQuestion, answer: RawDocumentBuf) {
        self.keep(question, [(Vec::new(), Ok(vec![answer]))].into_iter());
    }

    fn keep(&mut self, question: MongoQuestion, parts: impl Iterator<Item = (Leading, Answered)>) {
        let name = question.command_name().unwrap_or_default();
        let parts = parts.map(|(leading, answered)| {
            let answered = answered.and_then(|documents| self.within_budget(enriched(name, documents)?));
            KnownPart { leading, answered }
        });
        let parts = parts.collect();
        self.known.push(Known { question, parts });
    }

    fn within_budget(&mut self, documents: Vec<RawDocumentBuf>) -> Answered {
        self.bytes += size(&documents);
        if self.bytes > LARGEST_ANSWER { Err(too_large(ADVICE)) } else { Ok(documents) }
    }

    async fn batch(
        &mut self,
        questions: Vec<MongoQuestion>,
        databases: &[String],
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let (mut parts, mut leading) = (Vec::new(), Vec::new());
        for question in &questions {
            let (own, asked): (Vec<Leading>, Vec<Part>) =
                self.parts(question, databases)?.into_iter().unzip();
            leading.push(own);
            parts.extend(asked);
        }
        let parts = parts.into();
        let answers = self.session.batch(&parts, deadline).await;
        let answers = answers.unwrap_or_else(|problem| vec![Err(problem); parts.len()]);
        let mut answers = answers.into_iter();
        for (question, leading) in questions.into_iter().zip(leading) {
            self.keep(question, leading.into_iter().zip(answers.by_ref()));
        }
        Ok(())
    }

    /// Whom a question is for, and the command for each.
    fn parts(&self, question: &MongoQuestion, databases: &[String]) -> Result<Vec<(Leading, Part)>, Problem> {
        let question = &self.with_slow_operation(question.clone());
        let part = |leading, database: &str, collection: Option<&str>| {
            let command = match collection {
                Some(collection) => command::of_collection(collection, question)?,
                None => command::of(question)?,
            };
            Ok((leading, Part { database: database.to_owned(), command }))
        };
        let collection = question.collection.as_deref();
        if collection == Some(EVERY) {
            let of_collection = self.session.collections().iter().map(|namespace| {
                let (database, collection) = (namespace.database.clone(), namespace.collection.clone());
                let leading = vec![("database", database), ("collection", collection)];
                part(leading, &namespace.database, Some(&namespace.collection))
            });
            return of_collection.collect();
        }
        match question.database.as_deref() {
            Some(EVERY) => databases
                .iter()
                .map(|database| part(vec![("database", database.clone())], database, collection))
                .collect(),
            database => Ok(vec![part(Vec::new(), database.unwrap_or("admin"), collection)?]),
        }
    }

    /// The databases that the server has listed.
    fn databases(&self) -> Result<Vec<String>, Problem> {
        let list = list_of_databases();
        let known = self.known.iter().find(|known| known.question == list);
        let answered = known.and_then(|known| known.parts.first()).map(|part| &part.answered);
        match answered {
            Some(Ok(documents)) => {
                let lists = documents.iter().map(|list| Ok(databases::largest(&command::decoded(list)?)));
                Ok(lists.collect::<Result<Vec<_>, Problem>>()?.concat())
            }
            Some(Err(problem)) => Err(problem.clone()),
            None => Ok(Vec::new()),
        }
    }

    fn with_slow_operation(&self, mut question: MongoQuestion) -> MongoQuestion {
        let variables = question.command.as_mut().and_then(|command| command.get_mut("let"));
        if let Some(seconds) = variables.and_then(|variables| variables.get_mut(SLOW_OPERATION)) {
            *seconds = self.slow_operation.get().as_secs_f64().into();
        }
        question
    }
}

/// In bytes.
fn size(documents: &[RawDocumentBuf]) -> usize {
    documents.iter().map(|document| document.as_bytes().len()).sum()
}

impl KnownPart {
    fn name(&self) -> String {
        self.leading.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".")
    }

    fn take(&mut self, table: &mut DocumentTable, each: Option<&str>) -> Result<(), Problem> {
        let documents = match &self.answered {
            Ok(documents) => documents,
            Err(_) => return mem::replace(&mut self.answered, Ok(Vec::new())).map(|_| ()),
        };
        let leading: Vec<_> = self.leading.iter().map(|(column, name)| (*column, name.as_str())).collect();
        documents.iter().try_for_each(|document| table.take(&leading, document, each))
    }
}

fn is_of_databases(question: &MongoQuestion) -> bool {
    question.database.as_deref() == Some(EVERY) && question.collection.as_deref() != Some(EVERY)
}

fn is_of_parts(question: &MongoQuestion) -> bool {
    is_of_databases(question) || question.collection.as_deref() == Some(EVERY)
}

fn list_of_databases() -> MongoQuestion {
    let command = [("listDatabases".to_owned(), 1.into())].into_iter().collect();
    MongoQuestion {
        database: None,
        collection: None,
        pipeline: Vec::new(),
        command: Some(command),
        each: None,
    }
}
