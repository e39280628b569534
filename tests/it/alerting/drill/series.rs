//! The values of a series before a failure and during it, made from two recordings.

use std::collections::BTreeSet;

use super::super::replay::page::{Page, name, with_labels};
use super::super::replay::{
    LATENCY, LONGEST, ONCE, PAST, READ_BY_RULES, Sample, UPTIMES, is_time, write_series,
};
use super::{Recording, STEP, WELL};

/// The labels that Prometheus adds to what the exporter says.
const TARGET: &str = "job=\"platform_exporter\",instance=\"exporter:9884\"";

/// How long a probe takes where nothing else runs: in the recordings it says how busy the machine of the test was.
const DURATION: f64 = 0.01;

/// Lags and ages that are given in seconds: whoever makes no progress lags by a second more in each.
const LAGS: [&str; 2] = ["pg_replication_lag_seconds", LONGEST];

/// How a value goes on after it was recorded.
#[derive(Clone, Copy, Debug)]
enum Course {
    Constant(f64),
    /// From a value, by so much in each second.
    Grows(f64, f64),
    /// A time so many seconds ago, again and again.
    Ago(f64),
}

/// Writes all that rules read, for an hour in which all is well, and up to the last step with the failure.
pub(super) fn write(text: &mut String, well: &Recording, failure: &Recording, last: usize) {
    let scraped = failure.second.page.len() as f64;
    for (family, value) in
        [("up", 1.0), ("scrape_duration_seconds", 0.05), ("scrape_samples_scraped", scraped)]
    {
        write_series(text, &format!("{family}{{{TARGET}}}"), &vec![Sample::Value(value); last + 1]);
    }
    let pages = [&well.first, &well.second, &failure.first, &failure.second].map(|take| &take.page);
    let all: BTreeSet<_> = pages.iter().flat_map(|page| page.series()).collect();
    for series in all.into_iter().filter(|series| READ_BY_RULES.contains(name(series))) {
        write_series(text, &with_labels(series, TARGET), &samples(series, well, failure, last));
    }
}

fn samples(series: &str, well: &Recording, failure: &Recording, last: usize) -> Vec<Sample> {
    let (latency, operations, each) = LATENCY;
    // Only drills write, and slowly on purpose. What else is slow says how busy the machine of the test is.
    if name(series) == latency && !series.contains("op_type=\"writes\"") {
        let operations = samples(&series.replacen(latency, operations, 1), well, failure, last);
        let times = |sample| match sample {
            Sample::Value(value) => Sample::Value(value * each),
            other => other,
        };
        return operations.into_iter().map(times).collect();
    }
    let before = before(series, well);
    let during = during(series, well, failure, before);
    let mut samples: Vec<_> = (0..WELL).map(|step| at(before, step, step)).collect();
    let end = if before.is_some() { Sample::Stale } else { Sample::Blank };
    samples.push(if during.is_some() { at(during, 0, WELL) } else { end });
    samples.extend((WELL + 1..=last).map(|step| at(during, step - WELL, step)));
    samples
}

/// The sample of a step, so many after the beginning of its course.
fn at(course: Option<Course>, after: usize, step: usize) -> Sample {
    match course {
        None => Sample::Blank,
        Some(Course::Constant(value)) => Sample::Value(value),
        Some(Course::Grows(from, rate)) => Sample::Value(from + rate * (after * STEP) as f64),
        Some(Course::Ago(age)) => Sample::Value((step * STEP) as f64 - age),
    }
}

fn before(series: &str, well: &Recording) -> Option<Course> {
    let (family, value) = (name(series), well.second.page.value(series)?);
    Some(match family {
        _ if ONCE.contains(&family) => Course::Constant(-PAST),
        _ if UPTIMES.contains(&family) => Course::Grows(PAST, 1.0),
        _ if is_time(family) => Course::Ago(well.second.at - value),
        _ if family.ends_with("_duration_seconds") => Course::Constant(DURATION),
        _ if is_counter(&well.second.page, family) => Course::Grows(value, rate(series, well)),
        _ => Course::Constant(value),
    })
}

fn during(series: &str, well: &Recording, failure: &Recording, before: Option<Course>) -> Option<Course> {
    let (family, value) = (name(series), failure.second.page.value(series)?);
    let first = failure.first.page.value(series);
    let begin = (WELL * STEP) as f64;
    let earlier = well.second.page.value(series);
    let is_same = earlier.is_some_and(|earlier| (value - earlier).abs() < 0.5);
    let age = failure.second.at - value;
    Some(match (family, before) {
        (_, Some(course)) if ONCE.contains(&family) && is_same => course,
        (_, Some(Course::Grows(from, rate))) if UPTIMES.contains(&family) && earlier <= Some(value) => {
            Course::Grows(from + rate * begin, rate)
        }
        _ if UPTIMES.contains(&family) => Course::Grows(value, 1.0),
        // A time that moves went on between the two takes.
        _ if is_time(family) && first.is_some_and(|first| first < value) => Course::Ago(age),
        _ if is_time(family) => Course::Constant(begin - age),
        _ if family.starts_with("platform_") && family.ends_with("_duration_seconds") => {
            Course::Constant(DURATION)
        }
        // The shorter of two: one slow probe may be chance.
        _ if family.ends_with("_duration_seconds") => {
            Course::Constant(first.map_or(value, |first| first.min(value)))
        }
        _ if LAGS.contains(&family) && first.is_some_and(|first| 0.0 < first && first <= value) => {
            Course::Grows(value, 1.0)
        }
        (_, before) if is_counter(&failure.second.page, family) => {
            let last = before.map_or(0.0, |before| match at(Some(before), WELL - 1, WELL - 1) {
                Sample::Value(last) => last,
                Sample::Blank | Sample::Stale => 0.0,
            });
            let first = first.unwrap_or(value);
            let from = match earlier {
                Some(earlier) if earlier <= first => last + first - earlier,
                _ => first,
            };
            Course::Grows(from, rate(series, failure))
        }
        _ => Course::Constant(value),
    })
}

/// Counters, and gauges that only grow: rules ask by how much.
fn is_counter(page: &Page, family: &str) -> bool {
    page.is_counter(family) || family == "redis_slowlog_last_id"
}

/// By how much a counter grew in a second between the two takes.
fn rate(series: &str, recording: &Recording) -> f64 {
    let Recording { first, second } = recording;
    let grown =
        first.page.value(series).zip(second.page.value(series)).map_or(0.0, |(a, b)| (b - a).max(0.0));
    grown / (second.at - first.at).max(0.001)
}
