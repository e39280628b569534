//! The query lane of a source: a second connection next to that of the health probe, one query at a time.
//!
//! Declared queries, `distinct` counts and workers all use it, so a source has one connection beside those of its
//! probe, and a slow query delays other queries but never a probe. Of those that wait, the one that has to end first is
//! next: a query that runs often does not queue behind many that run rarely.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Columns, Question, Rows};
use crate::large;
use crate::probe::{Problem, Reason};

/// A source that can be queried.
#[async_trait::async_trait]
pub trait Answers: Send {
    /// Runs a query. Only the columns in `columns` need to be kept. `timeout` is how long the lane waits: the source's
    /// own limit has to be below it.
    ///
    /// The lane drops the future at the deadline; as for a probe, a connection in the middle of an exchange has to be
    /// dropped, too.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects the query.
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem>;
}

/// Takes the answers of queries, in their order.
pub type TakeAnswer<'a> = dyn FnMut(Result<Rows, Problem>) + Send + 'a;

/// A source that the built-in queries of a kind are run on.
#[async_trait::async_trait]
pub trait AnswersAll: Send {
    /// Runs queries in this order, and hands over each answer as it comes: not all are kept at once.
    ///
    /// # Errors
    /// When the source cannot be reached. A query that it rejects has an error for an answer.
    async fn all_rows(
        &mut self,
        queries: &[(&Question, Columns)],
        timeout: Duration,
        take: &mut TakeAnswer<'_>,
    ) -> Result<(), Problem>;
}

/// Whether the source is reachable and only rejected a query.
pub fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Permission | Reason::Query | Reason::NotFound | Reason::Slow)
}

/// A pending query.
#[derive(Debug)]
struct Request {
    question: Question,
    columns: Columns,
    timeout: Duration,
    /// When it should have ended.
    due: Instant,
    reply: oneshot::Sender<Answer>,
}

/// The result, and how long the source took. Time spent waiting in the lane does not count: a query would seem slow
/// because of the one before it.
pub type Answer = (Result<Rows, Problem>, Duration);

/// The asking end of a lane. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lane(mpsc::Sender<Box<Request>>);

/// The answering end of a lane.
#[derive(Debug)]
pub struct Inbox {
    arriving: mpsc::Receiver<Box<Request>>,
    #[expect(clippy::vec_box, reason = "as they come from the channel")]
    waiting: Vec<Box<Request>>,
}

/// Capacity of the channel; further queries wait before they enter it. Requests are boxed, because a channel keeps room for
/// dozens of them.
const ARRIVING: usize = 64;

/// A new lane, not served yet.
pub fn lane() -> (Lane, Inbox) {
    let (sender, arriving) = mpsc::channel(ARRIVING);
    (Lane(sender), Inbox { arriving, waiting: Vec::new() })
}

impl Lane {
    /// Runs a query. `timeout` starts when it is this query's turn.
    ///
    /// # Errors
    /// The source's error, or `timeout` if there is no answer in time.
    pub async fn ask(
        &self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        self.timed(question, columns, timeout, Instant::now() + timeout).await.0
    }

    /// As [`Lane::ask`], for a query that should have ended when it is `due`. Also returns how long the source took.
    pub async fn timed(
        &self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
        due: Instant,
    ) -> Answer {
        loop {
            let (reply, answer) = oneshot::channel();
            let (question, columns) = (question.clone(), columns.clone());
            let request = Request { question, columns, timeout, due, reply };
            if self.0.send(Box::new(request)).await.is_err() {
                return (Err(Problem::new(Reason::Internal, "the query lane has ended")), Duration::ZERO);
            }
            // The prober that was about to answer has been replaced: retry with its successor.
            let Ok(answer) = answer.await else { continue };
            return answer;
        }
    }
}

impl Inbox {
    /// Runs queries until every asking end is gone. If dropped, waiting queries are left to its successor.
    pub async fn serve(&mut self, source: &mut dyn Answers) {
        while let Some(request) = self.next().await {
            let Request { question, columns, timeout, reply, .. } = *request;
            let started = Instant::now();
            let rows = AssertUnwindSafe(source.rows(&question, &columns, timeout)).catch_unwind();
            let answer = match tokio::time::timeout(timeout, rows).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(Problem::new(Reason::Internal, "the query's code panicked")),
                Err(_) => Err(Problem::new(Reason::Timeout, format!("no answer within {timeout:?}"))),
            };
            // The caller may have gone meanwhile.
            if let Err((Ok(rows), _)) = reply.send((answer, started.elapsed())) {
                large::discard(rows.size(), rows);
            }
        }
    }

    async fn next(&mut self) -> Option<Box<Request>> {
        loop {
            self.waiting.extend(std::iter::from_fn(|| self.arriving.try_recv().ok()));
            // If nobody waits for a result any more, the query would only load the source.
            self.waiting.retain(|request| !request.reply.is_closed());
            let first = self.waiting.iter().enumerate().min_by_key(|(_, request)| request.due);
            if let Some((index, _)) = first {
                return Some(self.waiting.remove(index));
            }
            self.waiting.push(self.arriving.recv().await?);
        }
    }
}
