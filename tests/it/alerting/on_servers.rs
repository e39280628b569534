//! Alerts that tests raise by failures of real servers. They compare their list with what they have seen, and
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

/// `kinds::redis::alerts`
pub(crate) const REDIS: [Seen; 4] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("RedisMemoryHigh", "critical"),
    ("RedisMemoryHigh", "warning"),
];

/// `kinds::workers::alerts`
pub(crate) const WORKERS: [Seen; 8] = [
    ("PlatformSourceDegraded", "warning"),
    ("WorkersClockSkew", "info"),
    ("WorkersErrorBudget", "critical"),
    ("WorkersErrorBudget", "warning"),
    ("WorkersGone", "critical"),
    ("WorkersSaturated", "info"),
    ("WorkersShort", "warning"),
    ("WorkersStuck", "critical"),
];

/// Whether a test sees this alert on real servers.
pub(crate) fn includes(alert: &str, severity: &str) -> bool {
    let lists: [&[Seen]; 4] = [&PAGES, &HAYON, &REDIS, &WORKERS];
    lists.concat().contains(&(alert, severity))
}
