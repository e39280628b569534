//! What went wrong during the month: without it, error budgets and availability would look made up.

use super::calendar::DAY;
use super::exposition::{label, name};
use super::shape::is_short;

/// What an incident does to a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// There is no series.
    Missing,
    /// It has this value.
    Is(f64),
    /// It no longer moves.
    Stops,
    /// It is so many times what it would be, at the worst.
    Times(f64),
    /// It is so much more, at the worst.
    More(f64),
    /// A counter grows by so much more each second.
    Rate(f64),
}

/// An effect from one point in time to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disturbance {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) effect: Effect,
}

impl Disturbance {
    pub(crate) fn is_on(&self, time: i64) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// How bad it is, between 0 and 1: it gets worse until it is found, and heals.
    pub(crate) fn severity(&self, time: i64) -> f64 {
        let part = (time - self.from) as f64 / (self.to - self.from) as f64;
        if (0.0..=1.0).contains(&part) { (4.0 * part).min(4.0 * (1.0 - part)).min(1.0) } else { 0.0 }
    }
}

/// When an incident was: days ago, minutes of that day, and for how many minutes.
type When = (i64, i64, i64);

/// A cache that did not answer; its own name, and its reason.
const OUTAGE: (When, &str, &str) = ((16, 9 * 60 + 12, 12), "hivesync-cache", "timeout");

/// A release that went wrong: what there was more of, by how names begin.
const RELEASE: (When, &[(&str, Effect)]) = (
    (9, 13 * 60 + 35, 40),
    &[
        ("hivesync_ai_errors", Effect::More(45.0)),
        ("hivesync_ai_log_errors", Effect::Times(9.0)),
        ("hivesync_preview_failures", Effect::More(70.0)),
        ("hivesync_preview_log_failures", Effect::Times(4.0)),
        ("hivesync_job_latency_seconds", Effect::Times(20.0)),
        ("hivesync_queue_depth", Effect::More(240.0)),
        ("hayon_scheduled_posts_overdue", Effect::More(85.0)),
        ("pg_stat_database_xact_rollback", Effect::Rate(0.8)),
        ("platform_probe_duration_seconds", Effect::Times(2.5)),
    ],
);

/// The series that only an outage has.
pub(crate) fn problem(now: i64) -> (String, Disturbance) {
    let (when, source, reason) = OUTAGE;
    let series = format!("platform_source_problem{{source=\"{source}\",kind=\"redis\",reason=\"{reason}\"}}");
    (series, disturbance(now, when, Effect::Is(1.0)))
}

/// Whether a series is there only while something is wrong. Some are seen while a platform starts; in the past, only the
/// incidents were wrong.
pub(crate) fn is_problem(series: &str) -> bool {
    ["platform_source_problem", "platform_query_problem"].contains(&name(series))
}

/// What the incidents before the present did to a series.
pub(crate) fn disturbances(series: &str, now: i64) -> Vec<Disturbance> {
    let (when, source, reason) = OUTAGE;
    let of_outage = Some(series).filter(|series| label(series, "source") == Some(source));
    let of_outage = of_outage.and_then(|series| effect_of_outage(series, reason));
    let of_outage = of_outage.map(|effect| disturbance(now, when, effect));
    let (when, effects) = RELEASE;
    // Numbers of a day or a month hardly show what lasted for minutes.
    let is_short = label(series, "window").is_none_or(is_short);
    let of_release = effects.iter().filter(|(beginning, _)| is_short && name(series).starts_with(beginning));
    of_outage.into_iter().chain(of_release.map(|(_, effect)| disturbance(now, when, *effect))).collect()
}

/// A source that is down has only the metrics of its health.
fn effect_of_outage(series: &str, reason: &str) -> Option<Effect> {
    let is = |value| Some(Effect::Is(value));
    match (name(series), label(series, "status"), label(series, "reason")) {
        ("platform_source_up", ..) => is(0.0),
        ("platform_source_status", Some("down"), _) => is(1.0),
        ("platform_source_status", ..) => is(0.0),
        ("platform_source_last_success_timestamp_seconds", ..) => Some(Effect::Stops),
        ("platform_probe_failures_total", _, Some(found)) => (found == reason).then_some(Effect::Rate(0.2)),
        ("platform_probe_duration_seconds", ..) => is(5.0),
        (name, ..) if name.starts_with("platform_") => None,
        _ => Some(Effect::Missing),
    }
}

fn disturbance(now: i64, (days, minute, minutes): When, effect: Effect) -> Disturbance {
    let from = (now.div_euclid(DAY) - days) * DAY + minute * 60;
    Disturbance { from, to: from + minutes * 60, effect }
}
