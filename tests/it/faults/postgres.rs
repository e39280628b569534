//! PostgreSQL.

use super::gate::{Gate, World};
use super::matrix::{self, Cell, Fault, degraded, down};
use super::runner::{HOUR, Patient};
use super::sources;
use crate::support::postgres::Postgres;
use crate::support::tls::Opening;

/// A query asks a view, so that what it gives can be changed.
const SCHEMA: &str = "CREATE ROLE exporter LOGIN PASSWORD 'right'; GRANT pg_monitor TO exporter; \
                      CREATE VIEW answer AS SELECT 'x' AS filler, 1 AS value; \
                      GRANT SELECT ON answer TO exporter";

pub(super) struct PostgresPatient {
    server: Postgres,
    /// Its clock goes an hour ahead.
    ahead: Postgres,
    plain: Gate,
    secure: Gate,
    config: String,
}

pub(super) async fn patient(world: &World) -> Box<dyn Patient> {
    let options = || Postgres::options().password("unused");
    let server = options().start().await;
    let ahead = options().ahead(HOUR).start().await;
    for server in [&server, &ahead] {
        server.sql(SCHEMA).await;
    }
    let plain = world.gate("postgres", &server.address()).await;
    let secure = world.tls_gate("postgres-tls", &server.address(), Opening::Postgres).await;
    let url = |gate: &Gate, mode| {
        format!("url: 'postgres://exporter:right@{}/postgres?sslmode={mode}'", gate.host())
    };
    let config = sources(
        &format!("postgres: {{{}}}", url(&plain, "disable")),
        &format!(
            "postgres: {{{}, tls: {{ca_file: {}}}}}",
            url(&secure, "verify-full"),
            world.ca.certificate().display()
        ),
        "sql: SELECT count(*) AS value FROM pg_class",
    ) + "
  - name: rows
    source: plain
    every: 5s
    timeout: 5s
    max_age: 1h
    sql: SELECT filler, value FROM answer
    metrics: [{name: rows, value: value, help: A number.}]
";
    Box::new(PostgresPatient { server, ahead, plain, secure, config })
}

impl PostgresPatient {
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
impl Patient for PostgresPatient {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn config(&self) -> String {
        self.config.clone()
    }

    fn cell(&self, fault: Fault) -> Cell {
        match fault {
            Fault::NoPermission => degraded("permission").note("the role `pg_monitor` is missing"),
            Fault::WrongProtocol => down("connect").note("HTTP, whose server closes the connection"),
            Fault::Oversized => degraded("query").note("a query gives 1 GiB of rows"),
            Fault::RateLimit => {
                down("connect").note("the role's connection limit is reached: PostgreSQL has no rate limit")
            }
            _ => matrix::usual(fault),
        }
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.sql("ALTER ROLE exporter PASSWORD 'another'").await;
                self.end_sessions().await;
            }
            Fault::NoPermission => {
                self.server.sql("REVOKE pg_monitor FROM exporter").await;
            }
            Fault::Oversized => {
                self.answers("repeat('x', 1000000) AS filler, 1 AS value FROM generate_series(1, 1100)")
                    .await;
            }
            Fault::Restart => self.server.kill(),
            Fault::Clock => self.plain.lead_to(&self.ahead.address()).await,
            Fault::RateLimit => {
                self.server.sql("ALTER ROLE exporter CONNECTION LIMIT 0").await;
                self.end_sessions().await;
            }
            _ => {}
        }
    }

    async fn mend_server(&mut self, fault: Fault) {
        match fault {
            Fault::WrongCredentials => {
                self.server.sql("ALTER ROLE exporter PASSWORD 'right'").await;
            }
            Fault::NoPermission => {
                self.server.sql("GRANT pg_monitor TO exporter").await;
            }
            Fault::Oversized => self.answers("'x' AS filler, 1 AS value").await,
            Fault::Restart => self.server.restart().await,
            Fault::RateLimit => {
                self.server.sql("ALTER ROLE exporter CONNECTION LIMIT -1").await;
            }
            _ => {}
        }
    }
}
