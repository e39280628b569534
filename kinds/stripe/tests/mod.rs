//! Probes of `stripe` sources.

mod alerts;
mod clock;
mod config;
mod failures;
mod large;
mod pages;
mod permissions;
mod restraint;
mod truth;
mod values;

use platform_core::probe::{Observation, Reason};

use testkit::stripe::{ApiKey, Permission, StripeServer};
use testkit::subject::{Subject, source, value};

const KEY: &str = "rk_live_planted1234";

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What a probe of everything needs.
const ALL: [Permission; 4] = [
    Permission::Events,
    Permission::WebhookEndpoints,
    Permission::EventDestinations,
    Permission::Subscriptions,
];

/// An empty account that lets [`KEY`] read what the exporter can ask for, and nothing else.
async fn account() -> StripeServer {
    let server = StripeServer::start().await;
    server.state().keys = vec![ApiKey::restricted(KEY, &ALL)];
    server
}

/// A source on this account, with these further keys.
fn subject(server: &StripeServer, keys: &str) -> Subject {
    at(&server.url(), keys)
}

/// A source on the API at this URL, with these further keys.
fn at(url: &str, keys: &str) -> Subject {
    source(&format!("stripe: {{api_key: {KEY}, api_base: '{url}', {keys}}}"))
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The value of a family without labels.
fn plain(observation: &Observation, name: &str) -> Option<f64> {
    value(&observation.families, name, &[])
}

fn undelivered(observation: &Observation, event_type: &str, phase: &str) -> Option<f64> {
    value(&observation.families, "stripe_webhook_events_undelivered", &[event_type, phase])
}

fn reasons(observation: &Observation) -> Vec<Reason> {
    observation.problems.iter().map(|problem| problem.reason).collect()
}

fn failure(observation: &Observation) -> Option<Reason> {
    observation.failure.as_ref().map(|problem| problem.reason)
}

/// The paths that were called since this was last asked.
fn take_paths(server: &StripeServer) -> Vec<String> {
    std::mem::take(&mut server.state().calls).into_iter().map(|call| call.path).collect()
}
