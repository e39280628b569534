//! Online users at the size of a large platform.

use super::{Deployment, SOON};

/// Twenty thousand sockets and as many sessions, half of whose users are the same: counted to the last one.
#[tokio::test]
async fn online_users_are_exact_at_20_000_sockets_and_sessions() {
    let deployment = Deployment::bare().await;
    for first in (0..20_000).step_by(5000) {
        let sockets = "for user = ARGV[1] + 1, ARGV[1] + 5000 do redis.call('SET', 'ws_sessions:' .. user .. ':7', '') end";
        deployment.redis.run::<()>(&["EVAL", sockets, "0", &first.to_string()]).await;
    }
    deployment
        .postgres
        .sql(
            "INSERT INTO users (id, username, email) SELECT id, 'user' || id, 'user' || id || '@example.com' \
             FROM generate_series(10001, 30000) AS id; \
             INSERT INTO sessions (user_id, kind, last_heartbeat_at) \
             SELECT id, 'login', now() + interval '1 hour' FROM generate_series(10001, 30000) AS id",
        )
        .await;
    let exporter = deployment.exporter().await;
    exporter.wait_for("hivesync_online_users{source=\"cache\"}", 30_000.0, SOON).await;
    exporter.wait_for("hivesync_websockets{source=\"cache\"}", 20_000.0, SOON).await;
    // Every user who is online has a device.
    let devices =
        |source, count| (format!("hivesync_online_devices{{source=\"{source}\",device=\"unknown\"}}"), count);
    for (series, count) in [devices("cache", 10_000.0), devices("app-db", 20_000.0)] {
        exporter.wait_for(&series, count, SOON).await;
    }
    exporter.wait_for("hivesync_heartbeat_users{source=\"app-db\"}", 20_000.0, SOON).await;
}
