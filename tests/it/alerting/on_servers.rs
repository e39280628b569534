//! Alerts that tests cause on real servers, and wait for. They compare their list with what they have seen, and
//! `docs/alerts.md` marks these alerts.

/// An alert and its severity.
pub(crate) type Seen = (&'static str, &'static str);

/// `alerting::pages`
pub(crate) const PAGES: [Seen; 4] = [
    ("PlatformExporterDown", "critical"),
    ("PlatformSourceDown", "critical"),
    ("Watchdog", "none"),
    ("WorkersGone", "critical"),
];

/// `alerting::hayon`
pub(crate) const HAYON: [Seen; 7] = [
    ("HayonPostsStuck", "warning"),
    ("HayonPublishersGone", "critical"),
    ("PlatformSourceDown", "critical"),
    ("RabbitmqDeadLetters", "warning"),
    ("RabbitmqQueueWithoutConsumers", "warning"),
    ("StripeWebhooksErrorBudget", "critical"),
    ("WorkersGone", "critical"),
];

/// Whether a test sees this alert on real servers.
pub(crate) fn includes(alert: &str, severity: &str) -> bool {
    PAGES.iter().chain(&HAYON).any(|seen| *seen == (alert, severity))
}
