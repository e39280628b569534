//! One thing is missing: the rest stays, the source is degraded, and `check --live` names what it is.

use super::answers::{SOCKETS_ALONE, answers};
use super::{Deployment, SOON, Values, shows};
use testkit::exporter::Exporter;
use testkit::hivesync::world::World;
use testkit::wait::eventually;

/// What is left when the series that start with one of these have gone.
fn without(values: &Values, gone: &[&str]) -> Values {
    let stays = |(series, _): &(&String, &f64)| !gone.iter().any(|gone| series.starts_with(gone));
    values.iter().filter(stays).map(|(series, value)| (series.clone(), *value)).collect()
}

async fn is_degraded(exporter: &Exporter, source: &str, kind: &str, reason: &str) {
    let labels = format!("source=\"{source}\",kind=\"{kind}\"");
    exporter.wait_for(&format!("platform_source_status{{{labels},status=\"degraded\"}}"), 1.0, SOON).await;
    exporter.wait_for(&format!("platform_source_problem{{{labels},reason=\"{reason}\"}}"), 1.0, SOON).await;
    eventually(SOON, "the change is logged", async || {
        exporter.log().lines().any(|line| {
            line.contains("event=system.analytics.degraded")
                && line.contains(&format!("source={source}"))
                && line.contains(reason)
        })
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_in_the_database_takes_only_what_depends_on_it() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    let exporter = deployment.exporter().await;
    let expected = answers(&world);
    shows(&exporter, &expected).await;
    let latency = ["hivesync_job_latency_seconds{queue=\"ai\"", "hivesync_jobs_completed{queue=\"ai\""];
    let tokens = ["hivesync_ai_token"];
    let projects = ["hivesync_projects"];
    for (breaks, heals, reason, gone, queries, named) in [
        (
            "ALTER TABLE ai_usage_events RENAME completed_at TO ended_at",
            "ALTER TABLE ai_usage_events RENAME ended_at TO completed_at",
            "query",
            &latency[..],
            &["ai_latency"][..],
            "column \"completed_at\" does not exist",
        ),
        (
            "ALTER TABLE projects RENAME TO works",
            "ALTER TABLE works RENAME TO projects",
            "query",
            &projects,
            &["projects"],
            "relation \"projects\" does not exist",
        ),
        (
            "REVOKE SELECT (input_tokens) ON ai_usage_events FROM platform_exporter",
            "GRANT SELECT (input_tokens) ON ai_usage_events TO platform_exporter",
            "permission",
            &tokens,
            &["ai_tokens"],
            "permission denied for table ai_usage_events",
        ),
    ] {
        deployment.postgres.sql(breaks).await;
        is_degraded(&exporter, "app-db", "postgres", reason).await;
        shows(&exporter, &without(&expected, gone)).await;
        let (is_good, text) = deployment.check_live();
        let failed: Vec<_> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
        assert!(!is_good && failed.len() == queries.len(), "{text}");
        for (line, query) in failed.iter().zip(queries) {
            assert!(line.contains(&format!("query hivesync.{query}: ")) && line.contains(named), "{text}");
        }
        deployment.postgres.sql(heals).await;
        shows(&exporter, &expected).await;
    }
}

#[tokio::test]
async fn a_source_that_fails_takes_only_its_own_part() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    let exporter = deployment.exporter().await;
    let expected = answers(&world);
    shows(&exporter, &expected).await;

    let in_redis = ["hivesync_online_users", SOCKETS_ALONE, "hivesync_websockets", "hivesync_queue_depth"];
    deployment.redis.stop();
    shows(&exporter, &without(&expected, &in_redis)).await;
    down(&exporter, "cache").await;
    deployment.redis.resume();
    shows(&exporter, &expected).await;

    deployment.postgres.stop();
    let elsewhere = |series: &&String| {
        ["hivesync_websockets", "hivesync_queue_depth"].iter().any(|name| series.starts_with(name))
            || series.contains("_log_")
    };
    let left = expected.iter().filter(|(series, _)| elsewhere(series));
    shows(&exporter, &left.map(|(series, value)| (series.clone(), *value)).collect()).await;
    down(&exporter, "app-db").await;
    deployment.postgres.resume();
    shows(&exporter, &expected).await;

    let log = deployment.ai_log();
    let content = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    down(&exporter, "ai-log").await;
    std::fs::write(&log, content).unwrap();
}

async fn down(exporter: &Exporter, source: &str) {
    eventually(SOON, "the change is logged", async || {
        let log = exporter.log();
        log.lines().any(|line| {
            line.contains("event=system.analytics.degraded") && line.contains(&format!("source={source} "))
        })
    })
    .await;
}
