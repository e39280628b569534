//! HTTP endpoints.

use crate::faults::gate::{Gate, World};
use crate::faults::matrix::{self, Cell, Fault, down, nothing, up};
use crate::faults::odd::Odd;
use crate::faults::runner::{Patient, Sign};
use crate::faults::sources;
use testkit::tls::Opening;

/// What the second server says.
const SECOND: &str = "fine as well";

pub(crate) struct HttpPatient {
    server: Odd,
    _second: Odd,
    plain: Gate,
    secure: Gate,
    config: String,
}

pub(crate) async fn patient(world: &World) -> Box<dyn Patient> {
    let (server, second) = (Odd::start().await, Odd::start().await);
    second.says(200, SECOND);
    let plain = world.http_gate("http", &server.address()).await;
    plain.moves_to(&second.address());
    let secure = world.tls_gate("https", &server.address(), Opening::Tls, "right").await;
    let config = sources(
        &format!("http: {{url: 'http://{}/'}}", plain.host()),
        &format!(
            "http: {{url: 'https://{}/', tls: {{ca_file: {}}}, basic_auth: {{username: exporter, password_file: {}}}}}",
            secure.host(),
            world.ca.certificate().display(),
            secure.secret_file()
        ),
        "",
    );
    Box::new(HttpPatient { server, _second: second, plain, secure, config })
}

#[async_trait::async_trait(?Send)]
impl Patient for HttpPatient {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
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

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
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

    async fn mend_server(&mut self, fault: Fault) {
        match fault {
            Fault::Restart => self.server.restart().await,
            _ => self.server.says(200, "fine"),
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
