//! What the overview shows while a cache is down.

use std::collections::BTreeMap;

use serde_json::json;
use testkit::platforms::Platforms;
use testkit::prometheus::Prometheus;
use testkit::wait::eventually;

use super::PATIENCE;
use crate::bundle::{of_bundle, replaced, targets, text};

/// One Redis is the cache of two platforms: what is down is counted for both, and not for the third.
pub(super) async fn by_a_cache(platforms: &Platforms, prometheus: &Prometheus) {
    let dashboards = of_bundle(platforms.bundle());
    let overview = dashboards.iter().find(|dashboard| dashboard.name == "overview").unwrap();
    let panels = overview.panels();
    let title = "Sources of platforms that are not up";
    let cards = panels.iter().find(|panel| panel["title"] == title).expect("there are packs");
    let expr = text(&targets(cards)[0]["expr"]);
    eventually(PATIENCE, "the platforms of the cache are affected", async || {
        let counted = prometheus.query(expr).await;
        let counted = counted.as_array().unwrap().iter();
        let counted: BTreeMap<_, u32> = counted
            .map(|series| {
                let count = text(&series["value"][1]).parse().unwrap();
                (text(&series["metric"]["deployment"]), count)
            })
            .collect();
        counted.len() == 3 && counted["hayon"] > 0 && counted["hivesync"] > 0 && counted["joip"] == 0
    })
    .await;
}

/// The workers that have their heartbeats in the cache are not among those that are not missing.
pub(super) async fn no_sum_is_shown_as_complete(platforms: &Platforms, prometheus: &Prometheus) {
    let dashboards = of_bundle(platforms.bundle());
    let overview = dashboards.iter().find(|dashboard| dashboard.name == "overview").unwrap();
    let panels = overview.panels();
    let has_data = async |title: &str, id: &str| {
        let panel = panels.iter().find(|panel| panel["title"] == title).expect("there are sources");
        let target = targets(panel).iter().find(|target| target["refId"] == id).unwrap();
        prometheus.query(&replaced(text(&target["expr"]), "10s", "")).await != json!([])
    };
    let incomplete = [("A", false), ("lastA", true), ("Z", true)];
    for (title, known) in [
        ("Workers missing", incomplete),
        ("Redis memory", incomplete),
        ("Messages waiting", [("A", true), ("lastA", false), ("Z", false)]),
    ] {
        for (id, expected) in known {
            let what = format!("{title} has {id}: {expected}");
            eventually(PATIENCE, &what, async || has_data(title, id).await == expected).await;
        }
    }
}
