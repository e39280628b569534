//! Probes of `s3` sources.

mod alerts;
mod canary;
mod chain;
mod config;
mod failures;
mod hostile_listings;
mod ladder;
mod large;
mod objects;
mod refusals;
mod sts;
mod truth;

use std::time::Duration;

use platform_core::probe::{Observation, Reason};

use testkit::s3::S3;
use testkit::subject::{self, Subject, Surroundings, value};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A store with one bucket, `backups`.
async fn store() -> S3 {
    let s3 = S3::start(KEY, SECRET).await;
    s3.add_bucket("backups");
    s3
}

/// The configuration of `backups` at this endpoint, with these further keys.
fn yaml(endpoint: &str, keys: &str) -> String {
    let credentials = format!("access_key_id: {KEY}, secret_access_key: '{SECRET}'");
    format!("s3: {{bucket: backups, endpoint: '{endpoint}', {credentials}, {keys}}}")
}

fn source(endpoint: &str, keys: &str) -> Subject {
    subject::source(&yaml(endpoint, keys))
}

/// A source that does not wait long.
fn impatient(endpoint: &str, keys: &str) -> Subject {
    let surroundings = Surroundings { timeout: Duration::from_secs(1), ..Surroundings::default() };
    surroundings.source(&yaml(endpoint, keys))
}

async fn probe(endpoint: &str, keys: &str) -> Observation {
    source(endpoint, keys).probe().await.expect("the credentials can be read")
}

fn up(observation: &Observation, operation: &str) -> Option<f64> {
    value(&observation.families, "s3_bucket_up", &["backups", operation])
}

fn plain(observation: &Observation, name: &str) -> Option<f64> {
    value(&observation.families, name, &[])
}

fn failure(observation: &Observation) -> Option<Reason> {
    observation.failure.as_ref().map(|failure| failure.reason)
}

fn problems(observation: &Observation) -> Vec<Reason> {
    observation.problems.iter().map(|problem| problem.reason).collect()
}

/// The value of a family about the objects below a prefix.
fn of_objects(observation: &Observation, family: &str, prefix: &str) -> Option<f64> {
    value(&observation.families, family, &["backups", prefix])
}
