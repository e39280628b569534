//! What real servers made the exporter say, as series of a unit test of rules.

pub(super) mod notation;
pub(super) mod page;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::files::files;
use super::rules;
use notation::compact;
use page::{name, second};

/// What Prometheus has stored after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    /// Nothing new.
    Blank,
    /// That the series has ended.
    Stale,
    Value(f64),
}

/// What Prometheus and Alertmanager say of themselves.
pub(super) const OF_PROMETHEUS: [(&str, f64); 4] = [
    ("up{job=\"prometheus\",instance=\"localhost:9090\"}", 1.0),
    ("up{job=\"alertmanager\",instance=\"alertmanager:9093\"}", 1.0),
    ("prometheus_rule_evaluation_failures_total{job=\"prometheus\",rule_group=\"platform-sources\"}", 0.0),
    (
        "alertmanager_notifications_failed_total{job=\"alertmanager\",integration=\"slack\",reason=\"other\"}",
        0.0,
    ),
];

/// MongoDB's time and number of operations, and how long one takes on a machine that runs nothing else.
pub(super) const LATENCY: (&str, &str, f64) =
    ("mongodb_ss_opLatencies_latency", "mongodb_ss_opLatencies_ops", 2000.0);

/// Unix times of what happened once. All others move with the clock while all is well: something like it happens again
/// and again.
pub(super) const ONCE: [&str; 3] = [
    "process_start_time_seconds",
    "pg_postmaster_start_time_seconds",
    "mongodb_oplog_first_timestamp_seconds",
];

pub(super) const UPTIMES: [&str; 2] = ["redis_uptime_in_seconds", "mongodb_ss_uptime"];

/// The servers of a test have just started: those of its series have run for a month.
pub(super) const PAST: f64 = 30.0 * 86400.0;

/// How full the disk is of the machine that runs the test says nothing about its servers.
const DISK_OF_THE_MACHINE: &str = "mongodb_dbstats_fsUsedSize";

/// An age, despite its name.
pub(super) const LONGEST: &str = "pg_long_running_transactions_oldest_timestamp_seconds";

/// Whether a family is a Unix time.
pub(super) fn is_time(family: &str) -> bool {
    family.ends_with("_timestamp_seconds") && family != LONGEST
        || second(family) > 1.0
        || ["probe_ssl_earliest_cert_expiry", "s3_last_modified_object_date"].contains(&family)
        || ONCE.contains(&family)
}

/// The families that rules read: others make no difference.
pub(super) static READ_BY_RULES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    rules::all().iter().flat_map(|(_, rule)| rules::metrics(rules::text(rule, "expr").unwrap())).collect()
});

/// The files of the rules, and the names of their groups.
static RULES: LazyLock<(Vec<PathBuf>, Vec<String>)> = LazyLock::new(|| {
    let files = files("alerts", ".rules.yml");
    let groups = files.iter().flat_map(|file| groups(file)).collect();
    (files, groups)
});

/// The beginning of a unit test of the shipped rules, up to what it expects.
pub(super) fn heading(step: usize, evaluation: usize) -> String {
    let (rule_files, groups) = &*RULES;
    format!(
        "rule_files: {rule_files:?}
evaluation_interval: {evaluation}s
group_eval_order: {groups:?}
tests:
  - interval: {step}s
    promql_expr_test:
"
    )
}

fn groups(file: &Path) -> Vec<String> {
    let file = rules::parse(&std::fs::read_to_string(file).unwrap());
    let groups = file.get("groups").unwrap().elements();
    groups.iter().map(|group| rules::text(group, "name").unwrap().to_owned()).collect()
}

/// Writes a series below `input_series`.
pub(super) fn write_series(text: &mut String, series: &str, samples: &[Sample]) {
    let factor = if name(series) == DISK_OF_THE_MACHINE { 0.0 } else { second(name(series)) };
    let scaled = |sample: &Sample| match sample {
        Sample::Value(value) => Sample::Value(value * factor),
        other => *other,
    };
    let samples: Vec<Sample> = samples.iter().map(scaled).collect();
    let series = series.replace('\'', "''");
    writeln!(text, "      - {{series: '{series}', values: '{}'}}", compact(&samples)).unwrap();
}
