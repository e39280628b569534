//! A web server that gives every request the same answer, which can be changed.

use std::sync::{Arc, Mutex};

use hyper::body::Bytes;

use testkit::web::{Reply, Web, reply, with};

/// What is answered: a status, a body, and a `Date`.
#[derive(Clone)]
struct Answer {
    status: u16,
    body: Bytes,
    date: Option<String>,
}

/// How deep an answer is nested.
pub(crate) const LEVELS: usize = 100_000;

/// A list of 600,000 items, which are small on the wire.
pub(crate) fn many(item: &str) -> String {
    format!("[{item}{}]", format!(",{item}").repeat(599_999))
}

pub(crate) struct CannedServer {
    web: Option<Web>,
    address: String,
    answer: Arc<Mutex<Answer>>,
}

impl CannedServer {
    /// A server that says `fine`.
    pub(crate) async fn start() -> Self {
        let answer = Answer { status: 200, body: Bytes::from_static(b"fine"), date: None };
        let mut server =
            Self { web: None, address: "127.0.0.1:0".to_owned(), answer: Arc::new(Mutex::new(answer)) };
        server.restart().await;
        server
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Answers this from now on.
    pub(crate) fn says(&self, status: u16, body: impl Into<Bytes>) {
        self.set(Answer { status, body: body.into(), date: None });
    }

    /// Answers this from now on, with the time in an hour.
    pub(crate) fn says_an_hour_ahead(&self, body: impl Into<Bytes>) {
        let time = jiff::Timestamp::now() + super::runner::HOUR;
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
        self.set(Answer { status: 200, body: body.into(), date: Some(date.expect("a year of four digits")) });
    }

    /// Answers this from now on: 100 MiB of a JSON string.
    pub(crate) fn says_too_much(&self) {
        self.says(200, format!("\"{}\"", "x".repeat(100 << 20)));
    }

    /// Answers this from now on: lists in lists.
    pub(crate) fn says_nested(&self) {
        self.says(200, "[".repeat(LEVELS) + &"]".repeat(LEVELS));
    }

    /// Answers this from now on: elements within each other.
    pub(crate) fn says_nested_xml(&self) {
        self.says(200, "<a>".repeat(LEVELS) + &"</a>".repeat(LEVELS));
    }

    /// Ends the server with its connections.
    pub(crate) async fn end(&mut self) {
        if let Some(web) = self.web.take() {
            web.end().await;
        }
    }

    /// Starts it again where it was.
    pub(crate) async fn restart(&mut self) {
        let answer = Arc::clone(&self.answer);
        let web = Web::start_at(&self.address, move |_| shape(&answer.lock().expect("nobody panics"))).await;
        self.address = web.address().to_owned();
        self.web = Some(web);
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().expect("nobody panics") = answer;
    }
}

fn shape(Answer { status, body, date }: &Answer) -> Reply {
    let reply = reply(*status, body.clone());
    match date {
        Some(date) => with(reply, "date", date),
        None => reply,
    }
}
