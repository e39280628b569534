//! PostgreSQL against real servers.

mod alerts;
mod budget;
mod config;
mod databases;
mod environment;
mod failures;
mod lag;
mod large;
mod limits;
mod locks;
mod logins;
mod parity;
mod pools;
mod questions;
mod replicas;
mod rights;
mod tables;
mod texts;
mod totals;
mod truth;
mod values;

use std::process::Stdio;
use std::time::Duration;

use platform_core::metric::Family;
use platform_core::probe::{Observation, Reason};

use testkit::postgres::Postgres;
use testkit::subject::{Subject, Surroundings, source, value};
use testkit::wait::eventually;

/// Every collector.
const EVERY: &str = "settings, statio_user_tables, table_sizes, stat_statements, statio_user_indexes, process_idle, \
                     roles, buffercache_summary, stat_activity_autovacuum, stat_io, stat_wal, stat_subscription";

const SOON: Duration = Duration::from_secs(10);

fn postgres(url: &str) -> Subject {
    source(&yaml(url, ""))
}

fn yaml(url: &str, more: &str) -> String {
    format!("postgres: {{url: '{url}'{}{more}}}", if more.is_empty() { "" } else { ", " })
}

fn patient(url: &str, timeout: Duration) -> Subject {
    Surroundings { timeout, ..Surroundings::default() }.source(&yaml(url, ""))
}

/// The value of a sample that has to be there.
fn the(families: &[Family], name: &str, labels: &[&str]) -> f64 {
    value(families, name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in {families:#?}"))
}

/// The values of the samples of a family that have some labels.
fn with(families: &[Family], name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    let Some(family) = families.iter().find(|family| family.desc.name == name) else { return Vec::new() };
    let has = |found: &[String], (label, value): &(&str, &str)| {
        family.desc.labels.iter().zip(found).any(|(name, found)| name == *label && found == value)
    };
    let samples =
        family.samples.iter().filter(|sample| labels.iter().all(|label| has(&sample.labels, label)));
    samples.map(|sample| sample.value).collect()
}

/// The sessions of a database in a state.
fn sessions(families: &[Family], datname: &str, state: &str) -> Option<f64> {
    let counts = with(families, "pg_stat_activity_count", &[("datname", datname), ("state", state)]);
    counts.into_iter().reduce(|sum, count| sum + count)
}

fn reasons(observation: &Observation) -> Vec<Reason> {
    observation.problems.iter().map(|problem| problem.reason).collect()
}

/// A client with a transaction open, until it is dropped.
struct OpenTransaction(#[expect(dead_code, reason = "killed on drop")] tokio::process::Child);

impl OpenTransaction {
    /// Runs SQL in a transaction, and goes on to sleep in it.
    fn begin(server: &Postgres, sql: &str) -> Self {
        let script = format!("SET application_name = 'other'; BEGIN; {sql}; SELECT pg_sleep(600)");
        let mut psql = tokio::process::Command::new("psql");
        psql.args(["-X", "-q", "-d", &server.url(), "-c", &script]);
        psql.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        Self(psql.spawn().expect("psql is not installed: run `make deps`"))
    }

    /// As [`Self::begin`], once it has come to its sleep.
    async fn asleep(server: &Postgres, sql: &str) -> Self {
        let transaction = Self::begin(server, sql);
        let sleeps = "SELECT count(*) FROM pg_stat_activity \
                      WHERE application_name = 'other' AND wait_event = 'PgSleep'";
        eventually(SOON, "it sleeps", async || server.sql(sleeps).await == "1").await;
        transaction
    }
}

/// How many connections of the exporter there are, and how many of them do something.
async fn ours(server: &Postgres) -> (usize, usize) {
    let counts = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity \
                  WHERE application_name = 'platform_exporter'";
    let counts = server.sql(counts).await;
    let (all, busy) = counts.split_once('|').expect("two columns");
    (all.parse().expect("a count"), busy.parse().expect("a count"))
}

/// The number that a query returns to another client.
async fn number(server: &Postgres, sql: &str) -> f64 {
    let text = server.sql(sql).await;
    text.parse().unwrap_or_else(|_| panic!("{sql}: {text}"))
}
