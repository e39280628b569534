//! The alerts that failures of real servers raise.

use std::time::Duration;

use crate::alerting::drill::Drills;
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::redis::Redis;

const HOUR: Duration = Duration::from_secs(3600);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let mut server = Redis::start().await;
    let exporter =
        Exporter::start(&format!("sources: {{cache: {{redis: {{url: '{}'}}, interval: 1s}}}}", server.url()))
            .await;
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction"]).await;
    exporter.wait_for("redis_memory_max_bytes{source=\"cache\"}", 1024.0 * 1024.0, PATIENCE).await;
    drills
        .fires(
            HOUR,
            &[
                ("PlatformSourceDegraded", "warning"),
                ("RedisMemoryHigh", "critical"),
                ("RedisMemoryHigh", "warning"),
            ],
        )
        .await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;

    drills.well().await;
    server.kill();
    exporter.wait_for("platform_source_up{source=\"cache\",kind=\"redis\"}", 0.0, PATIENCE).await;
    drills.fires(HOUR, &[("PlatformSourceDown", "critical")]).await;

    drills.have_seen(&on_servers::REDIS);
}
