//! S3.

use crate::canned_server::CannedServer;
use crate::config::sources;
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest};
use crate::matrix::{self, Cell, Fault, degraded, down, nothing};
use testkit::s3::S3;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(crate) const KIND: Kind = Kind { name: "s3", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
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

struct S3UnderTest {
    server: S3,
    _second: S3,
    /// It knows the key with another secret.
    stranger: S3,
    canned: CannedServer,
    gates: Gates,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let (server, second) = (S3::start(KEY, SECRET).await, S3::start(KEY, SECRET).await);
    for server in [&server, &second] {
        server.add_bucket("backups");
    }
    let gates = world.gates("s3", Protocol::Http, server.address(), SECRET).await;
    gates.plain.moves_to(second.address());
    let keys = format!("bucket: backups, access_key_id: {KEY}, secret_access_key: '{SECRET}'");
    let config = sources(
        &format!("s3: {{{keys}, endpoint: 'http://{}'}}", gates.plain.host()),
        &format!(
            "s3: {{bucket: backups, access_key_id: {KEY}, secret_access_key_file: {}, endpoint: 'https://{}', \
             {}}}",
            gates.secure.secret_file(),
            gates.secure.host(),
            gates.secure.trust()
        ),
        "",
    );
    let stranger = S3::start(KEY, "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY").await;
    Box::new(S3UnderTest {
        server,
        _second: second,
        stranger,
        canned: CannedServer::start().await,
        gates,
        config,
    })
}

/// Refuses every request as a store of Amazon's does.
fn refuse(canned: &CannedServer, status: u16, code: &str) {
    canned.says(status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>"));
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for S3UnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => return self.gates.plain.lead_to(self.stranger.address()).await,
            Fault::NoPermission => refuse(&self.canned, 403, "AccessDenied"),
            Fault::RateLimit => refuse(&self.canned, 503, "SlowDown"),
            Fault::Clock => refuse(&self.canned, 403, "RequestTimeTooSkewed"),
            Fault::Oversized => self.canned.says_too_much(),
            Fault::Nested => self.canned.says_nested_xml(),
            Fault::Restart | Fault::Failover => return self.server.end().await,
            _ => return,
        }
        self.gates.plain.lead_to(&self.canned.address()).await;
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::Restart => self.server.restart().await,
            Fault::WrongCredentials | Fault::NoPermission | Fault::RateLimit => {
                self.gates.plain.lead_to(self.server.address()).await;
            }
            _ => {}
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
