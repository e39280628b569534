//! When sources and queries run for the first time.

use std::time::Duration;

use tokio::time::Instant;

/// First runs are spread over this time, to avoid a burst of connections at startup.
const SPREAD: Duration = Duration::from_secs(2);

/// The times of `count` first runs, one by one.
pub(super) fn starts(count: usize) -> impl FnMut() -> Instant {
    let step = SPREAD / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let mut next = Instant::now();
    move || {
        let start = next;
        next += step;
        start
    }
}
