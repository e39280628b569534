//! Retries after failures: soon at first, then less and less often.

use std::time::Duration;

/// Failures in a row, and the delay before the next attempt, which doubles with each of them.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) const fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// The delay after a success: the interval.
    pub(super) fn succeeded(&mut self, interval: Duration) -> Duration {
        self.failures = 0;
        interval
    }

    /// The delay after a failure: at most the interval.
    pub(super) fn failed(&mut self, interval: Duration) -> Duration {
        let delay = self.first.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        delay.min(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_and_starts_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let longest = Duration::from_secs(5);
        let delays: Vec<u64> = (0..5).map(|_| backoff.failed(longest).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 5, 5]);
        for _ in 0..100 {
            assert_eq!(backoff.failed(longest), longest);
        }
        assert_eq!(backoff.succeeded(longest), longest);
        assert_eq!(backoff.failed(longest), Duration::from_secs(1));
    }
}
