//! The expressions and SELECTs of the page about HiveSync: what a dashboard shows.

use std::collections::HashMap;
use std::process::Command;

use serde_json::json;

use super::{Deployment, PAGE, SOON};
use crate::bundle::panels::{Empty, all_agree, all_have_data, prometheus, prometheus_of_two};
use crate::bundle::{Rendered, of_pack, restricted_of_pack};
use crate::packs::docs::answers;
use testkit::hivesync::world::World;
use testkit::wait::{eventually, until};

/// The blocks of a language in the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().trim()).collect()
}

/// The one that contains a text.
pub(super) fn block(language: &str, text: &str) -> &'static str {
    let mut found = blocks(language).into_iter().filter(|block| block.contains(text));
    let block = found.next().unwrap_or_else(|| panic!("no {language} with {text}"));
    assert_eq!(found.next(), None, "{text}");
    block
}

/// Every panel has data as soon as the exporter runs. What shows alarms is empty, as it should be.
#[tokio::test]
async fn every_expression_has_an_answer() {
    let deployment = Deployment::of(&World::populated()).await;
    let exporter = deployment.exporter().await;
    let prometheus = prometheus(&exporter).await;
    let all = answers("hivesync");
    assert!(all.len() > 40, "{all:?}");
    let (alarms, panels): (Vec<_>, Vec<_>) = all.iter().map(String::as_str).partition(|expression| {
        [" < on (source, class) workers_expected", "== 0", "platform_source_problem"]
            .iter()
            .any(|part| expression.contains(part))
    });
    assert_eq!(alarms.len(), 4, "{alarms:?}");
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
    ("GPU cost (30 days, estimate)", "A", "it takes ten minutes, and has a test of its own"),
];

/// The dashboard of tables that query the database, as the command writes it.
pub(super) fn restricted(config: &str) -> Rendered {
    restricted_of_pack(config, "hivesync")
}

/// Users, incidents and limits lead to the admin panel, if it has an address.
#[test]
fn links_lead_to_the_admin_panel() {
    let config = "sources: {app-db: {postgres: {url: 'postgres://localhost'}}, cache: {redis: {url: 'redis://localhost'}}}\n\
                  packs: {hivesync: {db: app-db, cache: cache}}\n";
    let admin = "https://hivesync.example/admin";
    let with = config.replace("cache: cache", &format!("cache: cache, admin_url: '{admin}'"));
    let links = |config: &str| {
        let (dashboard, rules) = of_pack(config, "hivesync");
        let links = |dashboard: &Rendered| {
            let urls = |panel: &&serde_json::Value| panel.to_string().matches(admin).count() > 0;
            let titles = dashboard.panels().into_iter().filter(urls);
            titles.map(|panel| panel["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        (links(&dashboard), links(&restricted(config)), rules.matches(&format!("{admin}/analytics")).count())
    };
    assert_eq!(links(config), (Vec::new(), Vec::new(), 0));
    let (cards, tables, alerts) = links(&with);
    assert_eq!(cards, ["Queue depth, AI", "Queue depth, preview", "Failed AI requests"]);
    assert_eq!(tables, ["Top 20 users by AI calls", "Recent incidents"]);
    let (_, rules) = of_pack(&with, "hivesync");
    assert_eq!(alerts, rules.matches("- alert: ").count());
    let users = restricted(&with).panels().into_iter().map(ToString::to_string).collect::<String>();
    assert!(users.contains("https://hivesync.example/admin/users/${__data.fields"), "{users}");
}

/// What needs logs or workers is left out without them, and nothing else.
#[test]
fn the_bundle_does_without_optional_inputs() {
    let sources = "sources: {app-db: {postgres: {url: 'postgres://localhost'}}, cache: {redis: {url: 'redis://localhost'}}}";
    let (dashboard, rules) =
        of_pack(&format!("{sources}\npacks: {{hivesync: {{db: app-db, cache: cache}}}}\n"), "hivesync");
    for title in ["Online users", "AI cost this month"] {
        assert!(dashboard.has(title), "{title}");
    }
    for title in ["CPU workers", "Workers alive", "AI errors in the log", "GPU price per hour"] {
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
    all_agree(&prometheus, &prometheus_of_two(&exporter).await, &questions, SOON).await;
    assert_eq!(dashboard.selects(), []);
    let dashboard = restricted(&deployment.config());
    let tables = dashboard.selects().into_iter().take(2);
    let tables: Vec<_> = tables.map(|(_, sql)| rows(&deployment, sql)).collect();
    let of_page = [block("sql", "LIMIT 20"), block("sql", "'AI error'")];
    assert_eq!(tables, of_page.map(|sql| rows(&deployment, sql)));
    assert!(tables.iter().all(|rows| rows.len() >= 20), "{tables:?}");
}

/// The rows of a SELECT by the role that Grafana has.
pub(super) fn rows(deployment: &Deployment, sql: &str) -> Vec<String> {
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

pub(super) fn most_active(world: &World) -> Vec<String> {
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
