//! How often workers send heartbeats, and after which silence one is missing.

use std::time::Duration;

use super::layout::Layout;

/// What is expected of the workers of a class.
pub(super) struct Silence {
    /// How often each sends a heartbeat, where that is known.
    pub(super) interval: Option<Duration>,
    /// After which silence one is missing; `None` where its store alone decides that.
    pub(super) limit: Option<Duration>,
}

impl Silence {
    /// Of workers of a layout, or of those that push, with the interval and grace of the configuration if it has them.
    pub(super) fn of(
        layout: Option<&Layout>,
        interval: Option<Duration>,
        grace: Option<Duration>,
    ) -> Result<Self, &'static str> {
        let is_push = layout.is_none();
        if is_push && interval.is_none() {
            return Err("expected `interval`: how often each worker pushes");
        }
        let rhythm = layout.map_or(Rhythm::UNKNOWN, Rhythm::of);
        if interval.or(grace).is_some() && rhythm.interval.is_none() && !is_push {
            return Err("workers of this layout have no heartbeat: remove `interval` and `grace`");
        }
        let is_timed = interval.or(grace).is_some() || !rhythm.is_kept_by_store;
        let grace = grace.or(rhythm.grace.filter(|_| interval.is_none()));
        let interval = interval.or(rhythm.interval);
        let limit = interval.filter(|_| is_timed).map(|interval| interval + grace.unwrap_or(interval * 2));
        Ok(Self { interval, limit })
    }
}

/// The heartbeat interval and grace of a job system's workers.
struct Rhythm {
    interval: Option<Duration>,
    grace: Option<Duration>,
    /// Their store expires silent ones.
    is_kept_by_store: bool,
}

impl Rhythm {
    const UNKNOWN: Self = Self { interval: None, grace: None, is_kept_by_store: true };

    fn of(layout: &Layout) -> Self {
        let every = |interval, grace: Option<u64>, is_kept_by_store| Self {
            interval: Some(Duration::from_secs(interval)),
            grace: grace.map(Duration::from_secs),
            is_kept_by_store,
        };
        match layout {
            Layout::Bullmq { .. } => Self::UNKNOWN,
            Layout::Sidekiq { .. } => every(10, None, true),
            // The hash of an idle worker is renewed fifteen seconds before `worker_ttl` ends.
            Layout::Rq { .. } => every(405, None, true),
            // Resque and Solid Queue prune workers after five minutes; so does GoodJob.
            Layout::Resque { .. } | Layout::SolidQueue => every(60, Some(240), false),
            Layout::GoodJob => every(30, Some(270), false),
            _ => every(30, None, false),
        }
    }
}
