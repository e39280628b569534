//! The query lane of a source: one connection beside that of the health probe, one question at a time.
//!
//! Declared queries, `distinct` counts and workers all ask through it, so a source has at most two connections,
//! and a slow query delays other queries but never a probe.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Columns, Question, Rows};
use crate::probe::{Problem, Reason};

/// A source that can be asked: rows for a question.
#[async_trait::async_trait]
pub trait Answers: Send {
    /// Runs a question. Of the answer's columns, only those in `columns` need to be kept. `timeout` is how long the
    /// lane waits: the source's own limit has to be below it.
    ///
    /// The lane drops the future at the deadline; as for a probe, a connection in the middle of an exchange has to
    /// go with it.
    ///
    /// # Errors
    /// When the source cannot be reached, or refuses the question.
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem>;
}

/// A question on its way.
#[derive(Debug)]
struct Request {
    question: Question,
    columns: Columns,
    timeout: Duration,
    reply: oneshot::Sender<Answer>,
}

/// What came back, and how long the source took. The time in the lane does not count: a question would seem slow
/// because of the one before it.
pub type Answer = (Result<Rows, Problem>, Duration);

/// The asking end of a lane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lane(mpsc::Sender<Request>);

/// The answering end of a lane.
#[derive(Debug)]
pub struct Inbox(mpsc::Receiver<Request>);

/// More than this many questions at once wait before they enter the lane.
const WAITING: usize = 64;

/// A lane without anyone at its answering end yet.
pub fn lane() -> (Lane, Inbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Lane(sender), Inbox(receiver))
}

impl Lane {
    /// Asks. The source has `timeout` from the moment that it is this question's turn.
    ///
    /// # Errors
    /// What the source says; `timeout` when it says nothing in time.
    pub async fn ask(
        &self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        self.timed(question, columns, timeout).await.0
    }

    /// Asks as [`Lane::ask`] does, and tells how long the source took.
    pub async fn timed(&self, question: &Question, columns: &Columns, timeout: Duration) -> Answer {
        loop {
            let (reply, answer) = oneshot::channel();
            let request = Request { question: question.clone(), columns: columns.clone(), timeout, reply };
            if self.0.send(request).await.is_err() {
                return (Err(Problem::new(Reason::Internal, "the query lane has ended")), Duration::ZERO);
            }
            // Whoever was about to answer has been replaced: its successor is asked.
            let Ok(answer) = answer.await else { continue };
            return answer;
        }
    }
}

impl Inbox {
    /// Answers questions until every asking end is gone. Dropped, it leaves the questions that wait to its successor.
    pub async fn serve(&mut self, source: &mut dyn Answers) {
        while let Some(Request { question, columns, timeout, reply }) = self.0.recv().await {
            // Nobody waits for this answer any more: asking would only load the source.
            if reply.is_closed() {
                continue;
            }
            let started = Instant::now();
            let rows = AssertUnwindSafe(source.rows(&question, &columns, timeout)).catch_unwind();
            let answer = match tokio::time::timeout(timeout, rows).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(Problem::new(Reason::Internal, "the query's code panicked")),
                Err(_) => Err(Problem::new(Reason::Timeout, format!("no answer within {timeout:?}"))),
            };
            // The asker may have left meanwhile.
            drop(reply.send((answer, started.elapsed())));
        }
    }
}
