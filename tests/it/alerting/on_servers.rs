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

/// Whether a test sees this alert on real servers.
pub(crate) fn includes(alert: &str, severity: &str) -> bool {
    let lists: [&[Seen]; 5] = [&PAGES, &HAYON, &POSTGRES, &RABBITMQ, &REDIS];
    lists.concat().contains(&(alert, severity))
}
