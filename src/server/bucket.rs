//! A token bucket, for rate limits.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Holds up to `burst` tokens, and gets a new one every `interval`.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    burst: u32,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        let level = Level { tokens: f64::from(burst), at: Instant::now() };
        Self { interval, burst, level: Mutex::new(level) }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut level = self.level.lock();
        let gained = now.saturating_duration_since(level.at).as_secs_f64() / self.interval.as_secs_f64();
        level.tokens = (level.tokens + gained).min(f64::from(self.burst));
        level.at = level.at.max(now);
        let has_one = level.tokens >= 1.0;
        if has_one {
            level.tokens -= 1.0;
        }
        has_one
    }

    /// Whether another bucket has the same size and rate.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.interval, self.burst) == (other.interval, other.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_each_interval() {
        let bucket = Bucket::new(Duration::from_secs(2), 3);
        let start = Instant::now();
        let taken = |seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            (0..10).filter(|_| bucket.take_at(now)).count()
        };
        assert_eq!([taken(0), taken(1), taken(2), taken(7), taken(60)], [3, 0, 1, 2, 3]);
        // A late clock reading removes no tokens.
        assert_eq!([taken(59), taken(60), taken(62)], [0, 0, 1]);
    }
}
