//! MongoDB.

use mongodb::bson::doc;

use crate::config::{sources, times};
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, degraded, down, nothing, up};
use crate::runner::HOUR;
use testkit::mongodb::Mongodb;
use testkit::mongodb_fake::{FakeMongodb, nested};
use testkit::mongodb_set::MongodbSet;

const FILLER: usize = 1_000_000;

/// Gives the one document of the collection as many times as it says itself, each with a key of its own.
const PIPELINE: &str = "[{$set: {n: {$range: [0, $times]}}}, {$unwind: $n}, {$replaceWith: {$arrayToObject: [[\
                        {k: {$concat: [k, {$toString: $n}]}, v: 1}, {k: n, v: {$toString: $n}}, \
                        {k: value, v: 1}, {k: filler, v: $filler}]]}}]";

pub(crate) const KIND: Kind =
    Kind { name: "mongodb", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => degraded("permission").note("the role `clusterMonitor` is missing"),
        Fault::Oversized => degraded("query").note("a query returns 1 GiB of documents"),
        Fault::Nested => down("protocol"),
        Fault::Bloated => up().note("8,000 documents with a distinct key each"),
        Fault::Failover => degraded("alarm")
            .note("the primary of a three-member replica set is killed and another takes over"),
        Fault::RateLimit => nothing("MongoDB has no rate limit by default"),
        _ => matrix::usual(fault),
    }
}

struct MongodbUnderTest {
    server: Mongodb,
    /// Answers in its place, nested deeply.
    nested: FakeMongodb,
    /// Its clock goes an hour ahead.
    ahead: Mongodb,
    set: MongodbSet,
    gates: Gates,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let options = || Mongodb::options().login("operator", "unused");
    let set = MongodbSet::start("operator", "unused");
    let (server, ahead, set) = tokio::join!(options().start(), options().ahead(HOUR).start(), set);
    let roles = ["clusterMonitor", "readAnyDatabase"];
    let user = doc! {"createUser": "exporter", "pwd": "right", "roles": roles.to_vec()};
    set.run(user.clone()).await;
    for server in [&server, &ahead] {
        server.run(user.clone()).await;
        let answers = server.client().await.database("shop").collection("answers");
        let document = doc! {"times": 1, "filler": "x".repeat(FILLER)};
        answers.insert_one(document).await.expect("the server is writable");
    }
    let gates = world.gates("mongodb", Protocol::Other, &server.address(), "right").await;
    let url = |gate: &Gate| {
        format!("mongodb://exporter:right@{}/shop?authSource=admin&directConnection=true", gate.host())
    };
    let config = sources(
        &format!("mongodb: {{url: '{}'}}", url(&gates.plain)),
        &format!(
            "mongodb: {{url: '{}&tls=true', {}, password_file: {}}}",
            url(&gates.secure).replace(":right@", "@"),
            gates.secure.trust(),
            gates.secure.secret_file()
        ),
        "mongo: {collection: answers, pipeline: [{$project: {_id: 0, value: $times}}]}",
    ) + &format!(
        "
  - name: documents
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    max_series: 10000
    mongo: {{collection: answers, pipeline: {PIPELINE}}}
    labels: [n]
    metrics: [{{name: documents, value: value, help: A number.}}]
  - name: primary
    source: set
    every: 2s
    timeout: 2s
    max_age: 1h
    mongo: {{command: {{hello: 1}}}}
    labels: [me]
    metrics: [{{name: primary, value: isWritablePrimary, help: Whether it is.}}]
"
    );
    let hosts = set.hosts();
    let url = format!("mongodb://exporter:right@{hosts}/?authSource=admin&replicaSet=rs0");
    let config = format!("  set:\n    mongodb: {{url: '{url}'}}\n{}{config}", times());
    let nested = FakeMongodb::start(|_, _| nested(100_000)).await;
    Box::new(MongodbUnderTest { server, nested, ahead, set, gates, config })
}

impl MongodbUnderTest {
    async fn answers(&self, times: i32, filler: usize) {
        let answers = self.server.client().await.database("shop").collection::<()>("answers");
        let update =
            answers.update_one(doc! {}, doc! {"$set": {"times": times, "filler": "x".repeat(filler)}}).await;
        update.expect("the server is writable");
    }
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for MongodbUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    fn sources(&self) -> &'static [&'static str] {
        &["plain", "secure", "set"]
    }

    fn source(&self, fault: Fault) -> &'static str {
        if fault == Fault::Failover { "set" } else { fault.source() }
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        if fault != Fault::Failover {
            return None;
        }
        let successor = self.set.successor().await;
        Some(Sign::Meanwhile(format!(r#"primary{{source="set",me="{successor}"}} 1"#)))
    }

    /// The members, with which the driver speaks by the names that they give themselves.
    async fn connections(&mut self) -> Vec<usize> {
        self.set.connections_of("platform_exporter").await
    }

    fn budget(&self) -> usize {
        3
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.run(doc! {"updateUser": "exporter", "pwd": "another"}).await;
                self.gates.plain.lead_to(&self.server.address()).await;
            }
            Fault::NoPermission => {
                self.server.run(doc! {"revokeRolesFromUser": "exporter", "roles": ["clusterMonitor"]}).await;
            }
            Fault::Oversized => self.answers(1100, FILLER).await,
            Fault::Nested => self.gates.plain.lead_to(self.nested.address()).await,
            Fault::Bloated => self.answers(8_000, 0).await,
            Fault::Restart => self.server.kill(),
            Fault::Failover => self.set.kill_primary().await,
            Fault::Clock => self.gates.plain.lead_to(&self.ahead.address()).await,
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.run(doc! {"updateUser": "exporter", "pwd": "right"}).await;
            }
            Fault::NoPermission => {
                self.server.run(doc! {"grantRolesToUser": "exporter", "roles": ["clusterMonitor"]}).await;
            }
            Fault::Oversized | Fault::Bloated => self.answers(1, FILLER).await,
            Fault::Restart => self.server.restart().await,
            Fault::Failover => self.set.revive().await,
            _ => {}
        }
    }
}
