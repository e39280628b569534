//! Probes of `redis` sources, and questions to them.

mod alerts;
mod config;
mod deployments;
mod failures;
mod keys;
mod large;
mod limits;
mod parity;
mod patterns;
mod questions;
mod reads;
mod scans;
mod trust;
mod truth;
mod values;
mod versions;

use std::collections::BTreeMap;

use kind_redis::RedisQuestion;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Problem, Reason};
use platform_core::query::{Cell, Language, Question, Rows};
use serde_json::json;

use testkit::redis::Redis;
use testkit::subject::{self, Subject, value};

/// A source at a URL, with more keys such as `cluster: true`.
fn source(url: &str, keys: &str) -> Subject {
    subject::source(&format!("redis: {{url: '{url}', {keys}}}"))
}

/// The source of a server.
fn source_of(server: &Redis) -> Subject {
    source(&server.url(), "")
}

fn command(words: &[&str]) -> Question {
    Question::new("redis", json!({"command": words}))
}

fn scan(pattern: &str, id: Option<&str>) -> Question {
    Question::new("redis", json!({"scan": pattern, "id": id}))
}

/// Whether a configuration may have this query.
fn check(question: &Question) -> Result<(), String> {
    question.read::<RedisQuestion>().expect("its keys are known").check().map_err(|error| error.to_string())
}

/// Counts the counters of each id, and those that have reached the number of their id.
fn reached(id: &str, at_least: &[(&str, f64)]) -> Question {
    let at_least: BTreeMap<_, _> = at_least.iter().copied().collect();
    Question::new("redis", json!({"scan": "ratelimit:*", "id": id, "at_least": at_least}))
}

async fn ask(subject: &mut Subject, words: &[&str]) -> Rows {
    subject.rows(&command(words)).await.unwrap_or_else(|problem| panic!("{words:?}: {problem}"))
}

/// The only cell of a column of a single row.
fn single<'a>(rows: &'a Rows, column: &str) -> &'a Cell {
    let index = rows.column(column).unwrap_or_else(|| panic!("no {column} in {rows:?}"));
    let [row] = &rows.rows[..] else { panic!("expected one row: {rows:?}") };
    &row[index]
}

/// The value of a family without labels.
fn plain(families: &[Family], name: &str) -> f64 {
    value(families, name, &[]).unwrap_or_else(|| panic!("no {name}"))
}

fn reasons(observation: &Observation) -> Vec<Reason> {
    observation.problems.iter().map(|problem| problem.reason).collect()
}

async fn probe(subject: &mut Subject) -> Observation {
    subject.probe().await.expect("the server answers")
}

async fn failure(subject: &mut Subject) -> Problem {
    subject.probe().await.expect_err("the server cannot be asked")
}

/// How many connections of the exporter the server has.
async fn connections(server: &Redis) -> usize {
    let clients: String = server.run(&["CLIENT", "LIST"]).await;
    clients.lines().filter(|line| line.contains("name=platform_exporter")).count()
}
