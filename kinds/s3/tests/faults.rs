//! S3.

use crate::faults::gate::{Gate, World};
use crate::faults::matrix::{self, Cell, Fault, degraded, down, nothing};
use crate::faults::odd::Odd;
use crate::faults::runner::Patient;
use crate::faults::sources;
use testkit::s3::S3;
use testkit::tls::Opening;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(crate) struct S3Patient {
    server: S3,
    _second: S3,
    /// It knows the key with another secret.
    stranger: S3,
    odd: Odd,
    plain: Gate,
    secure: Gate,
    config: String,
}

pub(crate) async fn patient(world: &World) -> Box<dyn Patient> {
    let (server, second) = (S3::start(KEY, SECRET).await, S3::start(KEY, SECRET).await);
    for server in [&server, &second] {
        server.add_bucket("backups");
    }
    let plain = world.http_gate("s3", server.address()).await;
    plain.moves_to(second.address());
    let secure = world.tls_gate("s3-tls", server.address(), Opening::Tls, SECRET).await;
    let keys = format!("bucket: backups, access_key_id: {KEY}, secret_access_key: '{SECRET}'");
    let config = sources(
        &format!("s3: {{{keys}, endpoint: 'http://{}'}}", plain.host()),
        &format!(
            "s3: {{bucket: backups, access_key_id: {KEY}, secret_access_key_file: {}, endpoint: 'https://{}', \
             tls: {{ca_file: {}}}}}",
            secure.secret_file(),
            secure.host(),
            world.ca.certificate().display()
        ),
        "",
    );
    let stranger = S3::start(KEY, "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY").await;
    Box::new(S3Patient { server, _second: second, stranger, odd: Odd::start().await, plain, secure, config })
}

/// Refuses every request as a store of Amazon's does.
fn refuse(odd: &Odd, status: u16, code: &str) {
    odd.says(status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>"));
}

#[async_trait::async_trait(?Send)]
impl Patient for S3Patient {
    fn kind(&self) -> &'static str {
        "s3"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::WrongCredentials => down("credentials_invalid"),
            Fault::NoPermission => down("permission").note("`AccessDenied`"),
            Fault::WrongProtocol => down("connect").note("Redis, which closes the connection"),
            Fault::Oversized => degraded("protocol").note("100 MiB instead of a list of one key"),
            Fault::Nested => degraded("protocol"),
            Fault::Bloated => nothing("answers are limited to 1 MiB"),
            Fault::Clock => down("clock_skew").note("`RequestTimeTooSkewed`"),
            Fault::RateLimit => down("rate_limited").note("`SlowDown`"),
            _ => matrix::usual(fault),
        }
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => return self.plain.lead_to(self.stranger.address()).await,
            Fault::NoPermission => refuse(&self.odd, 403, "AccessDenied"),
            Fault::RateLimit => refuse(&self.odd, 503, "SlowDown"),
            Fault::Clock => refuse(&self.odd, 403, "RequestTimeTooSkewed"),
            Fault::Oversized => self.odd.says_too_much(),
            Fault::Nested => self.odd.says_nested_xml(),
            Fault::Restart | Fault::Failover => return self.server.end().await,
            _ => return,
        }
        self.plain.lead_to(&self.odd.address()).await;
    }

    async fn mend_server(&mut self, fault: Fault) {
        match fault {
            Fault::Restart => self.server.restart().await,
            Fault::WrongCredentials | Fault::NoPermission | Fault::RateLimit => {
                self.plain.lead_to(self.server.address()).await;
            }
            _ => {}
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
