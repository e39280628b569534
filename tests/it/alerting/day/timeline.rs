//! When things happen.

use super::takes::Moment;

/// The shipped interval of scrapes, in seconds.
pub(super) const STEP: usize = 15;
const STEPS: usize = 24 * 3600 / STEP;

/// What a scrape meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scrape {
    Meets(Moment),
    /// The exporter does not answer.
    Fails,
    /// Prometheus itself is away.
    Lacks,
}

use Moment::*;
use Scrape::{Fails, Lacks, Meets};

/// From when on scrapes meet what. Rules are evaluated at full half minutes: what is short begins at one.
pub(super) type Timeline = Vec<(&'static str, Scrape)>;

/// A day with everything that is no trouble.
pub(super) fn healthy() -> Timeline {
    vec![
        ("00:00:00", Meets(Quiet)),
        ("03:00:00", Meets(LogRotated)),
        ("06:00:00", Lacks),
        ("06:01:00", Meets(LogRotated)),
        // Web workers are replaced, one after the other.
        ("10:00:00", Meets(Deploying)),
        ("10:00:30", Meets(Deployed)),
        ("10:05:00", Meets(Reloading)),
        ("10:05:15", Meets(Reloaded)),
        ("12:00:00", Meets(MemberGone)),
        ("12:02:00", Meets(MemberBack)),
        ("14:00:00", Meets(FailingOver)),
        ("14:00:15", Meets(FailedOver)),
        ("16:00:00", Meets(RedisGone)),
        ("16:00:30", Meets(RedisBack)),
        ("16:00:45", Meets(RedisWell)),
        ("18:00:00", Fails),
        ("18:00:30", Meets(ExporterStarting)),
        ("18:00:45", Meets(ExporterWell)),
    ]
}

/// The same day, but one Redis is gone for ten minutes in the evening.
pub(super) fn with_failure() -> Timeline {
    let mut timeline = healthy();
    timeline.extend([("20:00:00", Meets(SessionsGone)), ("20:10:00", Meets(SessionsWell))]);
    timeline
}

/// A part of a day.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    /// The step of the day with which it begins.
    pub(super) first: usize,
    /// What each scrape meets from there on.
    pub(super) scrapes: Vec<Scrape>,
}

/// The whole day, midnight at its end included.
pub(super) fn day(timeline: &Timeline) -> Hours {
    let mut scrapes = Vec::new();
    for (index, (_, scrape)) in timeline.iter().enumerate() {
        let until = timeline.get(index + 1).map_or(STEPS + 1, |(clock, _)| step(clock));
        scrapes.resize(until, *scrape);
    }
    Hours { first: 0, scrapes }
}

/// Only what is between two times of the day.
pub(super) fn between(day: &Hours, from: &str, to: &str) -> Hours {
    Hours { first: step(from), scrapes: day.scrapes[step(from)..=step(to)].to_vec() }
}

fn step(clock: &str) -> usize {
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<usize>().unwrap());
    seconds / STEP
}

/// How busy the platforms are: least at two in the night, most twelve hours later. It changes every quarter of an hour.
pub(super) fn busy(step: usize) -> f64 {
    let quarter = (step * STEP / 900) as f64;
    let angle = std::f64::consts::TAU * (quarter / 4.0 - 2.0) / 24.0;
    0.65 - 0.35 * angle.cos()
}
