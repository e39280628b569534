//! A platform in which everything has another name than in the contract, and the parameters that say so.

use std::collections::BTreeSet;

use platform_exporter::pack;

use super::super::exported::Values;
use super::answers::answers;
use super::{Deployment, shows};
use testkit::exporter::Exporter;
use testkit::hivesync::world::World;

/// Tables and columns that have another name: each parameter with it.
const RENAMED: [(&str, &str); 17] = [
    ("users_table", "\"Accounts\""),
    ("subscriptions_table", "app.plans"),
    ("projects_table", "works"),
    ("sessions_table", "app.\"Visits\""),
    ("ai_table", "calls"),
    ("previews_table", "builds"),
    ("user_id", "\"userId\""),
    ("created_at", "\"createdAt\""),
    ("completed_at", "ended"),
    ("session_kind", "sort"),
    ("heartbeat_at", "seen"),
    ("device_id", "device"),
    ("device_type", "form"),
    ("ai_status", "stage"),
    ("preview_status", "phase"),
    ("error_class", "fault"),
    ("input_tokens", "prompt"),
];

const RENAMES: &str = r#"
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO platform_exporter;
ALTER TABLE subscriptions RENAME user_id TO "userId";
ALTER TABLE sessions RENAME user_id TO "userId";
ALTER TABLE ai_usage_events RENAME user_id TO "userId";
ALTER TABLE preview_jobs RENAME user_id TO "userId";
ALTER TABLE sessions RENAME created_at TO "createdAt";
ALTER TABLE ai_usage_events RENAME created_at TO "createdAt";
ALTER TABLE preview_jobs RENAME created_at TO "createdAt";
ALTER TABLE ai_usage_events RENAME completed_at TO ended;
ALTER TABLE preview_jobs RENAME completed_at TO ended;
ALTER TABLE sessions RENAME kind TO sort;
ALTER TABLE sessions RENAME last_heartbeat_at TO seen;
ALTER TABLE sessions RENAME device_id TO device;
ALTER TABLE sessions RENAME device_type TO form;
ALTER TABLE ai_usage_events RENAME status TO stage;
ALTER TABLE preview_jobs RENAME status TO phase;
ALTER TABLE ai_usage_events RENAME error_class TO fault;
ALTER TABLE ai_usage_events RENAME input_tokens TO prompt;
ALTER TABLE ai_usage_events RENAME output_tokens TO answer;
ALTER TABLE users RENAME TO "Accounts";
ALTER TABLE projects RENAME TO works;
ALTER TABLE subscriptions RENAME TO plans;
ALTER TABLE plans SET SCHEMA app;
ALTER TABLE sessions RENAME TO "Visits";
ALTER TABLE "Visits" SET SCHEMA app;
ALTER TABLE ai_usage_events RENAME TO calls;
ALTER TABLE preview_jobs RENAME TO builds;
ALTER TABLE app.plans ADD cancelled timestamptz GENERATED ALWAYS AS (trial_ends_at) STORED;
GRANT SELECT (cancelled) ON app.plans TO platform_exporter;
ALTER TABLE "Accounts" ADD gone timestamptz, ADD internal boolean;
GRANT SELECT (gone, internal) ON "Accounts" TO platform_exporter;
UPDATE app.plans SET plan = 'hobby' WHERE plan = 'free';
UPDATE app.plans SET status = 'my ' || status;
UPDATE app."Visits" SET sort = 'my ' || sort;
UPDATE calls SET stage = 'my ' || stage, fault = 'my ' || fault;
UPDATE builds SET phase = 'my ' || phase;
"#;

const MORE: &str = "
    canceled_at: cancelled
    deleted_at: gone
    test_account: internal
    excluded_users: [nobody]
    timestamp_type: timestamptz
    canceled_statuses: [my canceled, my cancelled]
    currency: dollars
    gpu_instance: '([a-z0-9-]+)'
    output_tokens: answer
    free_plans: [hobby]
    paid_statuses: [my active, my past_due]
    trial_statuses: [my trialing]
    expired_statuses: [my expired]
    login_kinds: [my login]
    live_view_kinds: [my live_view]
    completed_statuses: [my completed]
    failed_statuses: [my failed]
    error_classes: [my provider_error, my timeout, my safety_rejection]
    socket_keys: 'open/*'
    socket_user: '^open/([0-9]+)/'
    ai_queue: writers
    preview_queue: builders
    ai_error_events: [gone wrong]
    preview_failure_events: [not built, not shown]
    roll_up_table: days
";

#[tokio::test]
async fn every_name_can_be_another() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    deployment.postgres.sql(RENAMES).await;
    let account = "platform_exporter on >PASSWORD ~* +@all";
    let words: Vec<_> = ["ACL", "SETUSER"].into_iter().chain(account.split(' ')).collect();
    deployment.redis.run::<()>(&words).await;
    for key in world.socket_keys() {
        let renamed = key.replacen("ws_sessions:", "open/", 1).replace(':', "/");
        deployment.redis.run::<()>(&["RENAME", &key, &renamed]).await;
    }
    for (queue, renamed) in [("ai_queue:tasks", "writers"), ("ai_queue:preview", "builders")] {
        deployment.redis.run::<()>(&["RENAME", queue, renamed]).await;
    }
    let lines = world.ai_log_lines().replace("ai.error", "gone wrong");
    let lines = ["provider_error", "timeout", "safety_rejection"]
        .iter()
        .fold(lines, |lines, class| lines.replace(class, &format!("my {class}")));
    std::fs::write(deployment.ai_log(), lines).unwrap();
    let lines = world.preview_log_lines().replace("preview.failed", "not built");
    std::fs::write(deployment.preview_log(), lines).unwrap();

    let renamed = RENAMED.map(|(parameter, name)| format!("    {parameter}: '{name}'\n")).concat();
    let config = deployment.config() + &renamed + MORE.trim_start_matches('\n');
    let exporter = Exporter::start(&config).await;
    let named = |(series, value): (String, f64)| {
        let classes = ["provider_error", "timeout", "safety_rejection"];
        let series = classes.iter().fold(series, |series, class| {
            series.replace(&format!("class=\"{class}\""), &format!("class=\"my {class}\""))
        });
        (series, value)
    };
    let expected: Values = answers(&world).into_iter().map(named).collect();
    shows(&exporter, &expected).await;

    let (_, pack) = pack::all().into_iter().find(|(name, _)| *name == "hivesync").unwrap();
    let given = |name: &&String| config.contains(&format!("\n    {name}: "));
    let left: BTreeSet<_> = pack.parameters.keys().filter(|name| !given(name)).map(String::as_str).collect();
    // These are no names: the limits beyond which there is an alert, and where links lead.
    assert_eq!(left, BTreeSet::from(["admin_url", "error_limit", "latency_limit", "queue_limit"]));
}
