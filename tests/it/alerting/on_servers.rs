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

/// `kinds::mongodb::alerts`
pub(crate) const MONGODB: [Seen; 11] = [
    ("MongodbCollectionScans", "info"),
    ("MongodbConnectionsHigh", "critical"),
    ("MongodbConnectionsHigh", "warning"),
    ("MongodbCursorsOpenHigh", "warning"),
    ("MongodbCursorsTimedOut", "warning"),
    ("MongodbLatencyHigh", "warning"),
    ("MongodbOperationsQueued", "warning"),
    ("MongodbOperationsSlow", "warning"),
    ("MongodbRestarted", "info"),
    ("MongodbTicketsLow", "warning"),
    ("PlatformSourceDown", "critical"),
];

/// `kinds::postgres::alerts`
pub(crate) const POSTGRES: [Seen; 35] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("PostgresArchiveFailing", "critical"),
    ("PostgresArchiveFailing", "warning"),
    ("PostgresAutovacuumLate", "info"),
    ("PostgresCacheHitsLow", "info"),
    ("PostgresConnectionsHigh", "critical"),
    ("PostgresConnectionsHigh", "warning"),
    ("PostgresDeadRowsHigh", "warning"),
    ("PostgresDeadlocks", "warning"),
    ("PostgresMultixactWraparoundNear", "critical"),
    ("PostgresMultixactWraparoundNear", "warning"),
    ("PostgresPreparedTransactionOld", "warning"),
    ("PostgresReplicaConflicts", "warning"),
    ("PostgresReplicaDisconnected", "critical"),
    ("PostgresReplicaLost", "warning"),
    ("PostgresReplicationLag", "critical"),
    ("PostgresReplicationLag", "info"),
    ("PostgresReplicationLag", "warning"),
    ("PostgresReplicationSlotExpiring", "critical"),
    ("PostgresReplicationSlotExpiring", "warning"),
    ("PostgresReplicationSlotInactive", "warning"),
    ("PostgresReplicationSlotLarge", "critical"),
    ("PostgresReplicationSlotLarge", "warning"),
    ("PostgresReplicationSlotLost", "critical"),
    ("PostgresRestarted", "info"),
    ("PostgresRollbacksHigh", "warning"),
    ("PostgresSessionsBlocked", "critical"),
    ("PostgresSessionsBlocked", "warning"),
    ("PostgresTemporaryFilesLarge", "info"),
    ("PostgresTransactionLong", "info"),
    ("PostgresTransactionLong", "warning"),
    ("PostgresWalLarge", "warning"),
    ("PostgresWraparoundNear", "critical"),
    ("PostgresWraparoundNear", "warning"),
];

/// `kinds::rabbitmq::alerts`
pub(crate) const RABBITMQ: [Seen; 11] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("RabbitmqDeadLetters", "warning"),
    ("RabbitmqDiskAlarm", "critical"),
    ("RabbitmqDiskLow", "warning"),
    ("RabbitmqMemoryAlarm", "critical"),
    ("RabbitmqMemoryHigh", "warning"),
    ("RabbitmqQueueBacklog", "warning"),
    ("RabbitmqQueueUnacknowledged", "warning"),
    ("RabbitmqQueueWithoutConsumers", "critical"),
    ("RabbitmqQueueWithoutConsumers", "warning"),
];

/// `kinds::redis::alerts`
pub(crate) const REDIS: [Seen; 18] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("RedisClientsHigh", "warning"),
    ("RedisClusterDown", "critical"),
    ("RedisClusterSlotsFailing", "critical"),
    ("RedisCommandsSlow", "warning"),
    ("RedisConnectionsRejected", "critical"),
    ("RedisEvicting", "info"),
    ("RedisHitsLow", "info"),
    ("RedisLatencyHigh", "warning"),
    ("RedisMemoryHigh", "critical"),
    ("RedisMemoryHigh", "warning"),
    ("RedisReplicaDisconnected", "critical"),
    ("RedisReplicaLost", "warning"),
    ("RedisRestarted", "info"),
    ("RedisSaveFailing", "critical"),
    ("RedisSaveLate", "warning"),
    ("RedisStreamLagging", "warning"),
];

/// `kinds::http::alerts`
pub(crate) const HTTP: [Seen; 4] = [
    ("HttpCertificateExpires", "critical"),
    ("HttpCertificateExpires", "warning"),
    ("HttpSlow", "warning"),
    ("PlatformSourceDown", "critical"),
];

/// `kinds::logfile::alerts`
pub(crate) const LOGFILE: [Seen; 4] = [
    ("LogfileBacklog", "warning"),
    ("LogfileMalformed", "warning"),
    ("LogfileSilent", "info"),
    ("PlatformSourceDegraded", "warning"),
];

/// `kinds::s3::alerts`
pub(crate) const S3: [Seen; 7] = [
    ("PlatformSourceDegraded", "warning"),
    ("PlatformSourceDown", "critical"),
    ("S3CanaryStale", "warning"),
    ("S3CredentialsInvalid", "critical"),
    ("S3ObjectsStale", "warning"),
    ("S3OperationFailing", "critical"),
    ("S3OperationSlow", "warning"),
];

/// `kinds::stripe::alerts`
pub(crate) const STRIPE: [Seen; 9] = [
    ("PlatformSourceDegraded", "warning"),
    ("StripeEndpointDisabled", "critical"),
    ("StripeEventBusInactive", "warning"),
    ("StripeEventsTruncated", "warning"),
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
    let lists: [&[Seen]; 11] =
        [&PAGES, &HAYON, &HTTP, &LOGFILE, &MONGODB, &POSTGRES, &RABBITMQ, &REDIS, &S3, &STRIPE, &WORKERS];
    lists.concat().contains(&(alert, severity))
}
