//! The names that break Prometheus' conventions, because an established exporter gave them to the world first.

/// Each exporter with its names that `promtool check metrics` complains of.
pub(crate) const COMPATIBLE: &[(&str, &[&str])] = &[
    ("postgres_exporter", &["pg_locks_count", "pg_stat_activity_count"]),
    (
        "redis_exporter",
        &[
            "redis_aof_current_rewrite_duration_sec",
            "redis_aof_last_rewrite_duration_sec",
            "redis_current_eviction_exceeded_time_ms",
            "redis_eviction_exceeded_time_ms_total",
            "redis_expire_cycle_cpu_time_ms_total",
            "redis_latency_percentiles_usec",
            "redis_rdb_current_bgsave_duration_sec",
            "redis_rdb_last_bgsave_duration_sec",
        ],
    ),
];
