//! A query that takes all of its time.

use super::answers::answers;
use super::{Deployment, SOON, shows};
use testkit::exporter::{Exporter, value};
use testkit::hivesync::world::World;
use testkit::wait::PAUSE;

/// Two runs of ten seconds, in which the values of the moment stay: they are run every two.
#[tokio::test]
async fn a_slow_query_over_a_month_leaves_the_values_of_the_moment() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    let config = deployment.config().replace("_month: 2s", "_month: 10s");
    let config = config.replace("month_timeout: 2s", "month_timeout: 10s").replace("_age: 6s", "_age: 1m");
    let exporter = Exporter::start(&config).await;
    shows(&exporter, &answers(&world)).await;
    deployment
        .postgres
        .sql(
            "ALTER TABLE projects RENAME TO works; \
             CREATE VIEW projects AS SELECT works.* FROM works, pg_sleep(3600); \
             GRANT SELECT ON projects TO platform_exporter",
        )
        .await;
    let failures =
        "platform_query_failures_total{source=\"app-db\",query=\"hivesync.projects\",reason=\"timeout\"}";
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let exposition = exporter.get("/metrics").await;
        for series in [
            "hivesync_online_users{source=\"cache\"}",
            "hivesync_heartbeat_users{source=\"app-db\"}",
            "hivesync_online_devices{source=\"app-db\",device=\"phone\"}",
            "hivesync_ai_requests{source=\"app-db\",window=\"1h\"}",
            "hivesync_jobs_completed{source=\"app-db\",queue=\"ai\",window=\"1h\"}",
            "hivesync_jobs_completed{source=\"app-db\",queue=\"preview\",window=\"1h\"}",
        ] {
            assert!(value(&exposition, series).is_some(), "{series} has gone\n{}", exporter.log());
        }
        if value(&exposition, failures).is_some_and(|failures| failures >= 2.0) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the query is not slow\n{}", exporter.log());
        tokio::time::sleep(PAUSE).await;
    }
}
