//! Checks that probes are still scheduled. Runs on the serving thread, which survives a stall of the sources' thread.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use platform_core::setting::SourceName;

/// How often the thread that starts probes beats.
pub const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Without a beat for this time, the thread has stalled.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);
/// A source whose probe is overdue by this much is no longer scheduled.
pub const LATEST: Duration = Duration::from_secs(20);
/// The log names this many sources.
const NAMED: usize = 5;

/// The last beat.
#[derive(Debug)]
pub(super) struct Clocks {
    started: Instant,
    /// Milliseconds since `started`.
    last_beat: AtomicU64,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), last_beat: AtomicU64::new(0) }
    }

    pub(super) fn beat(&self) {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_beat.store(since, Ordering::Relaxed);
    }

    /// Time since the last beat.
    pub(super) fn silence(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.last_beat.load(Ordering::Relaxed)))
    }
}

/// Probes that should have been started but were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Nothing runs on the thread of the sources.
    Clocks(Duration),
    /// The sources that were not probed in time.
    Sources(Vec<SourceName>),
}

impl Stall {
    pub(super) fn of(silence: Duration, overdue: Vec<SourceName>) -> Option<Self> {
        if silence >= LONGEST_SILENCE {
            Some(Self::Clocks(silence))
        } else {
            (!overdue.is_empty()).then_some(Self::Sources(overdue))
        }
    }
}

impl fmt::Display for Stall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clocks(silence) => {
                write!(
                    formatter,
                    "no probe has been started for {} s: the scheduler has stalled",
                    silence.as_secs()
                )
            }
            Self::Sources(overdue) => {
                let named: Vec<_> = overdue.iter().take(NAMED).map(SourceName::as_str).collect();
                let more = if overdue.len() > NAMED { " …" } else { "" };
                let are = if overdue.len() == 1 { "source is" } else { "sources are" };
                write!(formatter, "{} {are} overdue for a probe: {}{more}", overdue.len(), named.join(", "))
            }
        }
    }
}
