//! Every fault that a source can suffer, for every kind, against real servers. What comes out is `docs/faults.md`.

mod bench;
pub(crate) mod gate;
pub(crate) mod matrix;
pub(crate) mod odd;
mod report;
pub(crate) mod runner;
mod since;

use futures_util::future::{LocalBoxFuture, join_all};

use self::gate::World;
use self::report::Outcomes;
use self::runner::{INTERVAL, Patient, TIMEOUT, run};
use crate::kinds::{http, logfile, mongodb, postgres, rabbitmq, redis, s3, stripe, workers};

type Make = for<'a> fn(&'a World) -> LocalBoxFuture<'a, Box<dyn Patient>>;

/// The tables, with what makes their servers.
const TABLES: [(&str, Make); 10] = [
    ("postgres", |world| Box::pin(postgres::faults::patient(world))),
    ("mongodb", |world| Box::pin(mongodb::faults::patient(world))),
    ("redis", |world| Box::pin(redis::faults::patient(world))),
    ("rabbitmq", |world| Box::pin(rabbitmq::faults::patient(world))),
    ("stripe", |world| Box::pin(stripe::faults::patient(world))),
    ("s3", |world| Box::pin(s3::faults::patient(world))),
    ("workers", |world| Box::pin(workers::faults::in_redis(world))),
    ("workers in SQL", |world| Box::pin(workers::faults::in_postgres(world))),
    ("logfile", |_| Box::pin(async { Box::new(logfile::faults::patient()) as Box<dyn Patient> })),
    ("http", |world| Box::pin(http::faults::patient(world))),
];

/// With `FAULTS=redis,http`, only these tables are made, and the file is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_shown_and_passes() {
    testkit::install_ring();
    let only = std::env::var("FAULTS").ok();
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|wanted| wanted == name));
    let world = World::start().await;
    let tables = TABLES.into_iter().filter(|(name, _)| wanted(name));
    let patients = join_all(tables.map(async |(name, make)| (name, make(&world).await))).await;
    let outcomes = patients.into_iter().map(|(name, patient)| run(name, patient, &world));
    let outcomes = join_all(outcomes).await;
    let outcomes: Outcomes = outcomes.into_iter().collect();
    println!("{}", report::document(&outcomes));
    let failed = outcomes.values().flatten().filter(|outcome| outcome.result.is_err()).count();
    assert_eq!(failed, 0, "cells failed: see the table");
    if only.is_none() {
        report::check(&outcomes);
    }
}

/// The two sources of a kind, and a query to the first, so that its query lane is in use as well.
///
/// Its last answer is kept for longer than any fault lasts: that it becomes stale is another problem.
pub(crate) fn sources(plain: &str, secure: &str, question: &str) -> String {
    let (times, every, timeout) = (times(), INTERVAL.as_secs(), TIMEOUT.as_secs());
    let query = match question {
        "" => String::new(),
        _ => format!(
            "queries:\n  - name: asked\n    source: plain\n    every: {every}s\n    timeout: {timeout}s\n    \
             max_age: 1h\n    {question}\n    metrics: [{{name: asked, value: value, help: A number.}}]\n"
        ),
    };
    format!("  plain:\n    {plain}\n{times}  secure:\n    {secure}\n{times}{query}")
}

/// The two sources of workers of one class, read from these two others.
pub(crate) fn workers(plain: &str, secure: &str, class: &str) -> String {
    let times = times();
    let reader = |from: &str| format!("workers: {{classes: {{mail: {{from: {from}, {class}}}}}}}");
    let stores = format!("  store:\n    {plain}\n{times}  secure-store:\n    {secure}\n{times}");
    stores + &sources(&reader("store"), &reader("secure-store"), "")
}

/// What the query of [`sources`] says when it asks the server on this port for its port.
pub(crate) fn answer_of(port: &str) -> String {
    format!(r#"asked{{source="plain"}} {port}"#)
}

/// What is said of the worker of [`workers`] that is called like the port of its server.
pub(crate) fn worker_of(port: &str) -> String {
    format!(r#"worker_heartbeat_timestamp_seconds{{source="plain",class="mail",worker="{port}"}}"#)
}

/// The port of an address.
pub(crate) fn port(address: &str) -> &str {
    address.rsplit(':').next().expect("a split has a last part")
}

/// Interval and timeout of a source under test.
pub(crate) fn times() -> String {
    format!("    interval: {}s\n    timeout: {}s\n", INTERVAL.as_secs(), TIMEOUT.as_secs())
}
