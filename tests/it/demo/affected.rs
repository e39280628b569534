//! Which platforms the overview shows as affected.

use std::collections::BTreeMap;

use testkit::platforms::Platforms;
use testkit::prometheus::Prometheus;
use testkit::wait::eventually;

use super::PATIENCE;
use crate::bundle::{of_bundle, targets, text};

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
