//! RabbitMQ, by AMQP and by its management interface.

use hyper::body::Bytes;
use serde_json::json;

use crate::faults::gate::{Gate, World};
use crate::faults::matrix::{self, Cell, Fault, degraded, down};
use crate::faults::odd::{LEVELS, Odd, many};
use crate::faults::runner::{HOUR, Patient, Sign};
use crate::faults::sources;
use testkit::fake_broker::{FakeBroker, nested_start};
use testkit::rabbitmq::Rabbitmq;
use testkit::tls::Opening;
use testkit::web::{Web, reply};

pub(crate) struct RabbitmqPatient {
    server: Rabbitmq,
    /// Its clock goes an hour ahead; names lead to it after a failover.
    ahead: Rabbitmq,
    odd: Odd,
    /// Its properties are tables in tables.
    nested: FakeBroker,
    /// Its management interface lists too many queues.
    swollen: Web,
    plain: Gate,
    management: Gate,
    secure: Gate,
    config: String,
}

pub(crate) async fn patient(world: &World) -> Box<dyn Patient> {
    let (server, ahead) = tokio::join!(Rabbitmq::start(), Rabbitmq::options().ahead(HOUR).start());
    for server in [&server, &ahead] {
        server.add_user("exporter", "right", "monitoring").await;
        server.allow("exporter", "%2f", ".*").await;
        server.add_queue("%2f", "orders", json!({})).await;
    }
    let plain = world.gate("rabbitmq", &server.address()).await;
    let management = world.http_gate("rabbitmq-management", &server.management_address()).await;
    plain.moves_to(&ahead.address());
    management.moves_to(&ahead.management_address());
    let secure = world.tls_gate("rabbitmq-tls", &server.address(), Opening::Tls, "right").await;
    let config = sources(
        &format!(
            "rabbitmq: {{url: 'amqp://exporter:right@{}/%2f', management_url: 'http://{}'}}",
            plain.host(),
            management.host()
        ),
        &format!(
            "rabbitmq: {{url: 'amqps://exporter@{}/%2f', queues: [orders], tls: {{ca_file: {}}}, password_file: {}}}",
            secure.host(),
            world.ca.certificate().display(),
            secure.secret_file()
        ),
        "",
    );
    let (odd, nested) = (Odd::start().await, FakeBroker::greeting(nested_start(LEVELS)).await);
    let swollen = swollen().await;
    Box::new(RabbitmqPatient { server, ahead, odd, nested, swollen, plain, management, secure, config })
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

impl RabbitmqPatient {
    async fn end_connections(&self) {
        self.plain.lead_to(&self.server.address()).await;
    }

    async fn tag(&self, password: &str, tags: &str) {
        self.server.add_user("exporter", password, tags).await;
    }
}

#[async_trait::async_trait(?Send)]
impl Patient for RabbitmqPatient {
    fn kind(&self) -> &'static str {
        "rabbitmq"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::NoPermission => degraded("permission").note("the tag `monitoring` is missing"),
            Fault::Oversized => degraded("protocol").note("the management API sends 100 MiB of JSON"),
            Fault::Nested => down("protocol").note("field tables of AMQP, JSON of the management API"),
            Fault::Bloated => degraded("protocol").note("the management API lists 600,000 queues"),
            Fault::RateLimit => down("rate_limited").note("the user's connection limit is reached"),
            _ => matrix::usual(fault),
        }
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("plain", &self.management), ("secure", &self.secure)]
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
                self.odd.says_too_much();
                self.management.lead_to(&self.odd.address()).await;
            }
            Fault::Nested => {
                self.odd.says_nested();
                self.plain.lead_to(self.nested.address()).await;
                self.management.lead_to(&self.odd.address()).await;
            }
            Fault::Bloated => self.management.lead_to(self.swollen.address()).await,
            Fault::Restart | Fault::Failover => self.server.kill(),
            Fault::Clock => {
                self.plain.lead_to(&self.ahead.address()).await;
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

    async fn mend_server(&mut self, fault: Fault) {
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
