//! Every panel of the dashboards of kinds, of the whole and of the exporter has data: real services, the exporter, and a real Prometheus.

use std::time::Duration;

use serde_json::Value;

use super::{Rendered, dashboards, replaced, targets, text};
use crate::platform::{SOURCES, start, wait_until_all_are_up};
use crate::support::exporter::Exporter;
use crate::support::platform::Platform;
use crate::support::platform_data::while_living;
use crate::support::prometheus::Prometheus;
use crate::support::wait::until;

/// Questions that have no answer while all is well, or on a platform of this size: panel, query, and why.
const EMPTY: [(&str, &str, &str); 9] = [
    ("What needs attention", "A", "nothing needs it"),
    ("What is wrong", "A", "nothing is wrong"),
    ("Failed probes", "A", "none failed"),
    ("Failed queries", "A", "none failed"),
    ("Replicas behind", "A", "the server has no replica"),
    ("WAL kept for slots", "A", "the server has no replication slot"),
    ("Memory", "C", "the server has no limit of memory"),
    ("Streams", "A", "no stream is declared"),
    ("Slots at work", "A", "the job system of no class tells its slots"),
];

/// Until every source was probed, every query put, and every rate has two samples.
const PATIENCE: Duration = Duration::from_secs(60);

/// One question of a panel.
struct Question {
    title: String,
    /// With Grafana's variables.
    expr: String,
    source: &'static str,
    is_meant_to_be_empty: bool,
    /// Whether the panel shows one value, whose title says what it is.
    is_single: bool,
}

impl Question {
    async fn ask(&self, prometheus: &Prometheus) -> Value {
        prometheus.query(&replaced(&self.expr, "10s", self.source)).await
    }

    async fn has_data(&self, prometheus: &Prometheus) -> bool {
        self.ask(prometheus).await.as_array().is_some_and(|series| !series.is_empty())
    }
}

/// The questions for present values: not those for the last known ones, which have none while all is well.
fn questions(dashboard: &Rendered) -> Vec<Question> {
    let source =
        SOURCES.into_iter().find(|(_, kind)| *kind == dashboard.name).map_or("", |(source, _)| source);
    let of_panel = |panel: &Value| {
        let title = dashboard.title(panel);
        let present = targets(panel).iter().filter(|target| {
            let id = text(&target["refId"]);
            id != "Z" && !id.starts_with("last")
        });
        let questions = present.map(|target| Question {
            title: format!("{title} / {}", text(&target["refId"])),
            expr: text(&target["expr"]).to_owned(),
            source,
            is_single: panel["type"] == "stat" && !text(&target["legendFormat"]).contains("{{"),
            is_meant_to_be_empty: EMPTY
                .iter()
                .any(|(of, id, _)| panel["title"] == *of && target["refId"] == *id),
        });
        questions.collect::<Vec<_>>()
    };
    dashboard.panels().into_iter().flat_map(of_panel).collect()
}

async fn prometheus(exporter: &Exporter) -> Prometheus {
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [rules.yml]\n\
         scrape_configs: [{{job_name: platform_exporter, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        exporter.address()
    );
    let rules = "groups: [{name: a, rules: [{alert: Watchdog, expr: vector(1)}, \
                 {alert: Busy, expr: platform_source_up == 1, labels: {severity: warning}}]}]\n";
    Prometheus::options(&config).file("rules.yml", rules).start().await
}

async fn has_data(prometheus: &Prometheus, expr: &str) -> bool {
    prometheus.query(expr).await.as_array().is_some_and(|series| !series.is_empty())
}

#[tokio::test]
async fn every_panel_has_data_and_tells_what_is_last_known() {
    let platform = Platform::start().await;
    while_living(&platform, every_panel(&platform)).await;
}

async fn every_panel(platform: &Platform) {
    let exporter = start(platform).await;
    let prometheus = prometheus(&exporter).await;
    wait_until_all_are_up(&exporter).await;
    // Those of packs need the platform that the pack is for.
    let is_of_all = |name: &str| {
        ["overview", "exporter"].contains(&name) || SOURCES.iter().any(|(_, kind)| *kind == name)
    };
    let dashboards: Vec<_> =
        dashboards().into_iter().filter(|dashboard| is_of_all(&dashboard.name)).collect();
    let questions: Vec<_> = dashboards.iter().flat_map(questions).collect();
    assert!(questions.len() > 150, "{}", questions.len());
    let mut missing: Vec<_> = questions.iter().filter(|question| !question.is_meant_to_be_empty).collect();
    let all_have_data = until(PATIENCE * 2, "every panel has data", async || {
        let mut still = Vec::new();
        for question in &missing {
            if !question.has_data(&prometheus).await {
                still.push(*question);
            }
        }
        missing = still;
        missing.is_empty().then_some(())
    });
    let _ = tokio::time::timeout(PATIENCE, all_have_data).await;
    let missing: Vec<_> =
        missing.iter().map(|missing| format!("{}: {}", missing.title, missing.expr)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    for question in questions.iter().filter(|question| question.is_single) {
        let found = question.ask(&prometheus).await;
        assert_eq!(found.as_array().unwrap().len(), 1, "{}: {found}", question.title);
    }
    the_last_known_values_are_told(platform, &prometheus, &dashboards).await;
}

/// When a source fails, its cards have no present value, but the last one with its time, and its status says so.
async fn the_last_known_values_are_told(
    platform: &Platform,
    prometheus: &Prometheus,
    dashboards: &[Rendered],
) {
    let redis = dashboards.iter().find(|dashboard| dashboard.name == "redis").unwrap();
    let panel = redis.panels().into_iter().find(|panel| panel["title"] == "Memory used").unwrap();
    let expr = |id: &str| {
        let target = targets(panel).iter().find(|target| target["refId"] == id).unwrap();
        replaced(text(&target["expr"]), "10s", "cache")
    };
    assert!(!has_data(prometheus, &expr("lastA")).await && !has_data(prometheus, &expr("Z")).await);
    platform.redis.stop();
    until(Duration::from_secs(40), "the present value is gone", async || {
        (!has_data(prometheus, &expr("A")).await).then_some(())
    })
    .await;
    let known = prometheus.query(&expr("lastA")).await;
    assert!(text(&known[0]["value"][1]).parse::<f64>().unwrap() > 0.0, "{known}");
    let as_of = prometheus.query(&expr("Z")).await;
    let age =
        jiff::Timestamp::now().as_millisecond() as f64 - text(&as_of[0]["value"][1]).parse::<f64>().unwrap();
    assert!((0.0..300_000.0).contains(&age), "{age} ms");
    let overview = dashboards.iter().find(|dashboard| dashboard.name == "overview").unwrap();
    let cards = overview.panels().into_iter().find(|panel| panel["title"] == "Sources").unwrap();
    let status = prometheus.query(text(&targets(cards)[0]["expr"])).await;
    let of_cache =
        status.as_array().unwrap().iter().find(|series| series["metric"]["source"] == "cache").unwrap();
    assert_eq!(text(&of_cache["value"][1]), "1", "{status}");
    let reasons =
        overview.panels().into_iter().find(|panel| panel["title"] == "What needs attention").unwrap();
    let reasons = prometheus.query(text(&targets(reasons)[0]["expr"])).await;
    let of_cache = reasons.as_array().unwrap().iter().filter(|row| row["metric"]["source"] == "cache");
    let of_cache: Vec<_> = of_cache.map(|row| text(&row["metric"]["reason"])).collect();
    assert!(of_cache.contains(&"timeout"), "{reasons}");
    platform.redis.resume();
}
