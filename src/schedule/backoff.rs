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

    /// The delay after an attempt, if it is shorter than the interval: only after a failure.
    pub(super) fn ended(&mut self, is_good: bool, interval: Duration) -> Option<Duration> {
        if is_good {
            self.reset();
            return None;
        }
        self.failed(interval)
    }

    /// Forgets failures, after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The delay after a failure, if it is shorter than the interval.
    pub(super) fn failed(&mut self, interval: Duration) -> Option<Duration> {
        let delay = self.first.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        (delay < interval).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_a_limit_and_starts_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let longest = Duration::from_secs(5);
        let delays: Vec<_> = (0..4).map(|_| backoff.failed(longest)).collect();
        assert_eq!(delays, [Some(1), Some(2), Some(4), None].map(|delay| delay.map(Duration::from_secs)));
        for _ in 0..100 {
            assert_eq!(backoff.failed(longest), None);
        }
        backoff.reset();
        assert_eq!(backoff.failed(longest), Some(Duration::from_secs(1)));
    }
}
