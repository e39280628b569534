//! What the shipped rules make of a day, by promtool.

use std::fmt::Write;

use super::super::files::passes;
use super::super::replay::page::{name, with_labels};
use super::super::replay::{OF_PROMETHEUS, READ_BY_RULES, Sample, heading, write_series};
use super::takes::Takes;
use super::target::Target;
use super::timeline::{Hours, STEP, Scrape};
use super::values::samples;

/// How often rules are evaluated, in seconds. With the shipped 15 promtool would take twice the time, and see nothing more:
/// what an alert waits for is a multiple of it, but for two that wait for less or for 45 s.
const EVALUATION: usize = 30;

/// The alerts that somebody hears of at once.
const LOUD: &str = "ALERTS{alertstate=\"firing\",severity=~\"critical|warning\"}";

const WATCHDOG: &str = "ALERTS{alertname=\"Watchdog\",alertstate=\"firing\"}";

/// It would have paged, had it lasted.
const PENDING: &str = "ALERTS{alertname=\"PlatformSourceDown\",alertstate=\"pending\"}";

/// A day in the form of a unit test of rules.
pub(super) struct Day<'a> {
    takes: &'a Takes,
    hours: Hours,
    series: String,
}

impl<'a> Day<'a> {
    pub(super) fn new(takes: &'a Takes, targets: &[Target], hours: Hours) -> Self {
        let mut day = Self { takes, hours, series: String::new() };
        for (series, value) in OF_PROMETHEUS {
            let sample =
                |scrape: &Scrape| if *scrape == Scrape::Lacks { Sample::Blank } else { Sample::Value(value) };
            let samples: Vec<_> = day.hours.scrapes.iter().map(sample).collect();
            write_series(&mut day.series, series, &samples);
        }
        for target in targets {
            day.add(target);
        }
        day
    }

    /// Adds all that a target gives, and what Prometheus adds by itself.
    fn add(&mut self, target: &Target) {
        for series in target.series() {
            if READ_BY_RULES.contains(name(series)) {
                let samples = samples(self.takes, target, series, &self.hours);
                write_series(&mut self.series, &with_labels(series, &target.labels), &samples);
            }
        }
        let scraped = target.pages.iter().map(|page| page.len()).max().unwrap_or_default();
        for (family, met, failed) in [
            ("up", 1.0, 0.0),
            ("scrape_duration_seconds", 0.05, 0.001),
            ("scrape_samples_scraped", scraped as f64, 0.0),
        ] {
            let sample = |(step, scrape): (usize, &Scrape)| match scrape {
                _ if !step.is_multiple_of(target.every) => Sample::Blank,
                Scrape::Meets(_) => Sample::Value(met),
                Scrape::Fails => Sample::Value(failed),
                Scrape::Lacks => Sample::Blank,
            };
            let samples: Vec<_> = self.hours.scrapes.iter().enumerate().map(sample).collect();
            write_series(&mut self.series, &format!("{family}{{{}}}", target.labels), &samples);
        }
    }

    /// These alerts fire, each once, and no others: panics with those that do; if none may, with their times, too.
    pub(super) fn fires(&self, firing: &[&str]) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("day.yml");
        std::fs::write(&file, self.test(firing)).unwrap();
        // Collecting garbage less often saves a fifth of the time.
        passes("env", &["GOGC=400", "promtool", "test", "rules"], &[file]);
    }

    fn test(&self, firing: &[&str]) -> String {
        let end = (self.hours.scrapes.len() - 1) * STEP;
        let mut text = heading(STEP, EVALUATION);
        for (expr, samples) in expected(firing, end / EVALUATION) {
            let samples = samples.join(", ");
            writeln!(text, "      - {{eval_time: {end}s, expr: '{expr}', exp_samples: [{samples}]}}")
                .unwrap();
        }
        format!("{text}    input_series:\n{}", self.series)
    }
}

/// What is to be true at the end, after so many evaluations.
fn expected(firing: &[&str], evaluations: usize) -> Vec<(String, Vec<String>)> {
    let times = format!("timestamp({LOUD})[1d:{EVALUATION}s]");
    let (from, to) = (format!("min_over_time({times})"), format!("max_over_time({times})"));
    let count = format!("count_over_time({LOUD}[1d])");
    let one = |labels: &&str| format!("{{labels: '{labels}', value: 1}}");
    let each: Vec<_> = firing.iter().map(one).collect();
    let mut expected = vec![
        (format!("group by (alertname, severity, source) ({count})"), each.clone()),
        // From the first to the last time it never paused.
        (
            format!("count by (alertname, severity, source) (({to} - {from}) / {EVALUATION} + 1 == {count})"),
            each,
        ),
        // The rules were evaluated, and the events were felt.
        (format!("sum(count_over_time({WATCHDOG}[1d])) >= bool {evaluations}"), vec![one(&"{}")]),
        (format!("count(count_over_time({PENDING}[1d])) >= bool 1"), vec![one(&"{}")]),
    ];
    if firing.is_empty() {
        // Shows when, in seconds since midnight.
        expected.push((from, Vec::new()));
    }
    expected
}
