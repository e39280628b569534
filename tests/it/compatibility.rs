//! The names that break Prometheus' conventions, because an established exporter gave them to the world first.

/// Each exporter with its names that `promtool check metrics` complains of.
pub(crate) const COMPATIBLE: &[(&str, &[&str])] =
    &[("postgres_exporter", &["pg_locks_count", "pg_stat_activity_count"])];
