//! The alerts that failures of real servers raise.

mod counters;
mod load;
mod replicas;
mod rows;
mod sessions;
mod slots;

use std::time::Duration;

use super::truth::session::Session;
use crate::alerting::drill::have_seen;
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The role that our documentation recommends.
const ROLE: &str = "platform_exporter";

/// Side by side: one of them has to wait for a minute.
#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let (first, second, third, fourth, fifth, sixth, seventh) = tokio::join!(
        sessions::of_one_server(),
        load::of_one_server(),
        rows::of_one_server(),
        slots::of_one_server(),
        counters::of_one_server(),
        replicas::of_a_pair(),
        replicas::of_an_archive(),
    );
    let seen = [first, second, third, fourth, fifth, sixth, seventh];
    have_seen(&seen.into_iter().flatten().collect(), &on_servers::POSTGRES);
}

/// An exporter that watches servers, each by its name.
async fn watch(servers: &[(&str, &Postgres)]) -> Exporter {
    let mut config = "sources:\n".to_owned();
    for (name, server) in servers {
        // The interval is also the time limit of a probe: enough on a busy machine.
        let url = server.url_as(ROLE, "", "postgres");
        config += &format!("  {name}: {{postgres: {{url: '{url}'}}, interval: 3s}}\n");
    }
    Exporter::start(&config).await
}

async fn add_role(server: &Postgres) {
    server.script("postgres", include_str!("../role.sql")).await;
}

/// The series of a counter of the database `postgres`.
async fn of_postgres(server: &Postgres, source: &str, counter: &str) -> String {
    let oid = server.sql("SELECT oid FROM pg_database WHERE datname = 'postgres'").await;
    format!("pg_stat_database_{counter}{{source=\"{source}\",datid=\"{oid}\",datname=\"postgres\"}}")
}

/// Waits until the exporter has seen whether a source is up.
async fn is_up(exporter: &Exporter, source: &str, up: f64) {
    let series = format!("platform_source_up{{source=\"{source}\",kind=\"postgres\"}}");
    exporter.wait_for(&series, up, PATIENCE).await;
}

/// Sessions with a transaction each, in which they have run this.
async fn transactions(server: &Postgres, count: usize, sql: &str) -> Vec<Session> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let mut session = Session::open(server, "postgres").await;
        session.rows(&format!("BEGIN; {sql}")).await;
        sessions.push(session);
    }
    sessions
}
