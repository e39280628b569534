//! The shipped Prometheus and Alertmanager configurations at work, with an inbox in place of the pager and the chat.
//!
//! The files are used as they are, but for what has to differ: addresses, the place of secrets, and times. A service is
//! probed every 5 s here, so rules wait for a tenth of their `for` and `keep_firing_for`, and Alertmanager for a 60th of
//! its intervals.

use std::collections::BTreeSet;
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::Value;
use tempfile::TempDir;

use super::inbox::{Inbox, Page};
use super::on_servers::Seen;
use testkit::alertmanager::Alertmanager;
use testkit::exporter::Exporter;
use testkit::prometheus::Prometheus;
use testkit::wait::until;

/// What is true of the machine that runs the test, whatever the test does: its disk may be full.
pub(super) const OF_THE_MACHINE: &str = "MongodbDiskHigh";

/// Divides the durations of these keys.
pub(super) fn quicken(text: &str, keys: &str, divisor: u64) -> String {
    let duration = Regex::new(&format!(r"\b({keys}): (\d+)([smhd])\b")).unwrap();
    let quick = |found: &Captures<'_>| {
        let unit = match &found[3] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 86400,
        };
        let seconds: u64 = found[2].parse::<u64>().unwrap() * unit;
        format!("{}: {}ms", &found[1], seconds * 1000 / divisor)
    };
    duration.replace_all(text, quick).into_owned()
}

/// An exporter that is scraped, with rules, and with whoever is on call.
pub(super) struct Watch {
    pub(super) exporter: Exporter,
    pub(super) prometheus: Prometheus,
    pub(super) inbox: Inbox,
    seen: BTreeSet<Seen>,
    _alertmanager: Alertmanager,
    _secrets: TempDir,
}

impl Watch {
    /// `rules` are files, each with its name.
    pub(super) async fn start(exporter: Exporter, rules: Vec<(String, String)>) -> Self {
        let inbox = Inbox::start().await;
        let secrets = TempDir::with_prefix("secrets-").unwrap();
        let routing =
            quicken(&inbox.routing(secrets.path()), "group_wait|group_interval|repeat_interval", 60);
        let alertmanager = Alertmanager::start(&routing).await;
        let config = include_str!("../../../prometheus/prometheus.yml");
        let mut options = Prometheus::shipped(config, &exporter.address(), &alertmanager.address()).every(1);
        for (name, text) in rules {
            options = options.file(&name, &quicken(&text, "for|keep_firing_for", 10));
        }
        let prometheus = options.start().await;
        let seen = BTreeSet::new();
        Self { exporter, prometheus, inbox, seen, _alertmanager: alertmanager, _secrets: secrets }
    }

    /// Waits for the page of a failure that has just been caused.
    pub(super) async fn paged(&mut self, alert: &'static str, source: &str) {
        self.inbox.wait_for(&Page::new("trigger", alert, source)).await;
        self.saw(alert, "critical");
    }

    /// Notes that an alert is there.
    pub(super) fn saw(&mut self, alert: &'static str, severity: &'static str) {
        self.seen.insert((alert, severity));
    }

    /// Compares what was seen with what `docs/alerts.md` says of this test.
    pub(super) fn has_seen(&self, listed: &[Seen]) {
        assert_eq!(self.seen, listed.iter().copied().collect(), "tests/it/alerting/on_servers.rs");
    }

    /// Waits for a message in the chat about a source, and gives its text.
    pub(super) async fn chat(&mut self, status: &str, source: &str) -> String {
        let title = format!(": {source} (production)");
        until(Duration::from_secs(120), &format!("{status}{title}"), async || {
            let attachments =
                self.inbox.at("/slack").into_iter().map(|mut message| message["attachments"][0].take());
            let is_it = |message: &Value| {
                let given = message["title"].as_str().unwrap_or_default();
                given.starts_with(status) && given.ends_with(&title)
            };
            let message = attachments.into_iter().find(is_it)?;
            message["text"].as_str().map(str::to_owned)
        })
        .await
    }
}
