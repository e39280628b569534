//! Faults of Redis.

use redis::aio::MultiplexedConnection;

use crate::config::{answer_of, port, sources};
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, degraded, down, nothing};
use crate::runner::HOUR;
use testkit::redis::Redis;
use testkit::redis_stand_in::StandIn;

const RIGHTS: &str = "exporter on >right ~* +@all";

/// What is read from the server, and what that needs.
pub(crate) struct Use {
    /// The name of its gates.
    pub(crate) name: &'static str,
    /// A script that makes all keys; it gets the server's port.
    pub(crate) keys: &'static str,
    /// A script that makes one that is far too large.
    pub(crate) too_much: &'static str,
    /// A script that makes one of little on the wire and much in memory.
    pub(crate) bloated: &'static str,
    /// What takes a right from the exporter, and gives it back.
    pub(crate) forbid: &'static str,
    pub(crate) allow: &'static str,
    /// The start of a line that is there for the server on this port only.
    pub(crate) sign: fn(&str) -> String,
}

const REDIS: Use = Use {
    name: "redis",
    keys: "redis.call('DEL', 'blob', 'many')",
    too_much: "redis.call('SETRANGE', 'blob', 100 * 1024 * 1024, 'x')",
    bloated: "local row = {} for i = 1, 1000 do row[i] = 'x' end \
              for i = 1, 3000 do redis.call('RPUSH', 'many', unpack(row)) end",
    forbid: "exporter -slowlog",
    allow: "exporter +@all",
    sign: answer_of,
};

pub(crate) const KIND: Kind =
    Kind { name: "redis", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::Oversized => degraded("query").note("a query returns a string of 100 MiB"),
        Fault::Bloated => degraded("query").note("a query returns a list of 3 million one-byte elements"),
        Fault::NoPermission => degraded("permission").note("`+slowlog` is missing"),
        _ => usual(fault),
    }
}

pub(crate) fn usual(fault: Fault) -> Cell {
    match fault {
        Fault::Failover => matrix::usual(fault).note("its replica is promoted, and the name moves to it"),
        Fault::Nested => down("protocol"),
        Fault::Bloated => nothing("see redis"),
        Fault::RateLimit => down("alarm").note("`maxclients` is reached: Redis has no rate limit"),
        _ => matrix::usual(fault),
    }
}

pub(crate) struct RedisUnderTest {
    reader: Use,
    server: Redis,
    replica: Redis,
    /// Its clock goes an hour ahead.
    ahead: Redis,
    nesting: StandIn,
    gates: Gates,
    only_client: Option<MultiplexedConnection>,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let config = |plain: &str, secure: &str| {
        sources(plain, secure, "redis: {command: [CONFIG, GET, port]}")
            + "
  - name: blob
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    redis: {command: [GET, blob]}
    metrics: [{name: blob, value: value, help: A number., optional: true}]
  - name: many
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    redis: {command: [LRANGE, many, '0', '-1']}
    metrics: [{name: many, value: value, help: A number., optional: true}]
"
    };
    Box::new(RedisUnderTest::start(world, REDIS, config).await)
}

impl RedisUnderTest {
    pub(crate) async fn start(world: &World, reader: Use, config: impl FnOnce(&str, &str) -> String) -> Self {
        let options = || Redis::options().user(RIGHTS);
        let (server, ahead) = tokio::join!(options().start(), options().ahead(HOUR).start());
        let replica = options().replica_of(&server).start().await;
        let gates = world.gates(reader.name, Protocol::Other, &server.address(), "right").await;
        gates.plain.moves_to(&replica.address());
        let config = config(
            &format!("redis: {{url: 'redis://exporter:right@{}'}}", gates.plain.host()),
            &format!(
                "redis: {{url: 'rediss://exporter@{}', {}, password_file: {}}}",
                gates.secure.host(),
                gates.secure.trust(),
                gates.secure.secret_file()
            ),
        );
        let nesting = StandIn::start(|_| "*1\r\n".repeat(100_000).into()).await;
        let target = Self { reader, server, replica, ahead, nesting, gates, only_client: None, config };
        for server in [&target.server, &target.ahead] {
            run(server, target.reader.keys).await;
        }
        target
    }

    async fn user(&self, rule: &str) {
        let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ')).collect();
        self.server.run::<()>(&words).await;
    }

    async fn end_connections(&self) {
        self.server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }

    async fn restart(&mut self) {
        self.server.restart().await;
        run(&self.server, self.reader.keys).await;
    }
}

async fn run(server: &Redis, script: &str) {
    server.run::<()>(&["EVAL", script, "0", port(&server.address())]).await;
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for RedisUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        let sign = || Sign::Afterwards((self.reader.sign)(port(&self.replica.address())));
        (fault == Fault::Failover).then(sign)
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.user("exporter <right >another").await;
                self.end_connections().await;
            }
            Fault::NoPermission => self.user(self.reader.forbid).await,
            Fault::Oversized => run(&self.server, self.reader.too_much).await,
            Fault::Bloated => run(&self.server, self.reader.bloated).await,
            Fault::Nested => self.gates.plain.lead_to(self.nesting.address()).await,
            Fault::Restart | Fault::Failover => self.server.kill(),
            Fault::Clock => self.gates.plain.lead_to(&self.ahead.address()).await,
            Fault::RateLimit => {
                self.only_client = Some(self.server.turn_others_away().await);
            }
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => self.user("exporter <another >right").await,
            Fault::NoPermission => self.user(self.reader.allow).await,
            Fault::Oversized | Fault::Bloated => run(&self.server, self.reader.keys).await,
            Fault::Restart => self.restart().await,
            Fault::Failover => {
                self.replica.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
                run(&self.replica, self.reader.keys).await;
            }
            Fault::RateLimit => {
                let client = self.only_client.take().expect("it was broken before");
                Redis::admit_others(client).await;
            }
            _ => {}
        }
    }

    async fn return_home(&mut self) {
        self.restart().await;
    }
}
