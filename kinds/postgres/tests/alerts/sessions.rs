//! What clients do to a server, and to each other.

use std::collections::BTreeSet;

use super::super::OpenTransaction;
use super::super::truth::session::Session;
use super::{MINUTE, PATIENCE, add_role, is_up, of_postgres, transactions, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;

/// Of the 40, three are for superusers.
const CONNECTIONS: usize = 37;

const STARTED: &str = "pg_postmaster_start_time_seconds{source=\"db\"}";

pub(super) async fn of_one_server() -> BTreeSet<Seen> {
    let settings = ["max_prepared_transactions = 1", "deadlock_timeout = 10ms"];
    let options = settings.into_iter().fold(Postgres::options(), |options, line| options.setting(line));
    let mut server = options.start().await;
    add_role(&server).await;
    server
        .sql("CREATE TABLE orders (id int, paid bool); INSERT INTO orders VALUES (1), (2); CREATE ROLE shop LOGIN")
        .await;
    let exporter = watch(&[("db", &server)]).await;
    let mut drills = Drills::of(&exporter);
    connections(&server, &exporter, &mut drills).await;
    locks(&server, &exporter, &mut drills).await;
    deadlocks(&server, &exporter, &mut drills).await;
    prepared(&server, &exporter, &mut drills).await;
    restart(&mut server, &exporter, &mut drills).await;
    drills.seen()
}

async fn connections(server: &Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    let url = server.url_as("shop", "", "postgres");
    let mut clients = Vec::new();
    for _ in 1..CONNECTIONS {
        clients.push(Session::at(&url).await.expect("one is left for the exporter"));
    }
    let used = of_postgres(server, "db", "numbackends").await;
    exporter.wait_until(&used, |used| used >= CONNECTIONS as f64, PATIENCE).await;
    let alerts = [("PostgresConnectionsHigh", "critical"), ("PostgresConnectionsHigh", "warning")];
    drills.fires(15 * MINUTE, &alerts).await;
}

async fn locks(server: &Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    let holder = transactions(server, 1, "LOCK TABLE orders").await;
    let waiting: Vec<_> = (0..10).map(|_| OpenTransaction::begin(server, "SELECT FROM orders")).collect();
    exporter.wait_for("pg_blocked_sessions{source=\"db\"}", 10.0, PATIENCE).await;
    let alerts = [("PostgresSessionsBlocked", "critical"), ("PostgresSessionsBlocked", "warning")];
    drills.fires(15 * MINUTE, &alerts).await;
    drop((holder, waiting));
    exporter.wait_for("pg_blocked_sessions{source=\"db\"}", 0.0, PATIENCE).await;
}

async fn deadlocks(server: &Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    let pay = |id| format!("UPDATE orders SET paid = true WHERE id = {id}");
    for _ in 0..4 {
        let mut sessions = [transactions(server, 1, &pay(1)).await, transactions(server, 1, &pay(2)).await];
        let [first, second] = &mut sessions;
        let (first_pays, second_pays) = (pay(2), pay(1));
        let (first, second) = tokio::join!(first[0].attempt(&first_pays), second[0].attempt(&second_pays));
        assert!(first.is_err() || second.is_err());
    }
    let series = of_postgres(server, "db", "deadlocks").await;
    exporter.wait_until(&series, |deadlocks| deadlocks >= 4.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("PostgresDeadlocks", "warning")]).await;
}

async fn prepared(server: &Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    server.script("postgres", "BEGIN; INSERT INTO orders VALUES (3); PREPARE TRANSACTION 'forgotten';").await;
    exporter.wait_for("pg_prepared_transactions{source=\"db\"}", 1.0, PATIENCE).await;
    drills.fires(30 * MINUTE, &[("PostgresPreparedTransactionOld", "warning")]).await;
    server.script("postgres", "ROLLBACK PREPARED 'forgotten'").await;
    exporter.wait_for("pg_prepared_transactions{source=\"db\"}", 0.0, PATIENCE).await;
}

async fn restart(server: &mut Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    let before = exporter.value(STARTED).await.expect("it is up");
    server.kill();
    is_up(exporter, "db", 0.0).await;
    drills.fires(15 * MINUTE, &[("PlatformSourceDown", "critical")]).await;
    server.restart().await;
    exporter.wait_until(STARTED, |started| started > before, PATIENCE).await;
    is_up(exporter, "db", 1.0).await;
    drills.fires(15 * MINUTE, &[("PostgresRestarted", "info")]).await;
}
