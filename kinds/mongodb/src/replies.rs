//! The answers of one probe: a command is sent once, however many queries read its answer.

use ::mongodb::bson::RawDocumentBuf;
use platform_core::deadline::Deadline;
use platform_core::large;
use platform_core::probe::Problem;
use platform_core::query::{Columns, LARGEST_ANSWER, too_large};
use platform_core::setting;

use super::ask::MongoSession;
use super::incoming::CommandAnswer;
use super::question::MongoQuestion;
use super::table::{ADVICE, DocumentTable};

/// The variable of a built-in query that stands for the configured `slow_operation`.
const SLOW_OPERATION: &str = "slow_operation_seconds";

/// Whose answers a probe reads, and what it has read.
pub(super) struct Replies<'a> {
    session: &'a MongoSession,
    deadline: Deadline,
    slow_operation: setting::Duration,
    /// The questions without `each`, and the documents of their answers; none for a question that was refused.
    known: Vec<(MongoQuestion, Vec<RawDocumentBuf>)>,
    /// The size of these documents.
    bytes: usize,
}

impl<'a> Replies<'a> {
    pub(super) fn new(
        session: &'a MongoSession,
        deadline: Deadline,
        slow_operation: setting::Duration,
    ) -> Self {
        Self { session, deadline, slow_operation, known: Vec::new(), bytes: 0 }
    }

    /// The rows of an answer. A question that was refused has none for whoever asks it again.
    pub(super) async fn rows(
        &mut self,
        mut question: MongoQuestion,
        columns: &Columns,
    ) -> Result<CommandAnswer, Problem> {
        let is_plain = question.database.as_deref() != Some("*") && question.collection.is_none();
        if !is_plain {
            return self.session.answer(&question, columns, self.deadline).await;
        }
        let each = question.each.take();
        let place = match self.known.iter().position(|(known, _)| *known == question) {
            Some(place) => place,
            None => self.ask(question).await?,
        };
        let documents = &self.known[place].1;
        let rows = || {
            let mut table = DocumentTable::new(columns);
            documents.iter().try_for_each(|document| table.take(&[], document, each.as_deref()))?;
            table.into_rows()
        };
        let rows = large::in_place(large::of_text(size(documents)), rows)?;
        Ok(CommandAnswer { rows, problems: Vec::new() })
    }

    async fn ask(&mut self, question: MongoQuestion) -> Result<usize, Problem> {
        let answered =
            self.session.documents(&self.with_slow_operation(question.clone()), self.deadline).await;
        match answered {
            Ok(documents) => self.know(question, documents),
            Err(problem) => {
                self.known.push((question, Vec::new()));
                Err(problem)
            }
        }
    }

    /// Keeps an answer, and returns its place.
    pub(super) fn know(
        &mut self,
        question: MongoQuestion,
        documents: Vec<RawDocumentBuf>,
    ) -> Result<usize, Problem> {
        self.bytes += size(&documents);
        if self.bytes > LARGEST_ANSWER {
            return Err(too_large(ADVICE));
        }
        self.known.push((question, documents));
        Ok(self.known.len() - 1)
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
