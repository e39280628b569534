//! Accounts that are no users, and rows without an account.

use super::answers::answers;
use super::panels::{restricted, rows};
use super::{Deployment, shows};
use testkit::exporter::Exporter;
use testkit::hivesync::world::{NOBODY, World};

/// By what an account is left out: a third each.
const COLUMNS: &str = "
ALTER TABLE users ADD is_test boolean, ADD deleted_at timestamptz;
GRANT SELECT (is_test, deleted_at) ON users TO platform_exporter, grafana_hivesync;
ALTER TABLE sessions ALTER user_id DROP NOT NULL;
ALTER TABLE ai_usage_events ALTER user_id DROP NOT NULL;
ALTER TABLE preview_jobs ALTER user_id DROP NOT NULL;
";

#[tokio::test]
async fn who_is_left_out_and_nobody_are_in_no_number_of_users() {
    let mut world = World::populated();
    world.left_out = (1..=60).collect();
    // Together, the rows without a user would be by far the busiest one.
    world.sessions.iter_mut().step_by(7).for_each(|row| row.user = NOBODY);
    world.requests.iter_mut().step_by(7).for_each(|row| row.user = NOBODY);
    world.previews.iter_mut().step_by(7).for_each(|row| row.user = NOBODY);
    let deployment = Deployment::bare().await;
    deployment.postgres.script("postgres", COLUMNS).await;
    deployment.fill(&world).await;
    deployment
        .postgres
        .sql(
            "UPDATE users SET is_test = id <= 60 AND id % 3 = 0, \
             deleted_at = CASE WHEN id <= 60 AND id % 3 = 1 THEN now() END WHERE id % 2 = 0 OR id <= 60",
        )
        .await;
    let by_id: Vec<_> =
        world.left_out.iter().filter(|id| **id % 3 == 2).map(|id| format!("'{id}'")).collect();
    let config = format!(
        "{}    test_account: is_test\n    deleted_at: deleted_at\n    excluded_users: [{}]\n",
        deployment.config(),
        by_id.join(", ")
    );
    let expected = answers(&world);
    let mut everybody = world;
    everybody.left_out.clear();
    let all = answers(&everybody);
    for series in ["hivesync_online_users", "hivesync_heartbeat_users", "hivesync_users{plan_state=\"paid\"}"]
    {
        assert!(expected[series] < all[series], "{series}");
    }
    let exporter = Exporter::start(&config).await;
    shows(&exporter, &expected).await;

    let dashboard = restricted(&config);
    let (_, top) = dashboard.selects().into_iter().find(|(title, _)| title.starts_with("Top 20")).unwrap();
    let top = rows(&deployment, &format!("SELECT username FROM ({top}) AS top"));
    assert_eq!(top.len(), 20);
    let is_left_out = |name: &String| (1..=60).any(|id| *name == format!("user{id}"));
    assert!(!top.iter().any(is_left_out), "{top:?}");
}
