//! Redis.

use redis::aio::MultiplexedConnection;

use super::gate::{Gate, World};
use super::matrix::{self, Cell, Fault, degraded, down};
use super::runner::{HOUR, Patient};
use super::sources;
use crate::support::redis::Redis;
use crate::support::tls::Opening;

const RIGHTS: &str = "exporter on >right ~* +@all";

/// More than any sane answer: the largest string that Redis allows has 512 MiB.
const LARGE: &str = "536870911";

pub(super) struct RedisPatient {
    server: Redis,
    /// Its clock goes an hour ahead.
    ahead: Redis,
    plain: Gate,
    secure: Gate,
    only_client: Option<MultiplexedConnection>,
    config: String,
}

pub(super) async fn patient(world: &World) -> Box<dyn Patient> {
    let options = || Redis::options().user(RIGHTS);
    let (server, ahead) = tokio::join!(options().start(), options().ahead(HOUR).start());
    let plain = world.gate("redis", &server.address()).await;
    let secure = world.tls_gate("redis-tls", &server.address(), Opening::Tls).await;
    let config = sources(
        &format!("redis: {{url: 'redis://exporter:right@{}'}}", plain.host()),
        &format!(
            "redis: {{url: 'rediss://exporter:right@{}', tls: {{ca_file: {}}}}}",
            secure.host(),
            world.ca.certificate().display()
        ),
        "redis: {command: [STRLEN, size]}",
    ) + "
  - name: blob
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    redis: {command: [GET, blob]}
    metrics: [{name: blob, value: value, help: A number., optional: true}]
";
    Box::new(RedisPatient { server, ahead, plain, secure, only_client: None, config })
}

impl RedisPatient {
    async fn user(&self, rule: &str) {
        let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ')).collect();
        self.server.run::<()>(&words).await;
    }

    async fn end_connections(&self) {
        self.server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }
}

#[async_trait::async_trait(?Send)]
impl Patient for RedisPatient {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::Oversized => degraded("query").note("a query gives a string of 512 MiB"),
            Fault::RateLimit => down("alarm").note("`maxclients` is reached: Redis has no rate limit"),
            Fault::NoPermission => degraded("permission").note("`+slowlog` is missing"),
            _ => matrix::usual(fault),
        }
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.user("exporter <right >another").await;
                self.end_connections().await;
            }
            Fault::NoPermission => self.user("exporter -slowlog").await,
            Fault::Oversized => self.server.run::<()>(&["SETRANGE", "blob", LARGE, "x"]).await,
            Fault::Restart => self.server.kill(),
            Fault::Clock => self.plain.lead_to(&self.ahead.address()).await,
            Fault::RateLimit => {
                self.only_client = Some(self.server.turn_others_away().await);
            }
            _ => {}
        }
    }

    async fn mend_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => self.user("exporter <another >right").await,
            Fault::NoPermission => self.user("exporter +@all").await,
            Fault::Oversized => self.server.run::<()>(&["DEL", "blob"]).await,
            Fault::Restart => self.server.restart().await,
            Fault::RateLimit => {
                let client = self.only_client.take().expect("it was broken before");
                Redis::admit_others(client).await;
            }
            _ => {}
        }
    }
}
