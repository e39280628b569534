//! How a series came to be what it is: by the name of its metric.

use super::exposition::{label, name};
use super::watch::Seen;

/// The past of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// It was always so: settings, versions, states.
    Fixed,
    /// There was nothing of it.
    Nothing,
    /// A total that has grown to what it is.
    Grows,
    /// It follows what goes on, to this part, with noise.
    Follows { part: f64, noise: f64 },
    /// A point in time that stays as far in the past as it is.
    Moves,
    /// A point in time at which something was started, long before the history.
    Started,
    /// A counter of what goes on.
    Counts,
    /// A counter that grows as fast by night as by day, or the time since a start.
    Ticks,
}

use Shape::{Counts, Fixed, Follows, Grows, Moves, Nothing, Started, Ticks};

/// What goes on at the moment: it comes and goes with people.
const LIVELY: Shape = Follows { part: 1.0, noise: 0.12 };
/// What takes a little longer while much goes on.
const TIMES: Shape = Follows { part: 0.3, noise: 0.25 };
/// What a day sums up.
const DAILY: Shape = Follows { part: 0.08, noise: 0.03 };
/// What hardly changes.
const STEADY: Shape = Follows { part: 0.05, noise: 0.02 };

/// Shapes of gauges by parts of their names. The first that fits counts.
const GAUGES: [(Shape, &[&str]); 9] = [
    (Ticks, &["uptime"]),
    (Nothing, &["dead_letter_queue_messages"]),
    (Started, &["start_time_seconds", "last_reload_success_timestamp", "expiry"]),
    (Moves, &["timestamp_seconds", "optimeDate", "last_autovacuum", "object_date"]),
    (
        Fixed,
        &[
            "_info",
            "_up",
            "enabled",
            "expected",
            "max_",
            "_limit",
            "settings_",
            "_price",
            "interval",
            "allowed",
            "configured",
            "state",
            "health",
            "version",
            "status",
            "success",
            "threshold",
            "truncated",
            "dropped",
            "_cut",
            "query_series",
            "watermark",
            "TotalSize",
            "is_replica",
            "_ssl",
            "content_length",
            "wraparound",
            "workers",
            "available",
            "canary",
            "running",
            "consumers",
            "partitions",
            "without",
            "rate_limit_clients_at",
            "roll_up",
            "_enough",
            "redirects",
            "regex",
            "oplog",
            "webhook_events_undelivered",
            "replicas",
            "segments",
            "process_idle",
            "skew",
        ],
    ),
    (TIMES, &["duration_seconds", "latency", "lag_seconds"]),
    (
        LIVELY,
        &[
            "online",
            "websockets",
            "queue_depth",
            "queue_messages",
            "messages",
            "overdue",
            "clients",
            "sessions",
            "connections",
            "locks_count",
            "activity",
            "numbackends",
            "cursor_open",
            "currentQueue",
            "queries_active",
            "last_hour",
            "scheduled_posts",
            "concurrent",
            "db_keys",
            "heartbeat_users",
            "slow_operations",
            "key_size",
            "live_view",
        ],
    ),
    (
        STEADY,
        &[
            "memory",
            "_fds",
            "threads",
            "cache",
            "resident",
            "dead_tup",
            "wal_size",
            "fragmentation",
            "channels",
        ],
    ),
    (Grows, &[""]),
];

/// Business numbers that are not what a part of their name says.
const TOTALS: [&str; 6] = [
    "hayon_connections",
    "hayon_connected_accounts",
    "joip_sessions",
    "joip_activity_score",
    "joip_users_by_activity_score",
    "hivesync_users_by_activity",
];

/// What counters of an exporter's own work begin with.
const OWN_WORK: [&str; 2] = ["platform_", "process_"];

/// Whether a number is one of the last minutes, or of the last hour.
pub(crate) fn is_short(window: &str) -> bool {
    ["1m", "5m", "15m", "1h"].contains(&window)
}

impl Shape {
    pub(crate) fn is_counter(self) -> bool {
        matches!(self, Counts | Ticks)
    }
}

/// What a series is, and what was seen of it, decides about its past.
pub(crate) fn shape(series: &str, seen: &Seen) -> Shape {
    let name = name(series);
    if !seen.is_gauge {
        return if OWN_WORK.iter().any(|start| name.starts_with(start)) { Ticks } else { Counts };
    }
    // Numbers of the last hour come and go with people; those of a longer time hardly change.
    if let Some(window) = label(series, "window") {
        return match window {
            _ if name.contains("latency") => TIMES,
            "1d" | "24h" => DAILY,
            _ if is_short(window) => LIVELY,
            _ => Grows,
        };
    }
    if name == "up" {
        return Fixed;
    }
    // What is still young enough to be delivered is gone a moment later.
    if label(series, "phase") == Some("grace") {
        return Nothing;
    }
    if TOTALS.contains(&name) {
        return Grows;
    }
    let fits = |parts: &&[&str]| parts.iter().any(|part| name.contains(part));
    GAUGES.iter().find(|(_, parts)| fits(parts)).map_or(Grows, |(shape, _)| *shape)
}
