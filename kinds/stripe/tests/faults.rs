//! Stripe, as its stand-in plays it.

use crate::faults::gate::{Gate, World};
use crate::faults::matrix::{self, Cell, Fault, degraded, down};
use crate::faults::odd::{Odd, many};
use crate::faults::runner::{Patient, Sign};
use crate::faults::sources;
use testkit::stripe::{ApiKey, Permission, Refusal, StripeServer, WebhookEndpoint};
use testkit::tls::Opening;

const KEY: &str = "rk_live_planted1234";
const ALL: [Permission; 3] =
    [Permission::Events, Permission::WebhookEndpoints, Permission::EventDestinations];

pub(crate) struct StripePatient {
    server: Option<StripeServer>,
    address: String,
    _second: StripeServer,
    /// The one endpoint of the second server.
    endpoint: String,
    odd: Odd,
    plain: Gate,
    secure: Gate,
    config: String,
}

pub(crate) async fn patient(world: &World) -> Box<dyn Patient> {
    let (server, second) = (StripeServer::start().await, StripeServer::start().await);
    admit(&server, &ALL);
    admit(&second, &ALL);
    let endpoint =
        second.state().add_webhook_endpoint(WebhookEndpoint::new("https://second.example.com/hook"));
    let address = address(&server);
    let plain = world.http_gate("stripe", &address).await;
    plain.moves_to(&self::address(&second));
    let secure = world.tls_gate("stripe-tls", &address, Opening::Tls, KEY).await;
    let config = sources(
        &format!("stripe: {{api_key: {KEY}, api_base: 'http://{}'}}", plain.host()),
        &format!(
            "stripe: {{api_key_file: {}, api_base: 'https://{}', tls: {{ca_file: {}}}}}",
            secure.secret_file(),
            secure.host(),
            world.ca.certificate().display()
        ),
        "",
    );
    let (server, odd) = (Some(server), Odd::start().await);
    Box::new(StripePatient { server, address, _second: second, endpoint, odd, plain, secure, config })
}

fn address(server: &StripeServer) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

fn admit(server: &StripeServer, permissions: &[Permission]) {
    server.state().keys = vec![ApiKey::restricted(KEY, permissions)];
}

impl StripePatient {
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
impl Patient for StripePatient {
    fn kind(&self) -> &'static str {
        "stripe"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
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

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
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
                self.odd.says_too_much();
                self.plain.lead_to(&self.odd.address()).await;
            }
            Fault::Nested => {
                self.odd.says_nested();
                self.plain.lead_to(&self.odd.address()).await;
            }
            Fault::Bloated => {
                let event = r#"{"id":"","type":"","created":0}"#;
                self.odd.says(200, format!(r#"{{"has_more": false, "data": {}}}"#, many(event)));
                self.plain.lead_to(&self.odd.address()).await;
            }
            Fault::Clock => {
                self.odd.says_an_hour_ahead(r#"{"data": [], "has_more": false}"#);
                self.plain.lead_to(&self.odd.address()).await;
            }
            Fault::Restart | Fault::Failover => self.server = None,
            _ => {}
        }
    }

    async fn mend_server(&mut self, fault: Fault) {
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
