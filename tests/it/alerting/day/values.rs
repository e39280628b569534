//! The values of a series over a day, made from its values in the takes.

use std::ops::Range;

use super::super::replay::page::name;
use super::super::replay::{LATENCY, ONCE, PAST, Sample, UPTIMES, is_time};
use super::takes::{Moment, Takes};
use super::target::Target;
use super::timeline::{Hours, STEP, Scrape, busy};

/// The demo is a small platform: a busy one does this many times as much.
const BUSY: f64 = 20.0;

/// What there is more of at noon than at night.
const LOAD: [&str; 15] = [
    "hayon_publications",
    "hayon_rate_limit_clients_at_limit",
    "hivesync_ai_errors",
    "hivesync_ai_requests",
    "hivesync_heartbeat_users",
    "hivesync_online_users",
    "hivesync_preview_failures",
    "hivesync_preview_requests",
    "hivesync_queue_depth",
    "hivesync_websockets",
    "pg_stat_activity_count",
    "rabbitmq_connections",
    "rabbitmq_queue_messages_ready",
    "redis_connected_clients",
    "redis_memory_used_bytes",
];

/// How the values of a family follow from those of the takes.
#[derive(Clone, Copy, Debug)]
enum Law {
    /// It grows as it did between the takes, more at noon than at night, and is reset where it was in the takes.
    Counter { busy: f64 },
    /// It is what it was in one take after the other.
    Gauge,
    /// In the demo it is there to be seen.
    Zero,
    /// As a gauge, and less at night.
    Load,
    /// A time that moves with the clock.
    Again,
    /// A time that stays.
    Once,
    /// How long ago something happened once.
    Uptime,
    /// In the takes it says how busy the machine of the test was.
    Duration,
}

impl Law {
    fn of(family: &str, is_counter: bool) -> Self {
        match family {
            // Posts of the demo fail so that there is something to see.
            "rabbitmq_dead_letter_queue_messages" => Self::Zero,
            _ if is_counter && family.starts_with("platform_") => Self::Counter { busy: 1.0 },
            _ if is_counter => Self::Counter { busy: BUSY },
            _ if ONCE.contains(&family) => Self::Once,
            _ if UPTIMES.contains(&family) => Self::Uptime,
            _ if is_time(family) => Self::Again,
            _ if family.contains("_duration_seconds") => Self::Duration,
            _ if LOAD.contains(&family) => Self::Load,
            _ => Self::Gauge,
        }
    }
}

/// One series of a target through the day.
struct Course<'a> {
    takes: &'a Takes,
    /// The time of each take, and what it is there.
    raw: Vec<(f64, Option<f64>)>,
    every: usize,
    /// The step of the day with which it begins.
    first: usize,
    law: Law,
    is_there: bool,
    /// The step, the moment and the value of the last sample.
    last: Option<(usize, Moment, f64)>,
    /// For what happened once: when, by the takes' clock and by that of the day.
    happened: Option<(f64, f64)>,
}

/// The samples of a series of a target, by step.
pub(super) fn samples(takes: &Takes, target: &Target, series: &str, hours: &Hours) -> Vec<Sample> {
    let (latency, operations, each) = LATENCY;
    if name(series) == latency {
        let operations = samples(takes, target, &series.replacen(latency, operations, 1), hours);
        return operations.into_iter().map(|sample| sample.times(each)).collect();
    }
    let law = Law::of(name(series), target.is_counter(name(series)));
    let raw = takes.iter().zip(&target.pages).map(|(take, page)| (take.at, page.value(series))).collect();
    let (every, first) = (target.every, hours.first);
    let mut course = Course { takes, raw, every, first, law, is_there: false, last: None, happened: None };
    hours.scrapes.iter().enumerate().map(|(step, scrape)| course.sample(step, *scrape)).collect()
}

impl Sample {
    fn times(self, factor: f64) -> Self {
        match self {
            Self::Value(value) => Self::Value(value * factor),
            other => other,
        }
    }
}

impl Course<'_> {
    fn sample(&mut self, step: usize, scrape: Scrape) -> Sample {
        if !step.is_multiple_of(self.every) || scrape == Scrape::Lacks {
            return Sample::Blank;
        }
        let value = match scrape {
            Scrape::Meets(moment) => self.value(step, moment),
            Scrape::Fails | Scrape::Lacks => None,
        };
        let was_there = std::mem::replace(&mut self.is_there, value.is_some());
        match value {
            Some(value) => Sample::Value(value),
            None if was_there => Sample::Stale,
            None => Sample::Blank,
        }
    }

    fn value(&mut self, step: usize, moment: Moment) -> Option<f64> {
        let takes = self.takes.of(moment);
        let take = takes.start + step / self.every % takes.len();
        let (at, raw) = self.raw[take];
        let (now, raw) = ((step * STEP) as f64, raw?);
        let value = match self.law {
            Law::Gauge => raw,
            Law::Zero => 0.0,
            Law::Load => raw * busy(self.first + step),
            Law::Duration => 0.01 + 0.04 * busy(self.first + step),
            Law::Again => now - self.oldest(takes),
            Law::Once => self.once(raw, now, at),
            Law::Uptime => now - self.once(at - raw, now, at),
            Law::Counter { busy } => self.counter(step, moment, raw, busy),
        };
        self.last = Some((step, moment, value));
        Some(value)
    }

    /// How long ago it was at most.
    fn oldest(&self, takes: Range<usize>) -> f64 {
        let ages = self.raw[takes].iter().filter_map(|(at, raw)| Some(at - (*raw)?));
        ages.fold(f64::MIN, f64::max)
    }

    /// When it happened, if that is `raw` in a take of the time `at`.
    fn once(&mut self, raw: f64, now: f64, at: f64) -> f64 {
        let happened = match self.happened {
            // Uptimes are whole seconds.
            Some((before, happened)) if (raw - before).abs() < 3.0 => happened,
            Some(_) => now - (at - raw),
            None => now - PAST - (at - raw),
        };
        self.happened = Some((raw, happened));
        happened
    }

    fn counter(&self, step: usize, moment: Moment, raw: f64, many: f64) -> f64 {
        let Some((last_step, last_moment, last)) = self.last else { return raw };
        let ((from, first), (to, latest)) = self.ends(moment);
        if last_moment == moment {
            let grown = first.zip(latest).map_or(0.0, |(first, latest)| (latest - first).max(0.0));
            let rate = if to > from { grown / (to - from) } else { 0.0 };
            return last + rate * many * busy(self.first + step) * ((step - last_step) * STEP) as f64;
        }
        let (_, (_, before)) = self.ends(last_moment);
        match first.zip(before) {
            Some((first, before)) if first >= before => last + first - before,
            _ => raw,
        }
    }

    /// The first and the last take of a moment.
    fn ends(&self, moment: Moment) -> ((f64, Option<f64>), (f64, Option<f64>)) {
        let takes = self.takes.of(moment);
        (self.raw[takes.start], self.raw[takes.end - 1])
    }
}
