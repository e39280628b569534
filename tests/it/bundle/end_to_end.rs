//! Every panel of the dashboards of kinds, of the whole and of the exporter has data: real services, the exporter, and a real Prometheus.

use std::time::Duration;

use super::panels::{Empty, all_have_data, prometheus};
use super::{Rendered, dashboards, replaced, targets, text};
use crate::platform::{SOURCES, start, wait_until_all_are_up};
use testkit::platform::Platform;
use testkit::platform_data::while_living;
use testkit::prometheus::Prometheus;
use testkit::wait::until;

/// Questions that have no answer while all is well, or on a platform of this size: panel, query, and why.
const EMPTY: [Empty; 9] = [
    ("What needs attention", "A", "nothing needs it"),
    ("Problems", "A", "nothing is wrong"),
    ("Failed probes", "A", "none failed"),
    ("Failed queries", "A", "none failed"),
    ("Replication backlog", "A", "the server has no replica"),
    ("WAL retained for slots", "A", "the server has no replication slot"),
    ("Memory", "C", "the server has no limit of memory"),
    ("Streams", "A", "no stream is declared"),
    ("Slot utilization", "A", "no job system here has slots"),
];

/// Until every source was probed, every query put, and every rate has two samples.
const PATIENCE: Duration = Duration::from_secs(60);

async fn has_data(prometheus: &Prometheus, expr: &str) -> bool {
    prometheus.query(expr).await.as_array().is_some_and(|series| !series.is_empty())
}

#[tokio::test]
async fn every_panel_has_data_and_reports_what_is_last_known() {
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
    let of_kind = |dashboard: &Rendered| {
        let source = SOURCES.into_iter().find(|(_, kind)| *kind == dashboard.name);
        dashboard.questions(source.map_or("", |(source, _)| source))
    };
    let questions: Vec<_> = dashboards.iter().flat_map(of_kind).collect();
    assert!(questions.len() > 150, "{}", questions.len());
    all_have_data(&prometheus, &questions, &EMPTY, PATIENCE).await;
    the_last_known_values_are_reported(platform, &prometheus, &dashboards).await;
}

/// When a source fails, its cards have no present value, but the last one with its time, and its status says so.
async fn the_last_known_values_are_reported(
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
