//! What is missing costs its own values and no other, and is named.

use super::{DOCUMENT, Deployment, SOON, Spelling, answers, shows};
use testkit::exporter::Exporter;
use testkit::joip::ROLES;
use testkit::joip::world::World;

#[tokio::test]
async fn a_table_a_column_and_a_right_cost_only_their_own_values() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    deployment
        .postgres
        .sql(
            "DROP TABLE community_likes; \
             ALTER TABLE user_usage_stats RENAME COLUMN sessionsViewed TO sessionsWatched; \
             REVOKE SELECT (createdAt) ON media_vault FROM platform_exporter",
        )
        .await;
    let config = deployment.config("");
    let exporter = Exporter::start(&config).await;
    let of_usage = [
        "joip_users_tracked",
        "joip_feature_uses",
        "joip_logins",
        "joip_pages_viewed",
        "joip_api_calls",
        "joip_time_spent_seconds",
        "joip_activity_score",
        "joip_users_by_activity_score",
        "joip_users_seen",
        "joip_last_activity_timestamp_seconds",
    ];
    let is_lost = |series: &str| {
        let name = series.split('{').next().unwrap();
        of_usage.contains(&name) || name.starts_with("joip_media") || name.starts_with("joip_community_likes")
    };
    let mut expected = answers(&world);
    expected.retain(|series, _| !is_lost(series));
    shows(&exporter, &expected).await;
    let problem = |reason: &str| {
        format!("platform_source_problem{{source=\"app-db\",kind=\"postgres\",reason=\"{reason}\"}}")
    };
    for reason in ["query", "permission"] {
        exporter.wait_for(&problem(reason), 1.0, SOON).await;
    }
    let degraded = "platform_source_status{source=\"app-db\",kind=\"postgres\",status=\"degraded\"}";
    exporter.wait_for(degraded, 1.0, SOON).await;

    let (is_good, text) = deployment.check_live(&config);
    assert!(!is_good, "{text}");
    let failures: Vec<_> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(
        failures,
        [
            "FAIL  query joip.media: permission: 42501: permission denied for table media_vault",
            "FAIL  query joip.usage: query: 42703: column \"sessionsviewed\" does not exist",
            "FAIL  query joip.community_likes: query: 42P01: relation \"community_likes\" does not exist",
        ],
        "{text}"
    );

    // All comes back as soon as the names and rights are there.
    deployment
        .run(
            "ALTER TABLE user_usage_stats RENAME COLUMN sessionsWatched TO sessionsViewed; \
         CREATE TABLE community_likes (shareId INTEGER, createdAt TIMESTAMP);",
        )
        .await;
    deployment.run(ROLES).await;
    let mut world = world;
    world.likes.clear();
    shows(&exporter, &answers(&world)).await;
    let up = "platform_source_status{source=\"app-db\",kind=\"postgres\",status=\"up\"}";
    exporter.wait_for(up, 1.0, SOON).await;
}

/// The exporter's role reads no more than counts need; a view keeps even the details of events from it.
#[tokio::test]
async fn the_role_reads_nothing_about_people() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let (_, rest) = DOCUMENT.split_once("-- Themes without details\n").unwrap();
    deployment.run(rest.split_once("```").unwrap().0).await;
    for (role, forbidden) in [
        ("platform_exporter", "id, email, firstName, lastName, profileImageUrl FROM users"),
        ("platform_exporter", "details, ipAddress, userAgent, sessionId FROM user_activity_logs"),
        ("grafana_joip", "subscriptionTier FROM users"),
        ("grafana_joip", "ipAddress, userAgent, sessionId FROM user_activity_logs"),
        ("grafana_joip", "credits FROM credit_transactions"),
    ] {
        let (columns, table) = forbidden.split_once(" FROM ").unwrap();
        for column in columns.split(", ") {
            let sql = format!("SET ROLE {role}; SELECT {column} FROM {table}");
            let error = deployment.postgres.try_sql(&sql).await.expect_err(&sql);
            assert!(error.contains("permission denied"), "{sql}: {error}");
        }
    }
    for role in ["platform_exporter", "grafana_joip"] {
        let sql = format!("SET ROLE {role}; DELETE FROM user_usage_stats");
        assert!(deployment.postgres.try_sql(&sql).await.expect_err(&sql).contains("permission denied"));
    }
    let exporter = Exporter::start(&deployment.config("    detail_logs: activity_themes\n")).await;
    shows(&exporter, &answers(&world)).await;
}
