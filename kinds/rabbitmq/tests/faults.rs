//! RabbitMQ, by AMQP and by its management interface.

use hyper::body::Bytes;
use serde_json::json;

use crate::canned_server::{CannedServer, LEVELS, many};
use crate::config::sources;
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, degraded, down};
use crate::runner::HOUR;
use testkit::fake_broker::{FakeBroker, nested_start};
use testkit::rabbitmq::Rabbitmq;
use testkit::web::{Web, reply};

pub(crate) const KIND: Kind =
    Kind { name: "rabbitmq", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => degraded("permission").note("the tag `monitoring` is missing"),
        Fault::Oversized => degraded("protocol").note("the management API sends 100 MiB of JSON"),
        Fault::Nested => down("protocol").note("field tables of AMQP, JSON of the management API"),
        Fault::Bloated => degraded("protocol").note("the management API lists 600,000 queues"),
        Fault::RateLimit => down("rate_limited").note("the user's connection limit is reached"),
        _ => matrix::usual(fault),
    }
}

struct RabbitmqUnderTest {
    server: Rabbitmq,
    /// Its clock goes an hour ahead; names lead to it after a failover.
    ahead: Rabbitmq,
    canned: CannedServer,
    /// Its properties are tables in tables.
    nested: FakeBroker,
    /// Its management interface lists too many queues.
    swollen: Web,
    gates: Gates,
    management: Gate,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let (server, ahead) = tokio::join!(Rabbitmq::start(), Rabbitmq::options().ahead(HOUR).start());
    for server in [&server, &ahead] {
        server.add_user("exporter", "right", "monitoring").await;
        server.allow("exporter", "%2f", ".*").await;
        server.add_queue("%2f", "orders", json!({})).await;
    }
    let gates = world.gates("rabbitmq", Protocol::Other, &server.address(), "right").await;
    let management_address = server.management_address();
    let management = world.gate("rabbitmq-management", Protocol::Http, &management_address).await;
    gates.plain.moves_to(&ahead.address());
    management.moves_to(&ahead.management_address());
    let config = sources(
        &format!(
            "rabbitmq: {{url: 'amqp://exporter:right@{}/%2f', management_url: 'http://{}'}}",
            gates.plain.host(),
            management.host()
        ),
        &format!(
            "rabbitmq: {{url: 'amqps://exporter@{}/%2f', queues: [orders], {}, password_file: {}}}",
            gates.secure.host(),
            gates.secure.trust(),
            gates.secure.secret_file()
        ),
        "",
    );
    let (canned, nested) = (CannedServer::start().await, FakeBroker::greeting(nested_start(LEVELS)).await);
    let swollen = swollen().await;
    Box::new(RabbitmqUnderTest { server, ahead, canned, nested, swollen, gates, management, config })
}

async fn swollen() -> Web {
    let queues = Bytes::from(many(r#"{"vhost":"","name":""}"#));
    Web::start(move |asked| match asked.path.split('?').next() {
        Some("/api/overview") => reply(200, r#"{"rabbitmq_version": "4.2.0"}"#),
        Some("/api/health/checks/alarms") => reply(200, "{}"),
        Some("/api/queues") => reply(200, queues.clone()),
        _ => reply(200, "[]"),
    })
    .await
}

impl RabbitmqUnderTest {
    async fn end_connections(&self) {
        self.gates.plain.lead_to(&self.server.address()).await;
    }

    async fn tag(&self, password: &str, tags: &str) {
        self.server.add_user("exporter", password, tags).await;
    }
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for RabbitmqUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        let mut gates = self.gates.by_source();
        gates.push(("plain", &self.management));
        gates
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        let sign = || format!(r#"rabbitmq_running{{source="plain",node="{}"}} 1"#, self.ahead.node());
        (fault == Fault::Failover).then(|| Sign::Afterwards(sign()))
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.tag("another", "monitoring").await;
                self.end_connections().await;
            }
            Fault::NoPermission => self.tag("right", "").await,
            Fault::Oversized => {
                self.canned.says_too_much();
                self.management.lead_to(&self.canned.address()).await;
            }
            Fault::Nested => {
                self.canned.says_nested();
                self.gates.plain.lead_to(self.nested.address()).await;
                self.management.lead_to(&self.canned.address()).await;
            }
            Fault::Bloated => self.management.lead_to(self.swollen.address()).await,
            Fault::Restart | Fault::Failover => self.server.kill(),
            Fault::Clock => {
                self.gates.plain.lead_to(&self.ahead.address()).await;
                self.management.lead_to(&self.ahead.management_address()).await;
            }
            Fault::RateLimit => {
                let limit = json!({"value": 0});
                self.server.put("/api/user-limits/exporter/max-connections", limit).await;
                self.end_connections().await;
            }
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials | Fault::NoPermission => self.tag("right", "monitoring").await,
            Fault::Restart => self.server.restart().await,
            Fault::RateLimit => self.server.delete("/api/user-limits/exporter/max-connections").await,
            _ => {}
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
