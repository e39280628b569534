//! vmalert, on what a Prometheus writes to VictoriaMetrics: it takes all rules, and an alert fires and ends as on Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use platform_exporter::bundle;
use serde_json::Value;
use tempfile::TempDir;

use super::files::passes;
use super::inbox::{Inbox, Page};
use super::watch::quicken;
use crate::docs::yaml_blocks;
use testkit::alertmanager::Alertmanager;
use testkit::exporter::Exporter;
use testkit::prometheus::Prometheus;
use testkit::redis::Redis;
use testkit::victoria_metrics::{VictoriaMetrics, Vmalert};
use testkit::wait::{eventually, until};
use testkit::{dependency, http, root};

const PATIENCE: Duration = Duration::from_secs(120);

const ALERT: &str = "PlatformSourceDown";

#[test]
fn vmalert_takes_every_rule() {
    let vmalert = dependency("victoria-metrics/usr/bin/vmalert");
    let files = format!("-rule={}/*.rules.yml", root().join("alerts").display());
    let printed = passes(vmalert.to_str().unwrap(), &["-dryRun", &files], &[]);
    let count = std::fs::read_dir(root().join("alerts")).unwrap();
    let count = count
        .filter(|entry| entry.as_ref().unwrap().path().to_str().unwrap().ends_with(".rules.yml"))
        .count();
    assert!(printed.contains(&format!("found {count} files to read")), "{printed}");
}

/// The labels and annotations of the alert for `cache` while it fires.
///
/// vmalert adds the name of the group, and the series that it reads have the external labels of the Prometheus that wrote
/// them.
fn firing(mut alerts: Value) -> Option<BTreeMap<String, Value>> {
    let alerts = alerts["alerts"].take();
    let is_it = |alert: &&Value| {
        alert["state"] == "firing"
            && alert["labels"]["alertname"] == ALERT
            && alert["labels"]["source"] == "cache"
    };
    let alert = alerts.as_array()?.iter().find(is_it)?;
    let both = [&alert["labels"], &alert["annotations"]].map(|map| map.as_object().unwrap().clone());
    let all = both.into_iter().flatten();
    Some(all.filter(|(key, _)| !["alertgroup", "environment"].contains(&key.as_str())).collect())
}

#[tokio::test]
async fn an_alert_fires_and_ends_on_vmalert_as_on_prometheus() {
    let (redis, storage) = tokio::join!(Redis::start(), VictoriaMetrics::start());
    let exporter = Exporter::start(&format!(
        "sources: {{cache: {{redis: {{url: \"{}\"}}, interval: 1s, timeout: 1s}}}}\n",
        redis.url()
    ))
    .await;
    let files = bundle::render(None).unwrap().into_iter();
    let rules: Vec<_> = files
        .filter_map(|file| {
            let name = file.path.strip_prefix("alerts/")?.to_owned();
            Some((name, quicken(&file.text, "for|keep_firing_for", 10)))
        })
        .collect();
    let shipped = include_str!("../../../prometheus/prometheus.yml");
    let mut options = Prometheus::shipped(shipped, &exporter.address(), "127.0.0.1:1").every(1);
    for (name, text) in &rules {
        options = options.file(name, text);
    }
    // It has no rules: what is recorded in the storage comes from vmalert.
    let mut blocks = yaml_blocks(include_str!("../../../docs/long-term-storage.md"));
    let writes = blocks.find(|block| block.contains("victoriametrics.example:8428")).unwrap();
    let writes = writes.replace("victoriametrics.example:8428", &storage.address());
    let writer = Prometheus::shipped(&writes, &exporter.address(), "127.0.0.1:1").every(1);
    let mut inbox = Inbox::start().await;
    let secrets = TempDir::with_prefix("secrets-").unwrap();
    let routing = quicken(&inbox.routing(secrets.path()), "group_wait|group_interval|repeat_interval", 60);
    let (prometheus, _writer, alertmanager) =
        tokio::join!(options.start(), writer.start(), Alertmanager::start(&routing));
    // Where nothing is stored yet, the exporter is down.
    eventually(PATIENCE, "what was scraped is stored", async || {
        let request = http::client().get(format!("{}/api/v1/query", storage.url()));
        let answer = http::json(request.query(&[("query", "up{job=\"platform_exporter\"} offset 3s")])).await;
        !answer["data"]["result"].as_array().unwrap().is_empty()
    })
    .await;
    let vmalert = Vmalert::start(&rules, &storage, &alertmanager.url()).await;

    exporter.wait_for("platform_source_up{source=\"cache\",kind=\"redis\"}", 1.0, PATIENCE).await;
    every_rule_is_evaluated(&vmalert).await;
    redis.stop();
    let here = until(PATIENCE, "Prometheus fires", async || firing(prometheus.get("alerts").await)).await;
    // Samples of one scrape arrive in several requests: a text that was made between two of them is made again.
    let mut there = None;
    eventually(PATIENCE, &format!("vmalert fires as Prometheus does: {here:#?}"), async || {
        let now = firing(vmalert.get("alerts").await);
        let is_same = now.as_ref() == Some(&here);
        there = now;
        is_same
    })
    .await;
    inbox.wait_for(&Page::new("trigger", ALERT, "cache")).await;

    redis.resume();
    eventually(PATIENCE, "it ends on both", async || {
        firing(prometheus.get("alerts").await).is_none() && firing(vmalert.get("alerts").await).is_none()
    })
    .await;
    inbox.wait_for(&Page::new("resolve", ALERT, "cache")).await;
    let pages = inbox.pages();
    assert_eq!(pages, ["trigger", "resolve"].map(|action| Page::new(action, ALERT, "cache")));
}

/// Waits until each rule has been evaluated, and compares the outcome with success.
async fn every_rule_is_evaluated(vmalert: &Vmalert) {
    let rules = until(PATIENCE, "all rules are evaluated", async || {
        let groups = vmalert.get("rules").await["groups"].take();
        let rules: Vec<_> =
            groups.as_array()?.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        let is_evaluated = |rule: &Value| !rule["lastEvaluation"].as_str().unwrap().starts_with("0001-");
        rules.iter().all(is_evaluated).then_some(rules)
    })
    .await;
    assert!(rules.len() > 200, "{}", rules.len());
    let wrong: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
