//! The log lines of events: what a source is now, and why. In an outage of what many sources share, the first ones have
//! a line each, and the others one line together.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use platform_core::probe::Reason;
use platform_core::time::rfc3339;
use tokio::time::Instant;

use crate::registry::Kind;
use crate::snapshot::{Event, Status};

/// This many events alike have a line each,
const SINGLE: usize = 5;
/// in this time. Those that follow are collected for as long.
const WINDOW: Duration = Duration::from_secs(15);
/// How often collected events are looked at.
pub(super) const WRITE_EVERY: Duration = Duration::from_secs(1);
/// A line names this many sources.
const NAMED: usize = 100;

/// Writes the events of all sources.
#[derive(Default)]
pub(super) struct StatusLog(Mutex<HashMap<Alike, Burst>>);

/// What events of one cause have in common.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    kind: Kind,
    status: Status,
    reasons: Vec<Reason>,
}

/// Events alike that came within a short time.
struct Burst {
    began: Instant,
    single: usize,
    collected: usize,
    named: Vec<String>,
}

impl Burst {
    fn new(began: Instant, single: usize) -> Self {
        Self { began, single, collected: 0, named: Vec::new() }
    }
}

impl StatusLog {
    /// Writes an event, or collects it.
    pub(super) fn event(&self, source: &str, kind: Kind, event: &Event) {
        let alike = Alike { kind, status: event.status, reasons: event.reasons() };
        let now = Instant::now();
        let is_single = {
            let mut bursts = self.0.lock();
            let burst = bursts.entry(alike).or_insert_with(|| Burst::new(now, 0));
            burst.add(source, now)
        };
        if is_single {
            single(source, kind, event);
        }
    }

    /// Writes what was collected long enough.
    pub(super) fn write_collected(&self) {
        let now = Instant::now();
        self.0.lock().retain(|alike, burst| {
            if now - burst.began < WINDOW {
                return true;
            }
            let is_over = burst.collected == 0;
            if !is_over {
                together(alike, burst);
                // The outage goes on: further events are collected at once.
                *burst = Burst::new(now, SINGLE);
            }
            !is_over
        });
    }
}

impl Burst {
    /// Whether an event has a line of its own.
    fn add(&mut self, source: &str, now: Instant) -> bool {
        if self.collected == 0 && now - self.began >= WINDOW {
            *self = Self::new(now, 0);
        }
        if self.single < SINGLE {
            self.single += 1;
            return true;
        }
        self.collected += 1;
        if self.named.len() < NAMED {
            self.named.push(source.to_owned());
        }
        false
    }
}

fn single(source: &str, kind: Kind, event: &Event) {
    let (status, since) = (event.status, rfc3339(event.since));
    if status == Status::Up {
        tracing::info!(event = "system.analytics.recovered", source, %kind, %status, since);
        return;
    }
    let details: Vec<_> = event.problems.iter().map(|problem| problem.detail.as_str()).collect();
    tracing::warn!(
        event = "system.analytics.degraded",
        source,
        %kind,
        %status,
        reasons = join(&event.reasons()),
        since,
        detail = details.join("; "),
    );
}

fn together(Alike { kind, status, reasons }: &Alike, burst: &Burst) {
    let (sources, more) = (burst.collected, if burst.collected > NAMED { ", …" } else { "" });
    let named = burst.named.join(", ") + more;
    if *status == Status::Up {
        tracing::info!(event = "system.analytics.recovered", sources, named, %kind, %status);
        return;
    }
    let reasons = join(reasons);
    tracing::warn!(event = "system.analytics.degraded", sources, named, %kind, %status, reasons);
}

fn join(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_events_alike_are_single_and_the_others_collected() {
        let now = Instant::now();
        let mut burst = Burst::new(now, 0);
        let single: Vec<bool> = (0..200).map(|number| burst.add(&format!("s{number}"), now)).collect();
        assert_eq!(single.iter().filter(|single| **single).count(), SINGLE);
        assert_eq!((burst.collected, burst.named.len()), (200 - SINGLE, NAMED));
        assert_eq!(burst.named[0], "s5");
    }

    #[test]
    fn events_far_apart_are_single() {
        let mut now = Instant::now();
        let mut burst = Burst::new(now, 0);
        for _ in 0..3 * SINGLE {
            assert!(burst.add("s", now));
            now += WINDOW / 3;
        }
    }
}
