//! MongoDB.

use mongodb::bson::doc;

use super::gate::{Gate, World};
use super::matrix::{self, Cell, Fault, degraded, down, nothing};
use super::runner::Patient;
use super::sources;
use crate::support::mongodb::Mongodb;
use crate::support::tls::Opening;

/// Gives the one document of the collection as many times as it says itself.
const PIPELINE: &str =
    "[{$set: {value: {$range: [0, $times]}}}, {$unwind: $value}, {$set: {value: 1}}, {$unset: _id}]";

pub(super) struct MongodbPatient {
    server: Mongodb,
    plain: Gate,
    secure: Gate,
    config: String,
}

pub(super) async fn patient(world: &World) -> Box<dyn Patient> {
    let server = Mongodb::options().login("operator", "unused").start().await;
    let roles = ["clusterMonitor", "readAnyDatabase"];
    let user = doc! {"createUser": "exporter", "pwd": "right", "roles": roles.to_vec()};
    server.run(user).await;
    let answers = server.client().await.database("shop").collection("answers");
    let document = doc! {"times": 1, "filler": "x".repeat(1_000_000)};
    answers.insert_one(document).await.expect("the server is writable");
    let plain = world.gate("mongodb", &server.address()).await;
    let secure = world.tls_gate("mongodb-tls", &server.address(), Opening::Tls).await;
    let url = |gate: &Gate| {
        format!("mongodb://exporter:right@{}/shop?authSource=admin&directConnection=true", gate.host())
    };
    let config = sources(
        &format!("mongodb: {{url: '{}'}}", url(&plain)),
        &format!(
            "mongodb: {{url: '{}&tls=true', tls: {{ca_file: {}}}}}",
            url(&secure),
            world.ca.certificate().display()
        ),
        "mongo: {collection: answers, pipeline: [{$project: {_id: 0, value: $times}}]}",
    ) + &format!(
        "
  - name: documents
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    mongo: {{collection: answers, pipeline: {PIPELINE}}}
    metrics: [{{name: documents, value: value, help: A number.}}]
"
    );
    Box::new(MongodbPatient { server, plain, secure, config })
}

impl MongodbPatient {
    async fn answers(&self, times: i32) {
        let answers = self.server.client().await.database("shop").collection::<()>("answers");
        let update = answers.update_one(doc! {}, doc! {"$set": {"times": times}}).await;
        update.expect("the server is writable");
    }
}

#[async_trait::async_trait(?Send)]
impl Patient for MongodbPatient {
    fn kind(&self) -> &'static str {
        "mongodb"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::NoPermission => degraded("permission").note("the role `clusterMonitor` is missing"),
            Fault::Oversized => degraded("query").note("a query gives 1 GiB of documents"),
            Fault::Garbage => {
                down("timeout").note("the driver takes it for a length, and waits for the rest")
            }
            Fault::Clock => nothing("not measured: a server whose clock alone is moved waits for hours"),
            Fault::RateLimit => nothing("MongoDB has no rate limit by default"),
            _ => matrix::usual(fault),
        }
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
    }

    fn budget(&self) -> usize {
        3
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.run(doc! {"updateUser": "exporter", "pwd": "another"}).await;
                self.plain.lead_to(&self.server.address()).await;
            }
            Fault::NoPermission => {
                self.server.run(doc! {"revokeRolesFromUser": "exporter", "roles": ["clusterMonitor"]}).await;
            }
            Fault::Oversized => self.answers(1100).await,
            Fault::Restart => self.server.kill(),
            _ => {}
        }
    }

    async fn mend_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.run(doc! {"updateUser": "exporter", "pwd": "right"}).await;
            }
            Fault::NoPermission => {
                self.server.run(doc! {"grantRolesToUser": "exporter", "roles": ["clusterMonitor"]}).await;
            }
            Fault::Oversized => self.answers(1).await,
            Fault::Restart => self.server.restart().await,
            _ => {}
        }
    }
}
