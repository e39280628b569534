//! Stripe, as its stand-in plays it.

use crate::canned_server::{CannedServer, many};
use crate::config::sources;
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, degraded, down};
use testkit::stripe::{ApiKey, Permission, Refusal, StripeServer, WebhookEndpoint};

const KEY: &str = "rk_live_planted1234";
const ALL: [Permission; 3] =
    [Permission::Events, Permission::WebhookEndpoints, Permission::EventDestinations];

pub(crate) const KIND: Kind =
    Kind { name: "stripe", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => degraded("permission").note("reading webhook endpoints"),
        Fault::WrongProtocol => down("connect").note("Redis, which closes the connection"),
        Fault::Oversized => matrix::usual(fault).note("100 MiB of JSON"),
        Fault::Nested => down("protocol"),
        Fault::Bloated => down("protocol").note("a page of 600,000 events"),
        Fault::RateLimit => matrix::usual(fault).note("429 with `Retry-After: 1`"),
        _ => matrix::usual(fault),
    }
}

struct StripeUnderTest {
    server: Option<StripeServer>,
    address: String,
    _second: StripeServer,
    /// The one endpoint of the second server.
    endpoint: String,
    canned: CannedServer,
    gates: Gates,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let (server, second) = (StripeServer::start().await, StripeServer::start().await);
    admit(&server, &ALL);
    admit(&second, &ALL);
    let endpoint =
        second.state().add_webhook_endpoint(WebhookEndpoint::new("https://second.example.com/hook"));
    let address = address(&server);
    let gates = world.gates("stripe", Protocol::Http, &address, KEY).await;
    gates.plain.moves_to(&self::address(&second));
    let config = sources(
        &format!("stripe: {{api_key: {KEY}, api_base: 'http://{}'}}", gates.plain.host()),
        &format!(
            "stripe: {{api_key_file: {}, api_base: 'https://{}', {}}}",
            gates.secure.secret_file(),
            gates.secure.host(),
            gates.secure.trust()
        ),
        "",
    );
    let (server, canned) = (Some(server), CannedServer::start().await);
    Box::new(StripeUnderTest { server, address, _second: second, endpoint, canned, gates, config })
}

fn address(server: &StripeServer) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

fn admit(server: &StripeServer, permissions: &[Permission]) {
    server.state().keys = vec![ApiKey::restricted(KEY, permissions)];
}

impl StripeUnderTest {
    fn server(&self) -> &StripeServer {
        self.server.as_ref().expect("it runs")
    }

    async fn restart(&mut self) {
        let address = self.address.parse().expect("the server's own address");
        self.server = Some(StripeServer::start_at(address).await);
        admit(self.server(), &ALL);
    }
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for StripeUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        let endpoint = &self.endpoint;
        let sign = || format!(r#"stripe_webhook_endpoint_enabled{{source="plain",endpoint_id="{endpoint}""#);
        (fault == Fault::Failover).then(|| Sign::Afterwards(sign()))
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => self.server().state().keys.clear(),
            Fault::NoPermission => admit(self.server(), &[Permission::Events, Permission::EventDestinations]),
            Fault::RateLimit => {
                self.server().state().refuse_next(usize::MAX, Refusal::RateLimited(Some(1)));
            }
            Fault::Oversized => {
                self.canned.says_too_much();
                self.gates.plain.lead_to(&self.canned.address()).await;
            }
            Fault::Nested => {
                self.canned.says_nested();
                self.gates.plain.lead_to(&self.canned.address()).await;
            }
            Fault::Bloated => {
                let event = r#"{"id":"","type":"","created":0}"#;
                self.canned.says(200, format!(r#"{{"has_more": false, "data": {}}}"#, many(event)));
                self.gates.plain.lead_to(&self.canned.address()).await;
            }
            Fault::Clock => {
                self.canned.says_an_hour_ahead(r#"{"data": [], "has_more": false}"#);
                self.gates.plain.lead_to(&self.canned.address()).await;
            }
            Fault::Restart | Fault::Failover => self.server = None,
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::RateLimit => self.server().state().refuse_next(0, Refusal::RateLimited(None)),
            Fault::Restart => self.restart().await,
            Fault::Failover => {}
            _ => admit(self.server(), &ALL),
        }
    }

    async fn return_home(&mut self) {
        self.restart().await;
    }
}
