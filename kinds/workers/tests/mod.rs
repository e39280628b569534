//! Workers: alive, missing and gone, in every layout, as the systems that write it do.

mod alerts;
mod config;
mod failures;
mod large;
mod plain;
mod pushed;
mod queues;
mod tables;
mod truth;

use std::time::{SystemTime, UNIX_EPOCH};

use platform_core::metric::Family;
use platform_core::probe::{Observation, Reason};

use testkit::redis::Redis;
use testkit::subject::{Subject, Surroundings, source, value};

/// The time as heartbeats have it.
fn seconds_ago(seconds: f64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    now.as_secs_f64() - seconds
}

/// The surroundings with a Redis source called `cache`.
fn beside(server: &Redis) -> Surroundings {
    Surroundings::default().lane("cache", source(&format!("redis: {{url: '{}'}}", server.url())))
}

/// One class `c` with these keys, read from the Redis source `cache`.
fn class(server: &Redis, keys: &str) -> Subject {
    beside(server).source(&format!("workers: {{classes: {{c: {{from: cache, {keys}}}}}}}"))
}

async fn probe(subject: &mut Subject) -> Observation {
    subject.probe().await.expect("the store answers")
}

/// The value of a family that has no label but the class `c`.
fn of_class(observation: &Observation, name: &str) -> Option<f64> {
    value(&observation.families, name, &["c"])
}

/// The label values of a family's samples behind the class, sorted.
fn labels(families: &[Family], name: &str) -> Vec<Vec<String>> {
    let family = families.iter().find(|family| family.desc.name == name);
    let samples = family.map_or(&[][..], |family| &family.samples);
    let mut labels: Vec<_> = samples.iter().map(|sample| sample.labels[1..].to_vec()).collect();
    labels.sort();
    labels
}

/// The workers of the class in each state.
fn states(observation: &Observation) -> Vec<(String, f64)> {
    let family = observation.families.iter().find(|family| family.desc.name == "workers");
    let samples = family.map_or(&[][..], |family| &family.samples);
    samples.iter().map(|sample| (sample.labels[1].clone(), sample.value)).collect()
}

fn named(states: &[(&str, f64)]) -> Vec<(String, f64)> {
    states.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
}

fn reasons(observation: &Observation) -> Vec<Reason> {
    observation.problems.iter().map(|problem| problem.reason).collect()
}
