//! What the shipped rules make of a day, by promtool.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::super::files::{files, passes};
use super::super::rules;
use super::notation::compact;
use super::page::{name, with_labels};
use super::takes::Takes;
use super::target::Target;
use super::timeline::{Hours, STEP, Scrape};
use super::values::{Sample, samples};

/// How often rules are evaluated, in seconds. With the shipped 15 promtool would take twice the time, and see nothing more:
/// what an alert waits for is a multiple of it, but for two that wait for less or for 45 s.
const EVALUATION: usize = 30;

/// The alerts that somebody hears of at once.
const LOUD: &str = "ALERTS{alertstate=\"firing\",severity=~\"critical|warning\"}";

const WATCHDOG: &str = "ALERTS{alertname=\"Watchdog\",alertstate=\"firing\"}";

/// It would have paged, had it lasted.
const PENDING: &str = "ALERTS{alertname=\"PlatformSourceDown\",alertstate=\"pending\"}";

/// What Prometheus and Alertmanager say of themselves.
const OF_PROMETHEUS: [(&str, f64); 4] = [
    ("up{job=\"prometheus\",instance=\"localhost:9090\"}", 1.0),
    ("up{job=\"alertmanager\",instance=\"alertmanager:9093\"}", 1.0),
    ("prometheus_rule_evaluation_failures_total{job=\"prometheus\",rule_group=\"platform-sources\"}", 0.0),
    (
        "alertmanager_notifications_failed_total{job=\"alertmanager\",integration=\"slack\",reason=\"other\"}",
        0.0,
    ),
];

/// A day in the form of a unit test of rules.
pub(super) struct Day<'a> {
    takes: &'a Takes,
    hours: Hours,
    named: BTreeSet<String>,
    series: String,
}

impl<'a> Day<'a> {
    pub(super) fn new(takes: &'a Takes, targets: &[Target], hours: Hours) -> Self {
        // What no rule reads makes no difference.
        let named = read_by_rules();
        let mut day = Self { takes, hours, named, series: String::new() };
        for (series, value) in OF_PROMETHEUS {
            let sample =
                |scrape: &Scrape| if *scrape == Scrape::Lacks { Sample::Blank } else { Sample::Value(value) };
            let samples: Vec<_> = day.hours.scrapes.iter().map(sample).collect();
            day.write(series, &samples);
        }
        for target in targets {
            day.add(target);
        }
        day
    }

    /// Adds all that a target gives, and what Prometheus adds by itself.
    fn add(&mut self, target: &Target) {
        for series in target.series() {
            if self.named.contains(name(series)) {
                let samples = samples(self.takes, target, series, &self.hours);
                self.write(&with_labels(series, &target.labels), &samples);
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
            self.write(&format!("{family}{{{}}}", target.labels), &samples);
        }
    }

    fn write(&mut self, series: &str, samples: &[Sample]) {
        let series = series.replace('\'', "''");
        writeln!(self.series, "      - {{series: '{series}', values: '{}'}}", compact(samples)).unwrap();
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
        let rule_files = files("alerts", ".rules.yml");
        let groups: Vec<_> = rule_files.iter().flat_map(|file| groups(file)).collect();
        let end = (self.hours.scrapes.len() - 1) * STEP;
        let mut text = format!(
            "rule_files: {rule_files:?}
evaluation_interval: {EVALUATION}s
group_eval_order: {groups:?}
tests:
  - interval: {STEP}s
    promql_expr_test:
"
        );
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

fn read_by_rules() -> BTreeSet<String> {
    rules::all().iter().flat_map(|(_, rule)| rules::metrics(rules::text(rule, "expr").unwrap())).collect()
}

fn groups(file: &Path) -> Vec<String> {
    let file = rules::parse(&std::fs::read_to_string(file).unwrap());
    let groups = file.get("groups").unwrap().elements();
    groups.iter().map(|group| rules::text(group, "name").unwrap().to_owned()).collect()
}
