//! The expressions and SELECTs of the page about HiveSync: what a dashboard shows.

use std::collections::HashMap;
use std::process::Command;

use serde_json::json;

use super::answers::{ON_DEMAND_PRICE, SPOT_PRICE};
use super::{Deployment, PAGE, SOON};
use crate::bundle::of_pack;
use crate::bundle::panels::{Empty, all_have_data, prometheus};
use testkit::hivesync::world::World;
use testkit::wait::{eventually, until};

/// The blocks of a language in the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().trim()).collect()
}

/// The one that contains a text.
fn block(language: &str, text: &str) -> &'static str {
    let mut found = blocks(language).into_iter().filter(|block| block.contains(text));
    let block = found.next().unwrap_or_else(|| panic!("no {language} with {text}"));
    assert_eq!(found.next(), None, "{text}");
    block
}

/// Every panel has data as soon as the exporter runs. What tells of alarms is silent, as it should be.
#[tokio::test]
async fn every_expression_has_an_answer() {
    let deployment = Deployment::of(&World::populated()).await;
    let exporter = deployment.exporter().await;
    let prometheus = prometheus(&exporter).await;
    let cells = PAGE.lines().filter(|line| line.starts_with("| ") && line.contains("| `hivesync_"));
    let cells: Vec<_> = cells.filter_map(|line| line.split('`').nth(1)).collect();
    assert!(cells.len() > 10, "{cells:?}");
    // Half an hour has to pass before this one has an answer; it has a test of its own.
    let expressions = blocks("promql").into_iter().filter(|block| !block.contains("[30d:5m]"));
    let (alarms, panels): (Vec<_>, Vec<_>) = expressions.chain(cells).partition(|expression| {
        [" < on (source, class) workers_expected", "== 0", "platform_source_problem"]
            .iter()
            .any(|part| expression.contains(part))
    });
    assert_eq!(alarms.len(), 3, "{alarms:?}");
    for panel in panels {
        until(SOON, panel, async || {
            prometheus.query(panel).await.as_array().filter(|answer| !answer.is_empty()).cloned()
        })
        .await;
    }
    for alarm in &alarms {
        assert_eq!(prometheus.query(alarm).await, json!([]), "{alarm}");
    }
    deployment.redis.run::<()>(&["DEL", "hb:cpu"]).await;
    deployment.postgres.sql("DROP TABLE preview_jobs").await;
    let queue = ["RPUSH", "ai_queue:tasks"].into_iter().chain(["{}"; 100]).collect::<Vec<_>>();
    deployment.redis.run::<()>(&queue).await;
    for alarm in alarms {
        eventually(SOON, alarm, async || prometheus.query(alarm).await != json!([])).await;
    }
}

/// Questions of the dashboard that have no answer: panel, query, and why.
const EMPTY: [Empty; 3] = [
    ("Problems", "A", "nothing is wrong"),
    ("What is firing", "A", "no alert of HiveSync fires"),
    ("Estimated GPU cost (30 days)", "A", "it takes half an hour, and has a test of its own"),
];

/// What needs logs or workers is left out without them, and nothing else.
#[test]
fn the_bundle_does_without_optional_inputs() {
    let sources = "sources: {app-db: {postgres: {url: 'postgres://localhost'}}, cache: {redis: {url: 'redis://localhost'}}}";
    let (dashboard, rules) =
        of_pack(&format!("{sources}\npacks: {{hivesync: {{db: app-db, cache: cache}}}}\n"), "hivesync");
    for title in ["Online users", "Recent incidents", "GPU price per hour"] {
        assert!(dashboard.has(title), "{title}");
    }
    for title in ["CPU workers", "Workers alive", "AI errors in the log"] {
        assert!(!dashboard.has(title), "{title}");
    }
    assert!(rules.contains("HivesyncQueueStuck") && rules.contains("HivesyncRollUpNotWritten"), "{rules}");
    assert!(!rules.contains("HivesyncQueueWithoutWorkers") && !rules.contains("LogStale"), "{rules}");
}

/// Every question of the dashboard has an answer, and each card one; the tables are those of the page.
#[tokio::test]
async fn every_panel_of_the_dashboard_has_data() {
    let deployment = Deployment::of(&World::populated()).await;
    let exporter = deployment.exporter().await;
    let prometheus = prometheus(&exporter).await;
    let (dashboard, _) = of_pack(&deployment.config(), "hivesync");
    let questions = dashboard.questions("");
    assert!(questions.len() > 60, "{}", questions.len());
    all_have_data(&prometheus, &questions, &EMPTY, SOON).await;
    let tables: Vec<_> = dashboard.selects().into_iter().map(|(_, sql)| rows(&deployment, sql)).collect();
    let of_page = [block("sql", "LIMIT 20"), block("sql", "'AI error'")];
    assert_eq!(tables, of_page.map(|sql| rows(&deployment, sql)));
    assert!(tables.iter().all(|rows| rows.len() >= 20), "{tables:?}");
}

/// A spot instance for ten hours, another beside it for five, one on demand for two; and one that is offline.
#[test]
fn instance_hours_are_those_of_the_workers() {
    let worker = |name: &str, lifecycle: &str, state: &str, hours: u32| {
        let series = format!(
            "worker_info{{source=\"fleet\",class=\"gpu\",worker=\"{name}\",instance_type=\"g5.xlarge\",\
             lifecycle=\"{lifecycle}\",state=\"{state}\"}}"
        );
        json!({"series": series, "values": format!("1x{} stale", hours * 12 - 1)})
    };
    let price = |lifecycle: &str, price: f64| {
        let series = format!("hivesync_gpu_hour_price{{source=\"app-db\",lifecycle=\"{lifecycle}\"}}");
        json!({"series": series, "values": format!("{price}x300")})
    };
    let cost = 15.0 * SPOT_PRICE + 2.0 * ON_DEMAND_PRICE;
    let test = json!({"rule_files": [], "evaluation_interval": "5m", "tests": [{
        "interval": "5m",
        "input_series": [
            worker("a", "spot", "active", 10),
            worker("b", "spot", "idle", 5),
            worker("c", "on-demand", "active", 2),
            worker("d", "on-demand", "offline", 20),
            price("spot", SPOT_PRICE),
            price("on-demand", ON_DEMAND_PRICE),
        ],
        "promql_expr_test": [{
            "expr": format!("round({}, 0.001)", block("promql", "[30d:5m]")),
            "eval_time": "1d",
            "exp_samples": [{"labels": "{}", "value": cost}],
        }],
    }]});
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hours.yml");
    std::fs::write(&file, test.to_string()).unwrap();
    let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output();
    let output = output.expect("promtool is there: run `make deps`");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("SUCCESS"), "{said}");
}

/// The rows of a SELECT by the role that Grafana has.
fn rows(deployment: &Deployment, sql: &str) -> Vec<String> {
    let mut psql = Command::new("psql");
    psql.args([
        "-X",
        "-q",
        "-A",
        "-t",
        "-d",
        &deployment.postgres.url_as("grafana_hivesync", "", "postgres"),
    ]);
    let output = psql.args(["-c", sql]).output().expect("psql is not installed: run `make deps`");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_tables_hold_who_uses_most_and_what_went_wrong() {
    let mut world = World::populated();
    // No two at the same moment, so that their order is known.
    let jobs = world.requests.iter_mut().zip((0..).step_by(2));
    jobs.chain(world.previews.iter_mut().zip((1..).step_by(2))).for_each(|(job, later)| job.age += later);
    let deployment = Deployment::of(&world).await;

    let top = block("sql", "LIMIT 20");
    let found = rows(
        &deployment,
        &format!(
            "SELECT username, plan, extract(epoch FROM last_seen)::bigint, ai_calls FROM ({top}) AS top"
        ),
    );
    assert_eq!(found, most_active(&world));

    let incidents = block("sql", "'AI error'");
    let found = rows(
        &deployment,
        &format!("SELECT extract(epoch FROM at)::bigint, incident, class FROM ({incidents}) AS incident"),
    );
    assert_eq!(found, last_incidents(&world));

    // It reads nothing that these two do not need, and changes nothing.
    for refused in [
        "SELECT email FROM users",
        "SELECT name FROM projects",
        "SET default_transaction_read_only = off; DELETE FROM users",
    ] {
        let role = deployment.postgres.try_sql(&format!("SET ROLE grafana_hivesync; {refused}")).await;
        assert!(role.unwrap_err().contains("permission denied"), "{refused}");
    }
    for refused in ["SELECT username FROM users", "SELECT email FROM users", "SELECT name FROM projects"] {
        let role = deployment.postgres.try_sql(&format!("SET ROLE platform_exporter; {refused}")).await;
        assert!(role.unwrap_err().contains("permission denied"), "{refused}");
    }
}

fn most_active(world: &World) -> Vec<String> {
    let mut calls: HashMap<u64, usize> = HashMap::new();
    for request in world.requests.iter().filter(|request| request.age <= 7 * 86_400) {
        *calls.entry(request.user).or_default() += 1;
    }
    let mut calls: Vec<_> = calls.into_iter().collect();
    calls.sort_by_key(|&(user, calls)| (std::cmp::Reverse(calls), user));
    let row = |&(user, calls): &(u64, usize)| {
        let is_current = |status: &str, ended: Option<i64>| match status {
            "active" | "past_due" => true,
            "trialing" => ended.is_none_or(|age| age < 0),
            _ => false,
        };
        let mut plans = world.subscriptions.iter().filter(|row| row.user == user);
        let plan = plans.find(|row| is_current(row.status, row.trial_ended)).map_or("free", |row| row.plan);
        let sessions = world.sessions.iter().filter(|session| session.user == user);
        let ages = sessions.map(|session| session.age.min(session.heartbeat.unwrap_or(i64::MAX)));
        let seen = ages.min().map_or_else(String::new, |age| world.at(age).to_string());
        format!("user{user}|{plan}|{seen}|{calls}")
    };
    calls.iter().take(20).map(row).collect()
}

fn last_incidents(world: &World) -> Vec<String> {
    let of_kind = |incident: &'static str, jobs: &'static str| {
        let jobs = if jobs == "ai" { &world.requests } else { &world.previews };
        jobs.iter().filter(|job| job.status == "failed").map(move |job| (job.age, incident, job.class))
    };
    let mut all: Vec<_> = of_kind("AI error", "ai").chain(of_kind("preview failure", "preview")).collect();
    all.sort_by_key(|(age, ..)| *age);
    let row = |(age, incident, class): &(i64, &str, Option<&str>)| {
        format!("{}|{incident}|{}", world.at(*age), class.unwrap_or("unknown"))
    };
    all.iter().take(50).map(row).collect()
}
