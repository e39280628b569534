//! HTTP endpoints.

use crate::canned_server::CannedServer;
use crate::config::sources;
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, down, nothing, up};

/// What the second server says.
const SECOND: &str = "fine as well";

pub(crate) const KIND: Kind =
    Kind { name: "http", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => down("permission").note("status 403"),
        Fault::WrongProtocol => down("connect").note("Redis, which closes the connection"),
        Fault::Oversized => up().note("100 MiB, of which 1 MiB is read"),
        Fault::Nested => up().note("bodies are not parsed"),
        Fault::Bloated => nothing("bodies are not parsed"),
        Fault::RateLimit => down("rate_limited").note("status 429"),
        _ => matrix::usual(fault),
    }
}

struct HttpUnderTest {
    server: CannedServer,
    _second: CannedServer,
    gates: Gates,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let (server, second) = (CannedServer::start().await, CannedServer::start().await);
    second.says(200, SECOND);
    let gates = world.gates("http", Protocol::Http, &server.address(), "right").await;
    gates.plain.moves_to(&second.address());
    let config = sources(
        &format!("http: {{url: 'http://{}/'}}", gates.plain.host()),
        &format!(
            "http: {{url: 'https://{}/', {}, basic_auth: {{username: exporter, password_file: {}}}}}",
            gates.secure.host(),
            gates.secure.trust(),
            gates.secure.secret_file()
        ),
        "",
    );
    Box::new(HttpUnderTest { server, _second: second, gates, config })
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for HttpUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        let length = || format!(r#"probe_http_content_length{{source="plain"}} {}"#, SECOND.len());
        (fault == Fault::Failover).then(|| Sign::Afterwards(length()))
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => self.server.says(401, "who are you?"),
            Fault::NoPermission => self.server.says(403, "not you"),
            Fault::RateLimit => self.server.says(429, "later"),
            Fault::Oversized => self.server.says_too_much(),
            Fault::Nested => self.server.says_nested(),
            Fault::Clock => self.server.says_an_hour_ahead("fine"),
            Fault::Restart | Fault::Failover => self.server.end().await,
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::Restart => self.server.restart().await,
            _ => self.server.says(200, "fine"),
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
