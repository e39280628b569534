//! Several commands in one round trip.
//!
//! The server runs them one after another. They share the time that is left, so that the last one ends in time too; one
//! for which its share was too short is asked for again, alone.

use ::mongodb::bson::{self, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use ::mongodb::error::CommandError;
use platform_core::probe::{Problem, Reason};
use platform_core::query::too_large;

use super::command::limited;
use super::exchange::Exchange;
use super::failure;
use super::reader;
use super::role::LackingRole;
use super::table::ADVICE;

/// A command of a batch, and its database.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) database: String,
    pub(super) command: Document,
}

/// The documents of the answer to a part.
pub(super) type Answered = Result<Vec<RawDocumentBuf>, Problem>;

impl Part {
    fn is_aggregate(&self) -> bool {
        self.command.contains_key("aggregate")
    }

    /// The command as it is sent. Its answer has all documents, as far as they are smaller than the largest answer.
    fn within(&self, limit: i64) -> (String, Document) {
        let mut command = limited(&self.command, limit);
        if self.is_aggregate() {
            command.insert("cursor", doc! {"batchSize": i32::MAX});
        }
        (self.database.clone(), command)
    }
}

impl Exchange {
    /// Sends the commands, and returns their answers in the same order.
    ///
    /// # Errors
    /// When the server cannot be reached. A command that it rejects, or that takes too long, has an error for an answer.
    pub(super) async fn batch(self, parts: &[Part]) -> Result<Vec<Answered>, Problem> {
        let answers = self.answers(parts).await?;
        // Otherwise no time is left.
        let is_complete = answers.len() == parts.len();
        let mut answers = answers.into_iter();
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            let answered = match answers.next() {
                Some(answer) => self.read(part, answer),
                None => Err(Problem::new(Reason::Timeout, "no answer in time")),
            };
            let answered = match answered {
                Err(problem) if is_complete && problem.reason == Reason::Timeout => self.alone(part).await,
                answered => answered,
            };
            match answered {
                Err(problem) if problem.reason == Reason::Auth => return Err(problem),
                // This role is made for all that the exporter itself reads.
                answered => all.push(answered.map_err(|problem| {
                    failure::advise(problem, self.connection.config(), Some(&LackingRole::Monitor))
                })),
            }
        }
        Ok(all)
    }

    async fn answers(&self, parts: &[Part]) -> Result<Vec<RawDocumentBuf>, Problem> {
        let mut answers = Vec::with_capacity(parts.len());
        let Ok(number @ 1..) = i64::try_from(parts.len()) else { return Ok(answers) };
        let database = self.connected.client.database("admin");
        let send = |limit: i64| {
            // Zero would mean no limit.
            let limit = (limit / number).max(1);
            let envelope =
                reader::envelope(parts.iter().map(|part| part.within(limit)), self.deadline.left());
            database.run_cursor_command(envelope).selection_criteria(self.connected.readable()).into_future()
        };
        let sent = match self.send(send).await? {
            // The connection is closed after a batch that took too long.
            Err(error) if failure::is_broken(&error) => self.send(send).await?,
            sent => sent,
        };
        let mut cursor = sent.map_err(|error| self.problem(&error))?;
        while cursor.advance().await.map_err(|error| self.problem(&error))? {
            answers.push(cursor.current().to_owned());
        }
        Ok(answers)
    }

    async fn alone(&self, part: &Part) -> Answered {
        self.documents(&part.database, part.command.clone()).await
    }

    fn read(&self, part: &Part, answer: RawDocumentBuf) -> Answered {
        let malformed = |error| Problem::new(Reason::Protocol, format!("the answer is not BSON: {error}"));
        if !is_ok(&answer) {
            let error: CommandError = bson::deserialize_from_slice(answer.as_bytes()).map_err(malformed)?;
            return Err(failure::refusal(&error, self.connection.config().logs_in));
        }
        if !part.is_aggregate() {
            return Ok(vec![answer]);
        }
        let unexpected = |error| Problem::new(Reason::Protocol, format!("the answer has no cursor: {error}"));
        let cursor = answer.get_document("cursor").map_err(unexpected)?;
        if cursor.get_i64("id").map_err(unexpected)? != 0 {
            return Err(too_large(ADVICE));
        }
        let documents = cursor.get_array("firstBatch").map_err(unexpected)?.into_iter();
        let documents = documents.filter_map(|element| match element {
            Ok(RawBsonRef::Document(document)) => Some(Ok(document.to_owned())),
            Ok(_) => None,
            Err(error) => Some(Err(malformed(error))),
        });
        documents.collect()
    }
}

fn is_ok(answer: &RawDocument) -> bool {
    match answer.get("ok") {
        Ok(Some(RawBsonRef::Double(ok))) => ok == 1.0,
        Ok(Some(RawBsonRef::Int32(ok))) => ok == 1,
        Ok(Some(RawBsonRef::Int64(ok))) => ok == 1,
        _ => false,
    }
}
