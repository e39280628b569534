//! Timestamps as written in logs and heartbeats, and how long ago they were.

use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::metric::timestamp;

/// The current time in seconds since 1970.
pub fn now() -> f64 {
    timestamp(SystemTime::now())
}

/// Seconds since 1970 from a number in seconds, milliseconds, microseconds or nanoseconds.
///
/// The units are far apart: 100 billion is the year 5138 in seconds, and 1973 in milliseconds.
pub fn from_number(number: f64) -> Option<f64> {
    let seconds = match number.abs() {
        size if size < 1e11 => number,
        size if size < 1e14 => number / 1e3,
        size if size < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    seconds.is_finite().then_some(seconds)
}

/// Seconds since 1970 from a number, an RFC 3339 time, or such a time without its offset, which is then UTC.
pub fn from_text(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return from_number(number);
    }
    let time = text.parse::<Timestamp>().ok();
    let time = time.or_else(|| text.parse::<Zoned>().map(|zoned| zoned.timestamp()).ok());
    let time = time.or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).ok()
    });
    time.map(|time| time.as_duration().as_secs_f64())
}

/// In RFC 3339 with milliseconds: `2026-01-31T10:00:00.000Z`.
pub fn rfc3339(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

/// How long ago something was, in whole seconds: `1m 5s ago`.
pub fn ago(at: Option<SystemTime>, now: SystemTime) -> String {
    let Some(at) = at else { return "never".to_owned() };
    let whole = Duration::from_secs(now.duration_since(at).unwrap_or_default().as_secs());
    if whole.is_zero() { "just now".to_owned() } else { format!("{} ago", humantime::format_duration(whole)) }
}
