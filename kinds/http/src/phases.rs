//! The phases of an exchange, named as in blackbox_exporter, and their durations.

use std::time::{Duration, Instant};

/// The time for all phases: less than the timeout, so that the one that hangs can be reported.
pub(super) fn limit(timeout: Duration) -> Duration {
    timeout.mul_f64(0.95)
}

#[derive(Clone, Copy)]
pub(super) enum Phase {
    Resolve,
    Connect,
    Tls,
    Processing,
    Transfer,
}

impl Phase {
    const ALL: [(Self, &str, &str); 5] = [
        (Self::Resolve, "resolve", "resolving the host's name"),
        (Self::Connect, "connect", "connecting"),
        (Self::Tls, "tls", "in the TLS handshake"),
        (Self::Processing, "processing", "connected, but received no status line"),
        (Self::Transfer, "transfer", "the body was not received completely"),
    ];
}

/// A stopwatch that outlives a cancelled exchange, to report where it hung.
pub(super) struct Phases {
    current: Phase,
    spent: [Duration; 5],
}

impl Default for Phases {
    fn default() -> Self {
        Self { current: Phase::Resolve, spent: [Duration::ZERO; 5] }
    }
}

impl Phases {
    pub(super) async fn time<T>(&mut self, phase: Phase, run: impl Future<Output = T>) -> T {
        self.current = phase;
        let start = Instant::now();
        let result = run.await;
        self.spent[phase as usize] += start.elapsed();
        result
    }

    /// The last activity, for people.
    pub(super) fn doing(&self) -> &'static str {
        Phase::ALL[self.current as usize].2
    }

    pub(super) fn spent(&self, phase: Phase) -> Duration {
        self.spent[phase as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        Phase::ALL.iter().map(|&(phase, name, _)| (name, self.spent(phase)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_millis(5);

    #[test]
    fn a_phase_that_hangs_can_still_be_reported() {
        let timeout = Duration::from_secs(10);
        assert!(limit(timeout) < timeout && limit(timeout) > timeout / 2, "{:?}", limit(timeout));
    }

    /// Each redirect resolves and connects again.
    #[tokio::test]
    async fn a_phase_that_comes_twice_has_the_time_of_both() {
        let mut phases = Phases::default();
        assert_eq!(phases.doing(), "resolving the host's name");
        for phase in [Phase::Connect, Phase::Tls, Phase::Connect] {
            phases.time(phase, async { std::thread::sleep(WORK) }).await;
        }
        assert_eq!(phases.doing(), "connecting");
        let spent: Vec<_> = phases.iter().collect();
        let names: Vec<_> = spent.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["resolve", "connect", "tls", "processing", "transfer"]);
        let [resolve, connect, tls, ..] = spent[..] else { panic!("{spent:?}") };
        assert_eq!(resolve.1, Duration::ZERO);
        assert!(connect.1 >= 2 * WORK && tls.1 >= WORK, "{spent:?}");
    }
}
