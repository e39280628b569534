//! Probes of `mongodb` sources.

mod alerts;
mod config;
mod failover;
mod failures;
mod harm;
mod hostile;
mod large;
mod logins;
mod parity;
mod questions;
mod truth;
mod values;

use std::time::Duration;

use mongodb::bson::Document;
use platform_core::query::Question;
use platform_core::yaml::{self, Faults, Path};
use serde_json::Value;

use testkit::mongodb::Mongodb;

const PATIENCE: Duration = Duration::from_secs(10);

/// The source of a server, with more keys.
fn yaml(url: &str, more: &str) -> String {
    format!("mongodb: {{url: '{url}'{more}}}")
}

/// A question, without the check that a configuration would make.
fn question(text: &str) -> Question {
    let mut faults = Faults::of("question.yml");
    let tree = yaml::parse(text, &|_| None, &mut faults);
    let value = tree.and_then(|tree| yaml::decode::<Value>(&tree, &Path::default(), &mut faults));
    Question::new("mongo", value.unwrap_or_else(|| panic!("{faults}")))
}

/// What the exporter has on the server: one document for each connection, idle or active.
async fn connections(server: &Mongodb) -> Vec<Document> {
    server.connections_of("platform_exporter").await
}
