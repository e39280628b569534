//! What `make demo` runs: the shop and the platforms of the packs, in one exporter.

mod affected;
mod seam;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use platform_core::yaml::{self, Faults};
use serde_json::json;

use crate::bundle::charts::open_ended;
use crate::bundle::of_bundle;
use crate::bundle::panels::{
    Empty, all_agree, all_have_data, all_of_kinds_have_answers, prometheus, prometheus_of_two,
};
use crate::bundle::variables::every_platform_has_its_own_sources;
use crate::packs::docs::answers;
use testkit::exporter::{Exporter, binary};
use testkit::grafana;
use testkit::history;
use testkit::platforms::Platforms;
use testkit::ports::Port;
use testkit::prometheus::Prometheus;
use testkit::root;
use testkit::wait::eventually;

/// Every query has run by then, and every rate has two samples; with much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

const DAY: i64 = 86_400;

/// It has a value only while a post is overdue, and perhaps none was while the exporter was watched.
const COMES_AND_GOES: &str = "Age of the oldest overdue post";

const NOTHING_WRONG: Empty = ("Problems", "A", "nothing is wrong");

/// The dashboards of the packs; the questions that have no answer in the first minutes, or while all is well; and what
/// stands for the variables that viewers set. Tables of single users are tested with the packs.
const PACKS: [(&str, &[Empty], &[&str]); 3] = [
    ("hayon", &[NOTHING_WRONG], &[""]),
    ("hivesync", &[NOTHING_WRONG, ("What is firing", "A", "no alert of HiveSync fires")], &[""]),
    ("joip", &[NOTHING_WRONG], &["24h", "7d", "30d"]),
];

/// What pages say one can ask, and what has no answer while all is well, or in the first minutes.
const UNANSWERED: [(&str, &str, &str); 20] = [
    (
        "hayon",
        "sum by (event_type) (stripe_webhook_events_undelivered{phase=\"exhausted\"}) > 0",
        "events are delivered",
    ),
    (
        "hayon",
        "sum by (limiter) (hayon_rate_limit_clients_at_limit) > 3 * avg_over_time(sum by (limiter) (hayon_rate_limit_clients_at_limit)[1d:5m]) + 10",
        "few clients are at a limit",
    ),
    ("hayon", "time() - s3_canary_last_success_timestamp_seconds > 900", "uploads succeed"),
    (
        "hayon",
        "workers_alive{class=\"posting\"} < on (source, class) workers_expected",
        "enough workers are alive",
    ),
    ("hayon", "stripe_event_destination_enabled", "webhook endpoints need no event destination"),
    ("hayon", "platform_source_problem", "nothing is wrong"),
    ("hayon", "hayon_connected_accounts_broken / hayon_connected_accounts > 0.1", "few are broken"),
    ("hayon", "hayon_scheduled_posts_overdue > 0", "no post is late"),
    ("hayon", "min_over_time(rabbitmq_dead_letter_queue_messages[7d]) > 0", "the queue was empty at first"),
    ("hayon", "mongodb_currentop_oldest_slow_operation_timestamp_seconds", "no operation is slow"),
    (
        "hayon",
        "platform_query_duration_seconds{query=\"hayon.users\"} > 2 * avg_over_time(platform_query_duration_seconds{query=\"hayon.users\"}[1d] offset 1d)",
        "it takes no longer than yesterday",
    ),
    ("hayon", "platform_query_duration_seconds{query=\"hayon.users\"} > 30", "the query is fast"),
    (
        "hayon",
        "rabbitmq_queue_messages_ready{queue=\"hayon_social_posts\"} > 0 and deriv(rabbitmq_queue_messages_ready{queue=\"hayon_social_posts\"}[10m]) > 0",
        "posts are published",
    ),
    ("hayon", "rabbitmq_queue_without_consumers{queue=\"hayon_social_posts\"} == 1", "there are consumers"),
    ("hayon", "redis_memory_used_bytes / (redis_memory_max_bytes > 0) > 0.9", "there is memory"),
    ("hivesync", "platform_source_problem", "nothing is wrong"),
    ("hivesync", "platform_source_problem == 1", "nothing is wrong"),
    (
        "hivesync",
        "hivesync_queue_depth{queue=\"ai\"} > 100 and on () max(workers_alive{class=\"cpu\"}) == 0",
        "the queue is short, and workers are alive",
    ),
    (
        "hivesync",
        "sum(max by (class) (hivesync_ai_errors{window=\"1h\"})) / max(hivesync_ai_requests{window=\"1h\"}) > 0.05",
        "few requests fail",
    ),
    ("hivesync", "workers_alive < on (source, class) workers_expected", "enough workers are alive"),
];

async fn start(platforms: &Platforms) -> Exporter {
    let environment = platforms.environment();
    let options = Exporter::options(&Platforms::config());
    let options = environment.iter().fold(options, |options, (name, value)| options.variable(name, value));
    let exporter = options.start().await;
    platforms.shop.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    exporter
}

/// The label `name` of every series of a metric that has a value other than 0.
fn labels(exposition: &str, metric: &str, name: &str) -> BTreeSet<String> {
    let lines = exposition.lines().filter(|line| line.starts_with(metric) && !line.ends_with(" 0"));
    let label = |line: &str| Some(line.split_once(&format!("{name}=\""))?.1.split('"').next()?.to_owned());
    lines.filter_map(label).collect()
}

#[tokio::test]
async fn every_platform_is_well_and_every_panel_has_data() {
    let platforms = Platforms::start().await;
    platforms.while_living(all_is_well(&platforms)).await;
}

async fn all_is_well(platforms: &Platforms) {
    let exporter = start(platforms).await;
    let (prometheus, of_two) = (prometheus(&exporter).await, prometheus_of_two(&exporter).await);
    let mut exposition = String::new();
    let all_are_up = history::watch(&exporter, |current| {
        current.clone_into(&mut exposition);
        let all = labels(&exposition, "platform_source_status{", "source");
        let not_up = ["down", "degraded", "unknown"];
        let is_well = !not_up.iter().any(|status| {
            exposition.lines().any(|line| {
                line.starts_with("platform_source_status{")
                    && line.ends_with(&format!("status=\"{status}\"}} 1"))
            })
        });
        let asked = labels(&exposition, "platform_query_last_success_timestamp_seconds{", "query");
        let queries = labels(&exposition, "platform_query_max_age_seconds{", "query");
        is_well && all.len() == 23 && asked == queries && queries.len() > 40
    });
    let Ok(watched) = tokio::time::timeout(PATIENCE / 2, all_are_up).await else {
        panic!("{exposition}\n{}", exporter.log());
    };
    let with_past = seam::without_a_gap(watched, platforms, &exporter).await;
    exporter.wait_for("platform_roll_up_success{pack=\"hivesync\"}", 1.0, PATIENCE).await;
    every_chart_is_full(platforms, &with_past).await;
    seam::no_rate_jumps(&exposition, &prometheus, &with_past).await;
    the_incidents_are_in_the_budgets(&with_past).await;
    nothing_fires_because_of_the_past(&prometheus, &with_past).await;
    every_platform_has_its_own_sources(&prometheus, &PACKS.map(|(name, ..)| name)).await;
    every_panel_has_data(platforms, [&prometheus, &of_two, &with_past]).await;
    all_of_kinds_have_answers(&of_two, &of_bundle(platforms.bundle())).await;
    every_line_of_the_pages_has_an_answer(&with_past).await;
    what_is_wrong_comes_first(platforms, &exporter, &with_past).await;
}

/// With as many sources as here, too, one sees at once which does not answer.
async fn what_is_wrong_comes_first(platforms: &Platforms, exporter: &Exporter, prometheus: &Prometheus) {
    platforms.shop.redis.stop();
    let up = "platform_source_up{source=\"hivesync-cache\",kind=\"redis\"}";
    exporter.wait_for(up, 0.0, PATIENCE).await;
    let page = exporter.get("/").await;
    let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part} is missing in:\n{page}"));
    assert!(place("class=\"is-down\" id=\"hivesync-cache\"") < place("class=\"is-up\""), "{page}");
    affected::by_a_cache(platforms, prometheus).await;
    affected::no_sum_is_shown_as_complete(platforms, prometheus).await;
    platforms.shop.redis.resume();
    exporter.wait_for(up, 1.0, PATIENCE).await;
}

/// And with two exporters on the same platforms, no number is doubled.
async fn every_panel_has_data(platforms: &Platforms, [prometheus, of_two, with_past]: [&Prometheus; 3]) {
    let dashboards = of_bundle(platforms.bundle());
    for (name, empty, values) in PACKS {
        let dashboard = dashboards.iter().find(|dashboard| dashboard.name == name).unwrap();
        for value in values {
            let questions = dashboard.questions(value);
            assert!(questions.len() > 60, "{name}: {}", questions.len());
            all_have_data(with_past, &questions, empty, PATIENCE).await;
            all_agree(prometheus, of_two, &questions, PATIENCE).await;
        }
    }
}

/// Charts show something from the beginning of their range, and over a month.
async fn every_chart_is_full(platforms: &Platforms, prometheus: &Prometheus) {
    let mut wrong = Vec::new();
    for dashboard in of_bundle(platforms.bundle()) {
        let Some((.., values)) = PACKS.iter().find(|(name, ..)| *name == dashboard.name) else { continue };
        for range in [0, DAY, 7 * DAY, 30 * DAY] {
            let mut charts = dashboard.charts(values[0], range);
            charts.retain(|chart| !chart.title.ends_with(COMES_AND_GOES));
            assert!(charts.len() > 15, "{}: {}", dashboard.name, charts.len());
            wrong.extend(open_ended(prometheus, &charts).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The only value of an expression.
async fn number(prometheus: &Prometheus, expression: &str) -> Option<f64> {
    let answer = prometheus.query(expression).await;
    answer[0]["value"][1].as_str().map(|text| text.parse().unwrap())
}

/// One cache was down for twelve minutes, and a release went wrong.
async fn the_incidents_are_in_the_budgets(prometheus: &Prometheus) {
    for (slo, spent) in [
        ("slo=\"availability\", source=\"hivesync-cache\"", 0.2),
        ("slo=\"publishing\"", 0.05),
        ("slo=\"job latency\"", 0.01),
    ] {
        let spent =
            format!("min_over_time(slo:period_error_budget_remaining:ratio{{{slo}}}[8d]) < 1 - {spent}");
        eventually(PATIENCE, &spent, async || prometheus.query(&spent).await != json!([])).await;
    }
    let untouched =
        "slo:period_error_budget_remaining:ratio{slo=\"availability\", source!=\"hivesync-cache\"}";
    assert_eq!(prometheus.query(&format!("{untouched} < 1")).await, json!([]));
    let all = prometheus.query(&format!("{untouched} offset 20d")).await;
    assert!(all.as_array().is_some_and(|all| all.len() > 20), "{all}");
    let problems = "count by (source, reason) (count_over_time(platform_source_problem[30d] offset 10m))";
    let problems = prometheus.query(problems).await;
    let problems: Vec<_> = problems.as_array().unwrap().iter().map(|series| &series["metric"]).collect();
    assert_eq!(problems, [&json!({"source": "hivesync-cache", "reason": "timeout"})]);
}

/// What is pending or fires does so without a past as well.
async fn nothing_fires_because_of_the_past(prometheus: &Prometheus, with_past: &Prometheus) {
    let names = async |prometheus: &Prometheus| -> BTreeSet<String> {
        let alerts = prometheus.query("count by (alertname) (ALERTS{severity=~\"critical|warning\"})").await;
        let name = |alert: &serde_json::Value| alert["metric"]["alertname"].as_str().unwrap().to_owned();
        alerts.as_array().unwrap().iter().map(name).collect()
    };
    let evaluated = async || names(with_past).await.contains("Busy");
    eventually(PATIENCE, "rules are evaluated", evaluated).await;
    // The two do not evaluate their rules at the same moment.
    let is_the_same = async || names(with_past).await.is_subset(&names(prometheus).await);
    eventually(PATIENCE, "nothing fires that does not without a past", is_the_same).await;
}

/// Each requirement on a platform's page names what answers it. It does, if not at every moment.
async fn every_line_of_the_pages_has_an_answer(prometheus: &Prometheus) {
    for (pack, ..) in PACKS {
        let answers = answers(pack);
        assert!(answers.len() > 30, "{pack}: {}", answers.len());
        for expr in answers {
            if !UNANSWERED.iter().any(|(of, listed, _)| *of == pack && *listed == expr) {
                let what = format!("an answer to a line of platforms/{pack}/README.md: {expr}");
                eventually(PATIENCE, &what, async || prometheus.query(&expr).await != json!([])).await;
            }
        }
    }
}

/// Each file stands for itself, so that a reader can take it as a beginning.
#[test]
fn each_configuration_is_good_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let variables = regex::Regex::new(r"\$\{([A-Z0-9_]+)\}").unwrap();
    for (name, config) in Platforms::ALL {
        let file = directory.path().join(format!("{name}.yml"));
        std::fs::write(&file, config).unwrap();
        let mut check = Command::new(binary());
        check.args(["check", "--config.file"]).arg(&file);
        for found in variables.captures_iter(config) {
            check.env(&found[1], placeholder(&found[1]));
        }
        let output = check.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A value of the right form for a variable, by its name.
fn placeholder(variable: &str) -> &'static str {
    match variable {
        name if name.contains("MONGODB") => "mongodb://localhost/hayon",
        name if name.contains("MANAGEMENT") => "http://localhost:15672",
        name if name.contains("RABBITMQ") => "amqp://localhost",
        name if name.contains("REDIS") => "redis://localhost",
        name if name.contains("STRIPE_API_KEY") => "rk_live_example",
        name if name.contains("POSTGRES") || name.contains("DATABASE") || name.contains("ROLL_UP") => {
            "postgres://localhost/app"
        }
        name if name.contains("LOG") => "/var/log/events.log",
        name if ["_KEY", "_KEY_ID", "_TOKEN"].iter().any(|end| name.ends_with(end)) => "example",
        _ => "http://localhost",
    }
}

/// Grafana finds the dashboards and the servers of the demo, and everybody may look.
#[test]
fn grafana_is_provisioned_with_the_addresses_of_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = platform_exporter::bundle::render(None).unwrap();
    grafana::provision(directory.path(), &bundle, "http://127.0.0.1:1", "http://127.0.0.1:2");
    let read = |name: &str| {
        let text = std::fs::read_to_string(directory.path().join("provisioning").join(name)).unwrap();
        let mut faults = Faults::of(name);
        assert!(yaml::parse(&text, &|_| None, &mut faults).is_some(), "{text}");
        text
    };
    let sources = read("datasources/platform.yml");
    assert!(sources.contains("url: http://127.0.0.1:1\n") && sources.contains("url: http://127.0.0.1:2\n"));
    let shipped =
        std::fs::read_to_string(root().join("grafana/provisioning/datasources/platform.yml")).unwrap();
    assert_eq!(sources.lines().count(), shipped.lines().count());
    let dashboards = directory.path().join("dashboards");
    assert!(read("dashboards/platform.yml").contains(&format!("path: {}\n", dashboards.display())));
    let settings: BTreeMap<_, _> = grafana::settings(directory.path(), &Port::free()).into_iter().collect();
    let home = &settings["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    assert!(std::path::Path::new(home).is_file(), "{home}");
    let expected = bundle.iter().filter(|file| file.path.starts_with("grafana/dashboards/")).count();
    assert_eq!(std::fs::read_dir(&dashboards).unwrap().count(), expected);
    assert_eq!(settings["GF_SERVER_HTTP_ADDR"], "127.0.0.1");
    assert_eq!(settings["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer");
    assert!(std::path::Path::new(&settings["GF_PATHS_PROVISIONING"]).is_dir());
}
