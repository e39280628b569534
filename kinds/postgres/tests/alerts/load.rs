//! Load of which a server has too much.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::super::truth::session::Session;
use super::{HOUR, MINUTE, PATIENCE, add_role, of_postgres, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::wait::eventually;

/// All pages of a table twice as large as the buffers, and 20 MB that exceed `work_mem`.
const REPORT: &str = "SELECT count(*) FROM pages;
    WITH wide AS MATERIALIZED (SELECT repeat('x', 8000) FROM generate_series(1, 2500)) SELECT count(*) FROM wide";

/// Sessions one after the other that do the same, until it is dropped. With its end a session's work is counted.
struct Load(JoinHandle<()>);

impl Load {
    fn of(server: &Postgres, sql: String) -> Self {
        let url = server.url();
        Self(tokio::spawn(async move {
            loop {
                let mut session = Session::at(&url).await.expect("there are connections");
                session.rows(&sql).await;
                session.close().await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) async fn of_one_server() -> BTreeSet<Seen> {
    let server = Postgres::options().setting("max_parallel_workers_per_gather = 0").start().await;
    add_role(&server).await;
    server.sql("CREATE TABLE pages AS SELECT repeat('x', 1000) FROM generate_series(1, 32000)").await;
    let exporter = watch(&[("db", &server)]).await;
    let mut drills = Drills::of(&exporter);
    let rolled_back = of_postgres(&server, "db", "xact_rollback").await;
    let temporary = of_postgres(&server, "db", "temp_bytes").await;

    all_is_counted(&server, &exporter).await;
    drills.well().await;
    let before = exporter.value(&rolled_back).await.expect("it is up");
    let load = Load::of(&server, "BEGIN; ROLLBACK; ".repeat(20));
    exporter.wait_until(&rolled_back, |rollbacks| rollbacks > before, PATIENCE).await;
    drills.fires(30 * MINUTE, &[("PostgresRollbacksHigh", "warning")]).await;
    drop(load);

    all_is_counted(&server, &exporter).await;
    drills.well().await;
    let before = exporter.value(&temporary).await.expect("it is up");
    // Some session ends between any two probes.
    let load = [(); 3].map(|()| Load::of(&server, REPORT.to_owned()));
    exporter.wait_until(&temporary, |bytes| bytes > before, PATIENCE).await;
    let alerts = [("PostgresCacheHitsLow", "info"), ("PostgresTemporaryFilesLarge", "info")];
    drills.fires(HOUR + 30 * MINUTE, &alerts).await;
    drop(load);
    drills.seen()
}

/// Waits until nobody else is connected, and the exporter has read what they did.
async fn all_is_counted(server: &Postgres, exporter: &Exporter) {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                  AND application_name <> 'platform_exporter' AND pid <> pg_backend_pid()";
    eventually(PATIENCE, "the end of all sessions", async || server.sql(others).await == "0").await;
    let counted =
        "SELECT xact_rollback || ' ' || temp_bytes FROM pg_stat_database WHERE datname = 'postgres'";
    let counted = server.sql(counted).await;
    let (rollbacks, bytes) = counted.split_once(' ').expect("two numbers");
    let [rollbacks, bytes] = [rollbacks, bytes].map(|text| text.parse::<f64>().expect("a number"));
    for (family, least) in [("xact_rollback", rollbacks), ("temp_bytes", bytes)] {
        let series = of_postgres(server, "db", family).await;
        exporter.wait_until(&series, |value| value >= least, PATIENCE).await;
    }
}
