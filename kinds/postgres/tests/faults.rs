//! Faults of PostgreSQL.

use crate::config::{answer_of, port, sources};
use crate::gate::{Gate, Gates, Protocol, World};
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{self, Cell, Fault, degraded, down, nothing};
use crate::runner::HOUR;
use testkit::postgres::Postgres;

/// What is read from the server, and what that needs. It is a view, so that what it gives can be changed.
pub(crate) struct Use {
    /// The name of its gates.
    pub(crate) name: &'static str,
    /// What the view selects.
    pub(crate) rows: &'static str,
    /// A selection that is far too large.
    pub(crate) too_much: &'static str,
    /// What takes a right from the exporter, and gives it back.
    pub(crate) forbid: &'static str,
    pub(crate) allow: &'static str,
    /// The start of a line that is there for the server on this port only.
    pub(crate) sign: fn(&str) -> String,
}

const POSTGRES: Use = Use {
    name: "postgres",
    rows: "'x' AS filler, 1 AS value",
    too_much: "repeat('x', 1000000) AS filler, 1 AS value FROM generate_series(1, 1100)",
    forbid: "REVOKE pg_monitor FROM exporter",
    allow: "GRANT pg_monitor TO exporter",
    sign: answer_of,
};

pub(crate) const KIND: Kind =
    Kind { name: "postgres", variant: None, cell, start: |world| Box::pin(start(world)) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => degraded("permission").note("the role `pg_monitor` is missing"),
        Fault::Oversized => degraded("query").note("a query returns 1 GiB of rows"),
        _ => usual(fault),
    }
}

pub(crate) fn usual(fault: Fault) -> Cell {
    match fault {
        Fault::Nested => nothing("values come as text, which is not parsed"),
        Fault::Bloated => nothing("rows are counted as they arrive: see \"far too large\""),
        Fault::Failover => matrix::usual(fault).note("its standby is promoted, and the name moves to it"),
        Fault::RateLimit => {
            down("connect").note("the role's connection limit is reached: PostgreSQL has no rate limit")
        }
        _ => matrix::usual(fault),
    }
}

pub(crate) struct PostgresUnderTest {
    reader: Use,
    server: Postgres,
    standby: Postgres,
    /// Its clock goes an hour ahead.
    ahead: Postgres,
    gates: Gates,
    config: String,
}

async fn start(world: &World) -> Box<dyn KindUnderTest> {
    let config = |plain: &str, secure: &str| {
        sources(plain, secure, "sql: SELECT inet_server_port() AS value")
            + "
  - name: rows
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    sql: SELECT filler, value FROM answer
    metrics: [{name: rows, value: value, help: A number.}]
"
    };
    Box::new(PostgresUnderTest::start(world, POSTGRES, config).await)
}

impl PostgresUnderTest {
    pub(crate) async fn start(world: &World, reader: Use, config: impl FnOnce(&str, &str) -> String) -> Self {
        let options = || Postgres::options().password("unused");
        let server = options().start().await;
        let ahead = options().ahead(HOUR).start().await;
        let Use { rows, .. } = reader;
        for server in [&server, &ahead] {
            let sql = format!(
                "CREATE ROLE exporter LOGIN PASSWORD 'right'; GRANT pg_monitor TO exporter; \
                 CREATE VIEW answer AS SELECT {rows}; GRANT SELECT ON answer TO exporter"
            );
            server.sql(&sql).await;
        }
        let standby = options().replica_of(&server).start().await;
        let gates = world.gates(reader.name, Protocol::Postgres, &server.address(), "right").await;
        gates.plain.moves_to(&standby.address());
        let url = |gate: &Gate, mode| {
            format!("url: 'postgres://exporter:right@{}/postgres?sslmode={mode}'", gate.host())
        };
        let config = config(
            &format!("postgres: {{{}}}", url(&gates.plain, "disable")),
            &format!(
                "postgres: {{{}, {}, password_file: {}}}",
                url(&gates.secure, "verify-full").replace(":right@", "@"),
                gates.secure.trust(),
                gates.secure.secret_file()
            ),
        );
        Self { reader, server, standby, ahead, gates, config }
    }

    async fn end_sessions(&self) {
        let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'exporter'";
        self.server.sql(sessions).await;
    }

    async fn answers(&self, rows: &str) {
        let view = format!("CREATE OR REPLACE VIEW answer AS SELECT {rows}");
        self.server.sql(&view).await;
    }
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for PostgresUnderTest {
    fn config(&self) -> String {
        self.config.clone()
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        self.gates.by_source()
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        let sign = || Sign::Afterwards((self.reader.sign)(port(&self.standby.address())));
        (fault == Fault::Failover).then(sign)
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.sql("ALTER ROLE exporter PASSWORD 'another'").await;
                self.end_sessions().await;
            }
            Fault::NoPermission => {
                self.server.sql(self.reader.forbid).await;
            }
            Fault::Oversized => self.answers(self.reader.too_much).await,
            Fault::Restart | Fault::Failover => self.server.kill(),
            Fault::Clock => self.gates.plain.lead_to(&self.ahead.address()).await,
            Fault::RateLimit => {
                self.server.sql("ALTER ROLE exporter CONNECTION LIMIT 0").await;
                self.end_sessions().await;
            }
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.sql("ALTER ROLE exporter PASSWORD 'right'").await;
            }
            Fault::NoPermission => {
                self.server.sql(self.reader.allow).await;
            }
            Fault::Oversized => self.answers(self.reader.rows).await,
            Fault::Restart => self.server.restart().await,
            Fault::Failover => {
                self.standby.sql("SELECT pg_promote()").await;
            }
            Fault::RateLimit => {
                self.server.sql("ALTER ROLE exporter CONNECTION LIMIT -1").await;
            }
            _ => {}
        }
    }

    async fn return_home(&mut self) {
        self.server.restart().await;
    }
}
