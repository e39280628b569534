//! What ends Hayon's service, caused on real services: each failure is reported once, to those whom it concerns, with its
//! runbook, and in time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use platform_exporter::bundle;
use platform_exporter::config::{self, Surroundings};
use serde_json::json;

use super::inbox::Page;
use super::on_servers;
use super::watch::Watch;
use testkit::exporter::Exporter;
use testkit::hayon::Hayon;
use testkit::platform::Platform;
use testkit::wait::eventually;

/// In the demo's configuration, sources are probed every 5 or 10 s, and a probe may take 10 s.
const PROBED: Duration = Duration::from_secs(20);
/// Heartbeats expire, rules are evaluated, and Alertmanager waits for half a second; a busy machine takes its time.
const SLACK: Duration = Duration::from_secs(60);

/// The rules for this configuration, which compare with 90 seconds ago instead of 15 minutes, and look back 20 seconds.
fn rules(environment: &BTreeMap<&str, String>) -> Vec<(String, String)> {
    let variable = |name: &str| environment.get(name).cloned();
    let surroundings = Surroundings { variable: &variable, file: &|path| std::fs::read_to_string(path) };
    let config = config::load(Hayon::CONFIG, "platform.yml", surroundings);
    let files = config.and_then(|config| bundle::render(Some(&config)));
    let files = files.unwrap_or_else(|faults| panic!("{faults}"));
    let rules = files.into_iter().filter_map(|file| {
        let name = file.path.strip_prefix("alerts/")?.to_owned();
        Some((name, file.text.replace("offset 15m", "offset 90s").replace("[15m]", "[20s]")))
    });
    rules.collect()
}

#[tokio::test]
async fn each_failure_is_reported_once_and_in_time() {
    let platform = Platform::start().await;
    let hayon = Hayon::start(&platform).await;
    tokio::select! {
        () = each_in_turn(&platform, &hayon) => {}
        never = hayon.publishers(&platform) => match never {},
    }
}

/// What is reported, where, and how long the rule waits here: a tenth of its `for`.
struct Report {
    failure: &'static str,
    alert: &'static str,
    source: &'static str,
    waits: Duration,
}

async fn each_in_turn(platform: &Platform, hayon: &Hayon) {
    let environment: BTreeMap<_, _> = hayon.environment(platform).into_iter().collect();
    let options = Exporter::options(Hayon::CONFIG);
    let options = environment.iter().fold(options, |options, (name, value)| options.variable(name, value));
    let mut watch = Watch::start(options.start().await, rules(&environment)).await;
    all_is_well(&watch).await;

    let page = |failure, alert, source| Report { failure, alert, source, waits: Duration::from_secs(12) };

    hayon.set_publishers(false);
    platform.rabbitmq.publish("hayon", "hayon_social_posts", 3).await;
    paged(&mut watch, &page("publishers killed", "HayonPublishersGone", "hayon-broker")).await;
    // Its symptoms fire as well, and page nobody.
    for (symptom, severity) in [("RabbitmqQueueWithoutConsumers", "warning"), ("WorkersGone", "critical")] {
        fires(&mut watch, symptom, severity).await;
    }
    hayon.set_publishers(true);
    watch.inbox.wait_for(&Page::new("resolve", "HayonPublishersGone", "hayon-broker")).await;

    hayon.set_receiver(false);
    paged(&mut watch, &page("webhook receiver failing", "PlatformSourceDown", "hayon-webhook")).await;
    hayon.set_receiver(true);
    watch.inbox.wait_for(&Page::new("resolve", "PlatformSourceDown", "hayon-webhook")).await;

    let event = hayon.lose_event();
    paged(&mut watch, &page("webhook undelivered", "StripeWebhooksErrorBudget", "hayon-stripe")).await;
    hayon.deliver(&event);
    watch.inbox.wait_for(&Page::new("resolve", "StripeWebhooksErrorBudget", "hayon-stripe")).await;

    let keys = hayon.revoke_key();
    paged(&mut watch, &page("Stripe key revoked", "PlatformSourceDown", "hayon-stripe")).await;
    hayon.restore_key(keys);
    watch.inbox.wait_for(&Page::new("resolve", "PlatformSourceDown", "hayon-stripe")).await;

    let chat =
        |failure, alert, source, waits| Report { failure, alert, source, waits: Duration::from_secs(waits) };
    hayon.reject_posts(platform, 1).await;
    chatted(&mut watch, &chat("message dead-lettered", "RabbitmqDeadLetters", "hayon-broker", 30)).await;
    hayon.lose_post(3600).await;
    chatted(&mut watch, &chat("post stuck", "HayonPostsStuck", "hayon-db", 60)).await;

    let triggers = watch.inbox.pages().into_iter().filter(|page| page.action == "trigger");
    let triggers: Vec<_> = triggers.map(|page| (page.alert, page.source)).collect();
    let expected = [
        ("HayonPublishersGone", "hayon-broker"),
        ("PlatformSourceDown", "hayon-webhook"),
        ("StripeWebhooksErrorBudget", "hayon-stripe"),
        ("PlatformSourceDown", "hayon-stripe"),
    ];
    assert_eq!(triggers, expected.map(|(alert, source)| (alert.to_owned(), source.to_owned())));
    watch.has_seen(&on_servers::HAYON);
}

/// Waits for the page of a failure that has just been caused.
async fn paged(watch: &mut Watch, report: &Report) {
    let caused = Instant::now();
    watch.paged(report.alert, report.source).await;
    let runbooks: Vec<_> =
        watch.inbox.at("/pagerduty").iter().map(|event| event["payload"].to_string()).collect();
    let runbook = format!("runbooks.md#{}", report.alert.to_lowercase());
    assert!(runbooks.iter().any(|payload| payload.contains(&runbook)), "{runbook}: {runbooks:?}");
    in_time(report, caused);
}

/// Waits for its message in the chat.
async fn chatted(watch: &mut Watch, report: &Report) {
    let caused = Instant::now();
    let runbook = format!("runbooks.md#{}", report.alert.to_lowercase());
    eventually(report.waits + PROBED + SLACK, report.failure, async || {
        watch.inbox.at("/slack").iter().any(|message| message.to_string().contains(&runbook))
    })
    .await;
    watch.saw(report.alert, "warning");
    in_time(report, caused);
}

fn in_time(report: &Report, caused: Instant) {
    let Report { failure, alert, waits, .. } = report;
    println!("| {failure} | {alert} | {:.1?} |", caused.elapsed());
    assert!(caused.elapsed() < *waits + PROBED + SLACK, "{failure}: reported after {:.1?}", caused.elapsed());
}

async fn fires(watch: &mut Watch, alert: &'static str, severity: &'static str) {
    let firing = format!("ALERTS{{alertname=\"{alert}\", severity=\"{severity}\", alertstate=\"firing\"}}");
    eventually(PROBED + SLACK, alert, async || watch.prometheus.query(&firing).await != json!([])).await;
    watch.saw(alert, severity);
}

/// Every source is up, every query has run, and nothing pages.
async fn all_is_well(watch: &Watch) {
    for (expr, expected) in [
        ("count(platform_source_status{status=\"up\"} == 1)", "8"),
        ("count(platform_query_last_success_timestamp_seconds == 0) or vector(0)", "0"),
        ("count(ALERTS{severity=\"critical\"}) or vector(0)", "0"),
        ("count(rabbitmq_queue_consumers{queue=\"hayon_social_posts\"} > 0)", "1"),
    ] {
        let is_so = async || watch.prometheus.query(expr).await[0]["value"][1] == expected;
        eventually(Duration::from_secs(120), expr, is_so).await;
    }
}
