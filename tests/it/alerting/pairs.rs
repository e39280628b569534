//! Two of each: Prometheus, Alertmanager, and the exporter itself. One failure pages once.

use std::collections::BTreeSet;
use std::time::Duration;

use platform_exporter::bundle;
use serde_json::Value;
use tempfile::TempDir;

use super::inbox::{Inbox, Page};
use super::watch::quicken;
use testkit::alertmanager::Alertmanager;
use testkit::exporter::Exporter;
use testkit::prometheus::{Options, Prometheus};
use testkit::redis::Redis;
use testkit::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(120);

async fn exporter(redis: &Redis) -> Exporter {
    let url = redis.url();
    Exporter::start(&format!(
        "sources: {{cache: {{redis: {{url: \"{url}\"}}, interval: 1s, timeout: 1s}}}}\n"
    ))
    .await
}

/// The rules of all sources, which wait for a tenth of their times.
fn with_rules(options: Options) -> Options {
    let files = bundle::render(None).unwrap();
    let rules = files.iter().find(|file| file.path == "alerts/sources.rules.yml").unwrap();
    options.file("sources.rules.yml", &quicken(&rules.text, "for|keep_firing_for", 10))
}

fn routing(inbox: &Inbox, secrets: &TempDir) -> String {
    quicken(&inbox.routing(secrets.path()), "group_wait|group_interval|repeat_interval", 60)
}

/// Waits until each server has considered its notifications again, some times.
async fn considered(servers: &[Alertmanager]) {
    for server in servers {
        let before = server.lookups().await;
        eventually(PATIENCE, "three more rounds of notifications", async || {
            server.lookups().await >= before + 3.0
        })
        .await;
    }
}

#[tokio::test]
async fn two_prometheus_and_two_alertmanagers_page_once() {
    let redis = Redis::start().await;
    let exporter = exporter(&redis).await;
    let mut inbox = Inbox::start().await;
    let secrets = TempDir::with_prefix("secrets-").unwrap();
    let alertmanagers = Alertmanager::start_pair(&routing(&inbox, &secrets)).await;
    let both = alertmanagers.each_ref().map(Alertmanager::address).join("\", \"");
    let replica = |name: &str| {
        let shipped = include_str!("../../../prometheus/prometheus.yml");
        let own = format!("{{environment: production, replica: {name}}}");
        let config = shipped.replace("{environment: production}", &own);
        assert_ne!(config, shipped);
        with_rules(Prometheus::shipped(&config, &exporter.address(), &both).every(1))
    };
    let (a, b) = tokio::join!(replica("a").start(), replica("b").start());
    for prometheus in [&a, &b] {
        eventually(PATIENCE, "it is scraped, and both Alertmanagers are known", async || {
            let up = prometheus.query("platform_source_up{source=\"cache\"} == 1").await;
            let known = prometheus.get("alertmanagers").await;
            !up.as_array().unwrap().is_empty() && known["activeAlertmanagers"].as_array().unwrap().len() == 2
        })
        .await;
    }
    redis.stop();
    inbox.wait_for(&Page::new("trigger", "PlatformSourceDown", "cache")).await;
    for prometheus in [&a, &b] {
        eventually(PATIENCE, "it fires in both", async || {
            let firing = "ALERTS{alertname=\"PlatformSourceDown\", alertstate=\"firing\"}";
            !prometheus.query(firing).await.as_array().unwrap().is_empty()
        })
        .await;
    }
    considered(&alertmanagers).await;
    let page = Page::new("trigger", "PlatformSourceDown", "cache");
    assert_eq!(inbox.pages(), std::slice::from_ref(&page));
    redis.resume();
    let resolved = Page::new("resolve", "PlatformSourceDown", "cache");
    inbox.wait_for(&resolved).await;
    // Alertmanager keeps the group until each server has seen that all of it is over.
    for server in &alertmanagers {
        eventually(PATIENCE, "nothing fires", async || {
            let alerts = server.alerts().await;
            let is_page = |alert: &Value| alert["labels"]["alertname"] == "PlatformSourceDown";
            !alerts.as_array().unwrap().iter().any(is_page)
        })
        .await;
    }
    assert_eq!(inbox.pages(), [page, resolved]);
}

/// Each exporter has an alert of its own, with its `instance`; they are one group, and so one incident.
#[tokio::test]
async fn two_exporters_on_one_platform_page_once() {
    let redis = Redis::start().await;
    let (one, two) = (exporter(&redis).await, exporter(&redis).await);
    let mut inbox = Inbox::start().await;
    let secrets = TempDir::with_prefix("secrets-").unwrap();
    let alertmanager = Alertmanager::start(&routing(&inbox, &secrets)).await;
    let both = [one.address(), two.address()].join("\", \"");
    let shipped = include_str!("../../../prometheus/prometheus.yml");
    let options = Prometheus::shipped(shipped, &both, &alertmanager.address()).every(1);
    let prometheus = with_rules(options).start().await;
    eventually(PATIENCE, "both are scraped", async || {
        let up = prometheus.query("platform_source_up{source=\"cache\"} == 1").await;
        up.as_array().unwrap().len() == 2
    })
    .await;
    redis.stop();
    inbox.wait_for(&Page::new("trigger", "PlatformSourceDown", "cache")).await;
    eventually(PATIENCE, "an alert of each exporter", async || {
        let alerts = alertmanager.alerts().await;
        let down = alerts.as_array().unwrap().iter();
        let down = down.filter(|alert| alert["labels"]["alertname"] == "PlatformSourceDown");
        let instances: BTreeSet<_> = down.map(|alert| alert["labels"]["instance"].to_string()).collect();
        instances.len() == 2
    })
    .await;
    considered(std::slice::from_ref(&alertmanager)).await;
    let incidents = |inbox: &mut Inbox| {
        let events = inbox.at("/pagerduty").into_iter();
        events.map(|event| event["dedup_key"].to_string()).collect::<BTreeSet<_>>()
    };
    assert_eq!(incidents(&mut inbox).len(), 1);
    redis.resume();
    inbox.wait_for(&Page::new("resolve", "PlatformSourceDown", "cache")).await;
    assert_eq!(incidents(&mut inbox).len(), 1);
}
