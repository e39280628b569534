//! The source that a class is read from: queries through its query lane, and its clock.

use std::time::Duration;

use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Lane, Question, Rows};
use platform_core::time::now;
use serde_json::{Value, json};

use super::cell_value::time;

/// A source to query.
#[derive(Clone, Debug)]
pub(super) struct HeartbeatStore {
    pub(super) lane: Lane,
    /// The timeout of one query.
    pub(super) timeout: Duration,
}

/// The store's time and how far it is ahead of ours, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    pub(super) now: f64,
    pub(super) skew: f64,
}

impl Clock {
    /// The store reported this time at some moment between two of ours, so a difference within them counts as none.
    pub(super) fn read(store: f64, before: f64, after: f64) -> Self {
        let skew = if store < before { store - before } else { (store - after).max(0.0) };
        Self { now: store, skew }
    }
}

impl HeartbeatStore {
    pub(super) async fn ask(&self, question: &Question) -> Result<Rows, Problem> {
        self.read(question, &Columns::All).await
    }

    /// Runs a query, and reads these columns.
    pub(super) async fn read(&self, question: &Question, columns: &Columns) -> Result<Rows, Problem> {
        self.lane.ask(question, columns, self.timeout).await
    }

    /// Runs a Redis command.
    pub(super) async fn run(&self, words: &[&str]) -> Result<Rows, Problem> {
        self.ask(&command(words)).await
    }

    /// The keys that match a pattern, with their values.
    pub(super) async fn values(&self, pattern: &str) -> Result<Vec<(String, Cell)>, Problem> {
        Ok(pairs(self.ask(&values(pattern)).await?))
    }

    /// The elements of a list or set, as returned by a command.
    pub(super) async fn elements(&self, words: &[&str]) -> Result<Vec<String>, Problem> {
        Ok(column(self.run(words).await?))
    }

    /// Keys with their values, as returned by a command.
    pub(super) async fn pairs(&self, words: &[&str]) -> Result<Vec<(String, Cell)>, Problem> {
        Ok(pairs(self.run(words).await?))
    }

    /// The clock, from the first cell of an answer.
    pub(super) async fn clock(&self, question: &Question) -> Result<Clock, Problem> {
        let before = now();
        let rows = self.ask(question).await?;
        let index = rows.column("localTime").unwrap_or(0);
        let store = rows.rows.first().and_then(|row| row.get(index)).and_then(time);
        let store =
            store.ok_or_else(|| Problem::new(Reason::Protocol, "the store does not report its time"))?;
        Ok(Clock::read(store, before, now()))
    }
}

// The languages of the sources that can store heartbeats, as in a declared query.
pub(super) const SQL: &str = "sql";
pub(super) const MONGO: &str = "mongo";
const REDIS: &str = "redis";

pub(super) fn sql(text: &str) -> Question {
    Question::new(SQL, text)
}

pub(super) fn mongo(query: Value) -> Question {
    Question::new(MONGO, query)
}

pub(super) fn command(words: &[&str]) -> Question {
    Question::new(REDIS, json!({"command": words}))
}

pub(super) fn values(pattern: &str) -> Question {
    Question::new(REDIS, json!({"scan": pattern, "values": true}))
}

/// The query for the time of a MongoDB server.
pub(super) fn hello() -> Question {
    mongo(json!({"command": {"hello": 1}}))
}

fn column(rows: Rows) -> Vec<String> {
    let first = |row: Vec<Cell>| row.into_iter().next()?.into_text();
    large::in_place(rows.size(), || rows.rows.into_iter().filter_map(first).collect())
}

fn pairs(rows: Rows) -> Vec<(String, Cell)> {
    let pair = |row: Vec<Cell>| {
        let mut cells = row.into_iter();
        Some((cells.next()?.text()?, cells.next()?))
    };
    large::in_place(rows.size(), || rows.rows.into_iter().filter_map(pair).collect())
}
