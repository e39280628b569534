//! Workers, by heartbeats in Redis: the faults are those of the source that holds them.

use redis::aio::MultiplexedConnection;

use super::gate::{Gate, World};
use super::matrix::{self, Cell, Fault, down};
use super::runner::{HOUR, Patient};
use super::times;
use crate::support::redis::Redis;
use crate::support::tls::Opening;

pub(super) struct WorkersPatient {
    server: Redis,
    /// Its clock goes an hour ahead.
    ahead: Redis,
    plain: Gate,
    secure: Gate,
    only_client: Option<MultiplexedConnection>,
    config: String,
}

pub(super) async fn patient(world: &World) -> Box<dyn Patient> {
    let options = || Redis::options().user("exporter on >right ~* +@all");
    let (server, ahead) = tokio::join!(options().start(), options().ahead(HOUR).start());
    for server in [&server, &ahead] {
        beat(server).await;
    }
    let plain = world.gate("workers", &server.address()).await;
    let secure = world.tls_gate("workers-tls", &server.address(), Opening::Tls).await;
    let class = "layout: hash, key: hb, expected: 1, interval: 20m";
    let times = times();
    let config = format!(
        "  store:
    redis: {{url: 'redis://exporter:right@{}'}}
{times}  secure-store:
    redis: {{url: 'rediss://exporter:right@{}', tls: {{ca_file: {}}}}}
{times}  plain:
    workers: {{classes: {{mail: {{from: store, {class}}}}}}}
{times}  secure:
    workers: {{classes: {{mail: {{from: secure-store, {class}}}}}}}
{times}",
        plain.host(),
        secure.host(),
        world.ca.certificate().display()
    );
    Box::new(WorkersPatient { server, ahead, plain, secure, only_client: None, config })
}

/// A worker writes the time of its store.
async fn beat(server: &Redis) {
    let (now, _): (String, String) = server.run(&["TIME"]).await;
    server.run::<()>(&["HSET", "hb", "worker", &now]).await;
}

impl WorkersPatient {
    async fn user(&self, rule: &str) {
        let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ')).collect();
        self.server.run::<()>(&words).await;
    }

    async fn end_connections(&self) {
        self.server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }
}

#[async_trait::async_trait(?Send)]
impl Patient for WorkersPatient {
    fn kind(&self) -> &'static str {
        "workers"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::NoPermission => down("permission").note("the key of the only class may not be read"),
            Fault::Oversized => down("cardinality").note("a hash of 100,000 workers"),
            Fault::RateLimit => down("alarm").note("`maxclients` is reached: Redis has no rate limit"),
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
            Fault::NoPermission => self.user("exporter resetkeys ~other:*").await,
            Fault::Oversized => {
                let script = "for i = 1, 100000 do redis.call('HSET', 'hb', i, i) end";
                self.server.run::<()>(&["EVAL", script, "0"]).await;
            }
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
            Fault::NoPermission => self.user("exporter ~*").await,
            Fault::Oversized => {
                self.server.run::<()>(&["DEL", "hb"]).await;
                beat(&self.server).await;
            }
            Fault::Restart => {
                self.server.restart().await;
                beat(&self.server).await;
            }
            Fault::RateLimit => {
                let client = self.only_client.take().expect("it was broken before");
                Redis::admit_others(client).await;
            }
            _ => {}
        }
    }
}
