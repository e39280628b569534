//! Backs off after Stripe's rate limiting.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use tokio::time::Instant;

/// The first pause if Stripe gives none; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// A longer `Retry-After` is treated as a mistake.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// When Stripe may be called again.
#[derive(Debug)]
pub(super) struct Throttle {
    not_before: Option<Instant>,
    next: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { not_before: None, next: FIRST }
    }
}

impl Throttle {
    /// Whether Stripe may be called now.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let left = self.not_before.map(|time| time.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            None => Ok(()),
            Some(left) => Err(Problem::new(
                Reason::RateLimited,
                format!("rate limited by Stripe: no calls for the next {left:.0?}"),
            )),
        }
    }

    /// Records a 429 response. The pause is never shorter than Stripe requests, with jitter, so that exporters do not
    /// return all at once.
    pub(super) fn slow_down(&mut self, retry_after: Option<Duration>) {
        let pause = match retry_after {
            Some(asked) => asked.min(LONGEST_ASKED).mul_f64(1.0 + 0.1 * fastrand::f64()),
            None => {
                let pause = self.next.mul_f64(0.75 + 0.25 * fastrand::f64());
                self.next = (self.next * 2).min(LONGEST);
                pause
            }
        };
        self.not_before = Some(Instant::now() + pause);
    }

    /// Records a probe that was not rate limited.
    pub(super) fn relax(&mut self) {
        *self = Self::default();
    }
}
