//! Probes of `mongodb` sources.

mod config;
mod failures;
mod harm;
mod logins;
mod questions;
mod values;

use std::time::Duration;

use mongodb::bson::{Document, doc};
use platform_exporter::query::{MongoQuestion, Question};
use platform_exporter::yaml::{self, Faults, Path};

use crate::support::mongodb::Mongodb;

const PATIENCE: Duration = Duration::from_secs(10);

/// The source of a server, with more keys.
fn yaml(url: &str, more: &str) -> String {
    format!("mongodb: {{url: '{url}'{more}}}")
}

/// A question, without the check that a configuration would make.
fn question(text: &str) -> Question {
    let mut faults = Faults::of("question.yml");
    let tree = yaml::parse(text, &|_| None, &mut faults);
    let question = tree.and_then(|tree| yaml::decode::<MongoQuestion>(&tree, &Path::default(), &mut faults));
    Question::Mongo(question.unwrap_or_else(|| panic!("{faults}")))
}

/// What the exporter has on the server: one document for each connection, idle or active.
async fn connections(server: &Mongodb) -> Vec<Document> {
    let reply = server
        .run(doc! {
            "aggregate": 1,
            "cursor": {},
            "pipeline": [
                {"$currentOp": {"allUsers": true, "idleConnections": true}},
                {"$match": {"appName": "platform_exporter"}},
            ],
        })
        .await;
    let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    batch.into_iter().flatten().filter_map(|operation| operation.as_document().cloned()).collect()
}
