//! Where the past of a Prometheus ends and the present begins.

use ::history::Watch;
use testkit::exporter::Exporter;
use testkit::history;
use testkit::platforms::Platforms;
use testkit::prometheus::Prometheus;
use testkit::time::now;
use testkit::wait::eventually;

use super::{PATIENCE, number};
use crate::bundle::panels::{prometheus_before_its_past, rules};

/// Prometheus scrapes while its past is made, and has kept that when it starts again.
pub(super) async fn without_a_gap(watched: Watch, platforms: &Platforms, exporter: &Exporter) -> Prometheus {
    let start = now();
    let mut prometheus = prometheus_before_its_past(exporter).await;
    let past = history::past(watched, &exporter.address(), &platforms.bundle()).await;
    eventually(PATIENCE, "a scrape", async || number(&prometheus, "up").await.is_some()).await;
    let end = now();
    let scraped = format!("count_over_time(up[{:.0}ms] @ {end})", (end - start) * 1000.0);
    let scrapes = number(&prometheus, &scraped).await;
    assert!(scrapes.is_some_and(|scrapes| scrapes > 0.0), "{scrapes:?}");
    prometheus.remember(&past, &rules()).await;
    let began = now();
    eventually(PATIENCE, "the present follows the past", async || {
        number(&prometheus, "max(timestamp(up))").await.is_some_and(|scraped| scraped > began)
    })
    .await;
    assert_eq!(number(&prometheus, &scraped).await, scrapes);
    prometheus
}

/// What an exporter counts goes on from where the past ends: a reset or a jump would be thousands in a second. What really
/// comes in bursts does so without a past as well.
pub(super) async fn no_rate_jumps(exposition: &str, prometheus: &Prometheus, with_past: &Prometheus) {
    let types = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    // It is a size, though its name ends as that of a counter.
    let is_counter = |name: &str, kind: &str| kind != "gauge" && name != "redis_memory_used_vm_total";
    let counters: Vec<_> =
        types.filter(|(name, kind)| is_counter(name, kind)).map(|(name, _)| name).collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in counters {
        // A jump is in the rates of five minutes, and so in two steps at least.
        let rates = format!("sum(rate({name}[5m]))[2h:2m]");
        let above_usual = format!("max_over_time({rates}) - 12 * quantile_over_time(0.9, {rates})");
        let Some(above_usual) = number(with_past, &above_usual).await else { continue };
        compared += 1;
        if above_usual <= 1.0 {
            continue;
        }
        let most = number(with_past, &format!("max_over_time({rates})")).await.unwrap();
        let really = number(prometheus, &format!("max_over_time(sum(rate({name}[5m]))[1h:5s])")).await;
        if really.is_none_or(|really| most > 3.0 * really + 1.0) {
            wrong.push(format!("{name}: {most}, {above_usual} above the usual, really {really:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 40, "{compared}");
}
