//! Times without a zone are UTC, wherever the server is.

use super::answers::answers;
use super::panels::{block, most_active, rows};
use super::{Deployment, shows};
use testkit::hivesync::world::{Job, World};
use testkit::postgres::Postgres;

/// Half a day ahead of UTC.
const ZONE: &str = "timezone = 'Pacific/Auckland'";

const COLUMNS: [(&str, &str); 8] = [
    ("subscriptions", "trial_ends_at"),
    ("subscriptions", "created_at"),
    ("sessions", "created_at"),
    ("sessions", "last_heartbeat_at"),
    ("ai_usage_events", "created_at"),
    ("ai_usage_events", "completed_at"),
    ("preview_jobs", "created_at"),
    ("preview_jobs", "completed_at"),
];

#[tokio::test]
async fn the_zone_of_the_server_makes_no_difference() {
    let mut world = World::populated();
    // Somebody who was busy a week ago less two hours.
    let job =
        Job { user: 2999, status: "queued", class: None, tokens: None, age: 7 * 86_400 - 7200, took: None };
    world.requests.extend(std::iter::repeat_n(job, 1000));
    let deployment = Deployment::on(Postgres::options().setting(ZONE)).await;
    deployment.fill(&world).await;
    for (table, column) in COLUMNS {
        let change = format!(
            "ALTER TABLE {table} ALTER {column} DROP DEFAULT, \
             ALTER {column} TYPE timestamp USING {column} AT TIME ZONE 'UTC'"
        );
        deployment.postgres.sql(&change).await;
    }
    let exporter = deployment.exporter().await;
    shows(&exporter, &answers(&world)).await;
    let top = block("sql", "LIMIT 20");
    let columns = "username, plan, extract(epoch FROM last_seen)::bigint, ai_calls";
    let found = rows(&deployment, &format!("SELECT {columns} FROM ({top}) AS top"));
    assert!(found[0].starts_with("user2999|"), "{found:?}");
    assert_eq!(found, most_active(&world));
}
