//! Probes of `http` sources.

mod alerts;
mod answers;
mod config;
mod failures;
mod large;
mod reach;
mod redirects;
mod truth;

use platform_core::metric::Family;
use platform_core::probe::{Observation, Problem, Reason};

use testkit::subject::{self, value};
use testkit::web::{Reply, Web, reply};

/// A server with one answer for everything.
async fn web(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Web {
    Web::start(move |_| reply()).await
}

/// One probe of a source whose URL is this, with these further keys.
async fn probe(url: &str, keys: &str) -> Result<Observation, Problem> {
    subject::source(&format!("http: {{url: '{url}', {keys}}}")).probe().await
}

/// One probe that brings something home.
async fn observe(url: &str, keys: &str) -> Observation {
    probe(url, keys).await.expect("an answer")
}

fn reason(observation: &Observation) -> Option<Reason> {
    observation.failure.as_ref().map(|failure| failure.reason)
}

fn code(observation: &Observation) -> Option<f64> {
    value(&observation.families, "probe_http_status_code", &[])
}

fn phase(families: &[Family], name: &str) -> f64 {
    value(families, "probe_http_duration_seconds", &[name]).expect("every phase is there")
}

/// The value of a family without labels.
fn plain(observation: &Observation, name: &str) -> Option<f64> {
    value(&observation.families, name, &[])
}

fn ok() -> Reply {
    reply(200, "fine")
}
