//! Values as text.

use std::time::{Duration, SystemTime};

use platform_core::probe::Reason;

pub(super) fn join(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn utc(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// How long something has lasted, in whole seconds.
pub(super) fn lasting(since: SystemTime, now: SystemTime) -> String {
    let whole = Duration::from_secs(now.duration_since(since).unwrap_or_default().as_secs());
    if whole.is_zero() { "just now".to_owned() } else { format!("for {}", humantime::format_duration(whole)) }
}

/// The time until something, rounded up to seconds. It may be due; without a time, it is the first one.
pub(super) fn until(next: Option<Duration>) -> String {
    let Some(next) = next else { return "soon".to_owned() };
    let whole = Duration::from_secs(next.as_secs() + u64::from(next.subsec_nanos() > 0));
    if whole.is_zero() { "now".to_owned() } else { format!("in {}", humantime::format_duration(whole)) }
}

pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        long if long >= 1.0 => format!("{long:.1} s"),
        short if short >= 0.01 => format!("{:.0} ms", short * 1000.0),
        short => format!("{:.1} ms", short * 1000.0),
    }
}
