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

/// `kinds::http::alerts`
pub(crate) const HTTP: [Seen; 4] = [
    ("HttpCertificateExpires", "critical"),
    ("HttpCertificateExpires", "warning"),
    ("HttpSlow", "warning"),
    ("PlatformSourceDown", "critical"),
];

/// `kinds::logfile::alerts`
pub(crate) const LOGFILE: [Seen; 3] =
    [("LogfileBacklog", "warning"), ("LogfileMalformed", "warning"), ("LogfileSilent", "info")];

/// `kinds::s3::alerts`
pub(crate) const S3: [Seen; 6] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("S3CanaryStale", "warning"),
    ("S3CredentialsInvalid", "critical"),
    ("S3OperationFailing", "critical"),
    ("S3OperationSlow", "warning"),
];

/// `kinds::stripe::alerts`
pub(crate) const STRIPE: [Seen; 11] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("StripeEndpointDisabled", "critical"),
    ("StripeEventBusInactive", "warning"),
    ("StripeEventsTruncated", "warning"),
    ("StripeRateLimited", "warning"),
    ("StripeWebhooksErrorBudget", "critical"),
    ("StripeWebhooksErrorBudget", "warning"),
    ("StripeWebhooksLost", "critical"),
    ("StripeWebhooksLost", "warning"),
    ("StripeWebhooksNearlyLost", "critical"),
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
    let lists: [&[Seen]; 8] = [&PAGES, &HAYON, &REDIS, &HTTP, &LOGFILE, &S3, &STRIPE, &WORKERS];
    lists.concat().contains(&(alert, severity))
}
