//! What changes in the platform shows in the values that it concerns, and in no other.

use super::super::exported::differences;
use super::answers::{SOCKETS_ALONE, answers};
use super::{Deployment, TOLERANCE, shows};
use testkit::exporter::Exporter;
use testkit::hivesync::world::{Job, NOW, Session, Subscription, World};

struct Case {
    world: World,
    deployment: Deployment,
    exporter: Exporter,
}

impl Case {
    /// Waits until what the world comes to now is shown, and compares which series that changed.
    async fn moved(&self, before: &super::Values, expected: &[&str]) {
        let after = answers(&self.world);
        shows(&self.exporter, &after).await;
        let changed = differences(before, &after, TOLERANCE);
        let changed: Vec<_> = changed.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(changed, expected);
    }
}

#[tokio::test]
async fn each_change_moves_its_own_values() {
    let mut world = World::populated();
    // Somebody who does one thing at a time.
    let newcomer = world.subscriptions.last().unwrap().user;
    world.subscriptions.retain(|row| row.user != newcomer);
    world.sessions.retain(|row| row.user != newcomer);
    world.requests.retain(|row| row.user != newcomer);
    world.previews.retain(|row| row.user != newcomer);
    let deployment = Deployment::of(&world).await;
    let exporter = deployment.exporter().await;
    let mut case = Case { world, deployment, exporter };
    shows(&case.exporter, &answers(&case.world)).await;
    login(&mut case, newcomer).await;
    heartbeat(&mut case, newcomer).await;
    plan(&mut case, newcomer).await;
    request(&mut case, newcomer).await;
    preview(&mut case).await;
    queues(&mut case).await;
    logs(&mut case).await;
}

async fn login(case: &mut Case, user: u64) {
    let before = answers(&case.world);
    let age = 12 * 3600;
    let session = Session { user, kind: "login", device: None, device_type: None, age, heartbeat: Some(NOW) };
    case.world.sessions.push(session);
    let (at, heartbeat) = (case.world.at(age), case.world.at(NOW));
    let insert = format!(
        "INSERT INTO sessions (user_id, kind, created_at, last_heartbeat_at) \
         VALUES ({user}, 'login', to_timestamp({at}), to_timestamp({heartbeat}))"
    );
    case.deployment.postgres.sql(&insert).await;
    case.moved(
        &before,
        &[
            "hivesync_active_users{plan_state=\"free\",window=\"1d\"}",
            "hivesync_active_users{plan_state=\"free\",window=\"30d\"}",
            "hivesync_heartbeat_users",
            "hivesync_online_devices{device=\"unknown\"}",
            "hivesync_online_users",
            "hivesync_users_by_activity{activity=\"login\",plan_state=\"free\",window=\"1d\"}",
            "hivesync_users_by_activity{activity=\"login\",plan_state=\"free\",window=\"30d\"}",
        ],
    )
    .await;
}

/// It stops, and a WebSocket alone keeps the user online.
async fn heartbeat(case: &mut Case, user: u64) {
    let before = answers(&case.world);
    case.world.sockets.push(user);
    let key = case.world.socket_keys().pop().unwrap();
    case.deployment.open_socket(&key).await;
    case.moved(&before, &["hivesync_websockets"]).await;

    let before = answers(&case.world);
    case.world.sessions.last_mut().unwrap().heartbeat = Some(600);
    let at = case.world.at(600);
    let update = format!("UPDATE sessions SET last_heartbeat_at = to_timestamp({at}) WHERE user_id = {user}");
    case.deployment.postgres.sql(&update).await;
    let unknown = "hivesync_online_devices{device=\"unknown\"}";
    let expected = ["hivesync_heartbeat_users", SOCKETS_ALONE, unknown];
    case.moved(&before, &expected).await;

    let before = answers(&case.world);
    case.world.sockets.pop();
    case.deployment.redis.run::<()>(&["DEL", &key]).await;
    case.moved(&before, &[SOCKETS_ALONE, "hivesync_online_users", "hivesync_websockets"]).await;
}

async fn plan(case: &mut Case, user: u64) {
    for (plan, status, trial_ended, from, to) in [
        ("pro", "trialing", Some(-86_400), "free", "trial"),
        ("pro", "trialing", Some(86_400), "trial", "trial_expired"),
        ("pro", "active", Some(86_400), "trial_expired", "paid"),
    ] {
        let before = answers(&case.world);
        case.world.subscriptions.retain(|row| row.user != user);
        case.world.subscriptions.push(Subscription { user, plan, status, trial_ended });
        let ended = case.world.at(trial_ended.unwrap());
        let change = format!(
            "DELETE FROM subscriptions WHERE user_id = {user}; \
             INSERT INTO subscriptions (user_id, plan, status, trial_ends_at) \
             VALUES ({user}, '{plan}', '{status}', to_timestamp({ended}))"
        );
        case.deployment.postgres.sql(&change).await;
        let mut expected = Vec::new();
        for state in [from, to] {
            expected.push(format!("hivesync_users{{plan_state=\"{state}\"}}"));
            for window in ["1d", "30d"] {
                let labels = format!("plan_state=\"{state}\",window=\"{window}\"");
                expected.push(format!("hivesync_active_users{{{labels}}}"));
                expected.push(format!("hivesync_users_by_activity{{activity=\"login\",{labels}}}"));
            }
        }
        expected.sort();
        case.moved(&before, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

/// It waits, runs for three seconds, and then fails.
async fn request(case: &mut Case, user: u64) {
    let before = answers(&case.world);
    let job = Job { user, status: "queued", class: None, tokens: None, age: NOW, took: None };
    case.world.requests.push(job);
    let at = case.world.at(NOW);
    let insert = format!(
        "INSERT INTO ai_usage_events (user_id, status, created_at) VALUES ({user}, 'queued', to_timestamp({at}))"
    );
    case.deployment.postgres.sql(&insert).await;
    let mut expected = vec![
        "hivesync_ai_requests{window=\"1d\"}",
        "hivesync_ai_requests{window=\"1h\"}",
        "hivesync_ai_requests{window=\"1m\"}",
        "hivesync_users_by_activity{activity=\"ai\",plan_state=\"paid\",window=\"1d\"}",
        "hivesync_users_by_activity{activity=\"ai\",plan_state=\"paid\",window=\"30d\"}",
    ];
    case.moved(&before, &expected).await;

    let before = answers(&case.world);
    let job = case.world.requests.last_mut().unwrap();
    (job.status, job.took, job.tokens) = ("completed", Some(3000), Some((1000, 100)));
    let end = |status: &str, class: &str| {
        format!(
            "UPDATE ai_usage_events SET status = '{status}', error_class = {class}, input_tokens = 1000, \
             output_tokens = 100, completed_at = created_at + interval '3 s' \
             WHERE id = (SELECT max(id) FROM ai_usage_events)"
        )
    };
    case.deployment.postgres.sql(&end("completed", "NULL")).await;
    expected = vec![
        "hivesync_ai_token_cost_estimate{window=\"30d\"}",
        "hivesync_ai_tokens{direction=\"input\",window=\"30d\"}",
        "hivesync_ai_tokens{direction=\"output\",window=\"30d\"}",
        "hivesync_job_latency_seconds{queue=\"ai\",window=\"15m\"}",
        "hivesync_job_latency_seconds{queue=\"ai\",window=\"1h\"}",
        "hivesync_job_latency_seconds{queue=\"ai\",window=\"1m\"}",
        "hivesync_jobs_completed{queue=\"ai\",window=\"1h\"}",
    ];
    case.moved(&before, &expected).await;

    let before = answers(&case.world);
    let job = case.world.requests.last_mut().unwrap();
    (job.status, job.class) = ("failed", Some("timeout"));
    case.deployment.postgres.sql(&end("failed", "'timeout'")).await;
    expected.drain(..3);
    expected.splice(
        0..0,
        [
            "hivesync_ai_errors{class=\"timeout\",window=\"1d\"}",
            "hivesync_ai_errors{class=\"timeout\",window=\"1h\"}",
        ],
    );
    case.moved(&before, &expected).await;
}

async fn preview(case: &mut Case) {
    let before = answers(&case.world);
    // Somebody who has made a preview today already.
    let row = case.world.previews.iter_mut().find(|job| job.status == "running" && job.age == NOW).unwrap();
    row.status = "failed";
    let (user, at) = (row.user, case.world.at(NOW));
    let update = format!(
        "UPDATE preview_jobs SET status = 'failed' WHERE id = (SELECT min(id) FROM preview_jobs \
         WHERE user_id = {user} AND status = 'running' AND created_at = to_timestamp({at}))"
    );
    case.deployment.postgres.sql(&update).await;
    let expected = ["hivesync_preview_failures{window=\"1d\"}", "hivesync_preview_failures{window=\"1h\"}"];
    case.moved(&before, &expected).await;
}

async fn queues(case: &mut Case) {
    let before = answers(&case.world);
    case.world.ai_queue += 1;
    case.deployment.redis.run::<()>(&["RPUSH", "ai_queue:tasks", "{}"]).await;
    case.moved(&before, &["hivesync_queue_depth{queue=\"ai\"}"]).await;

    let before = answers(&case.world);
    case.world.preview_queue = 0;
    case.deployment.redis.run::<()>(&["DEL", "ai_queue:preview"]).await;
    case.moved(&before, &["hivesync_queue_depth{queue=\"preview\"}"]).await;
}

async fn logs(case: &mut Case) {
    let before = answers(&case.world);
    case.world.ai_log.push(("ai.error", "timeout", 300));
    let line = case.world.ai_log_lines().lines().last().unwrap().to_owned();
    case.deployment.append(case.deployment.ai_log(), &line);
    let expected = [
        "hivesync_ai_log_errors_total{class=\"timeout\"}",
        "hivesync_ai_log_errors{class=\"timeout\",window=\"1d\"}",
    ];
    case.moved(&before, &expected).await;

    let before = answers(&case.world);
    case.world.preview_log.push(("preview.failed", 300));
    let line = case.world.preview_log_lines().lines().last().unwrap().to_owned();
    case.deployment.append(case.deployment.preview_log(), &line);
    let expected = ["hivesync_preview_log_failures_total", "hivesync_preview_log_failures{window=\"1d\"}"];
    case.moved(&before, &expected).await;
}
