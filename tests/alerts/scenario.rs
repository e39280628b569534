//! The unit tests of rules, each of which is the failure of one or more alerts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use platform_core::yaml::{self, Faults, Node, Value};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::rules::Alert;
use super::series::{Series, labels};

/// A unit test.
pub(crate) struct Scenario {
    /// In the order of the page.
    pub(crate) number: usize,
    /// What its alerts are about: `redis`, `hayon`, `sources`.
    pub(crate) part: String,
    /// `RedisMemoryHigh critical: 99% of the memory limit is in use`, or only what is the case.
    pub(crate) name: String,
    /// Between two samples.
    pub(crate) interval: Duration,
    /// When the last of its expectations is checked.
    pub(crate) end: Duration,
    pub(crate) series: Vec<Series>,
    /// The alerts that fire at one time or another.
    pub(crate) expected: BTreeSet<String>,
}

#[derive(Deserialize)]
struct UnitTests {
    tests: Vec<UnitTest>,
}

#[derive(Deserialize)]
struct UnitTest {
    name: String,
    interval: String,
    input_series: Vec<Input>,
    #[serde(default)]
    alert_rule_test: Vec<AlertCase>,
    #[serde(default)]
    promql_expr_test: Vec<ExpressionCase>,
}

#[derive(Deserialize)]
struct Input {
    series: String,
    values: String,
}

#[derive(Deserialize)]
struct AlertCase {
    alertname: String,
    eval_time: String,
    exp_alerts: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct ExpressionCase {
    expr: String,
    eval_time: String,
    exp_samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    labels: String,
}

impl Scenario {
    /// The name of its test.
    pub(crate) fn title(&self) -> String {
        format!("{}::{}", self.part, self.name)
    }

    /// What is wrong.
    pub(crate) fn failure(&self) -> &str {
        self.name.split_once(": ").map_or(self.name.as_str(), |(_, failure)| failure)
    }

    /// Whether this is the failure that an alert is there for.
    pub(crate) fn is_of(&self, alert: &Alert) -> bool {
        let Some((alerts, _)) = self.name.split_once(": ") else { return false };
        let words: Vec<_> = alerts.split(' ').collect();
        words.contains(&alert.name.as_str()) && words.contains(&alert.severity.as_str())
    }
}

/// All scenarios, in the order of their files.
pub(crate) fn all() -> Vec<Scenario> {
    let root = testkit::root();
    let mut files: Vec<(String, PathBuf)> =
        [("exporter", "exporter_test.yml"), ("sources", "sources_test.yml"), ("sources", "slo_test.yml")]
            .map(|(part, file)| (part.to_owned(), root.join("bundle").join(file)))
            .into();
    for folder in ["kinds", "platforms"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        let mut names: Vec<_> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        let test = |name: String| (name.clone(), root.join(folder).join(name).join("rules_test.yml"));
        files.extend(names.into_iter().map(test));
    }
    let of_file = |(part, path): (String, PathBuf)| {
        let UnitTests { tests } = read(&path);
        tests.into_iter().map(move |test| scenario(part.clone(), test))
    };
    let scenarios = files.into_iter().flat_map(of_file).enumerate();
    scenarios.map(|(number, scenario)| Scenario { number, ..scenario }).collect()
}

fn scenario(part: String, test: UnitTest) -> Scenario {
    let times = test.alert_rule_test.iter().map(|case| &case.eval_time);
    let times = times.chain(test.promql_expr_test.iter().map(|case| &case.eval_time));
    let end = times.map(|time| duration(time)).max().expect("a test expects something");
    let firing = test.alert_rule_test.iter().filter(|case| !case.exp_alerts.is_empty());
    let mut expected: BTreeSet<_> = firing.map(|case| case.alertname.clone()).collect();
    for case in test.promql_expr_test.iter().filter(|case| !case.exp_samples.is_empty()) {
        let samples = case.exp_samples.iter().map(|sample| &sample.labels);
        expected.extend(samples.chain([&case.expr]).filter_map(|text| labels(text).remove("alertname")));
    }
    let series = test.input_series.iter().map(|input| Series::parse(&input.series, &input.values));
    Scenario {
        number: 0,
        part,
        name: test.name,
        interval: duration(&test.interval),
        end,
        series: series.collect(),
        expected,
    }
}

fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What a file of rules or of their tests says.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut faults = Faults::of(path.display().to_string());
    let tree = yaml::parse_literally(&text, &mut faults).unwrap_or_else(|| panic!("{faults}"));
    serde_json::from_value(json(&tree)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A node without its place. `yaml::decode` would refuse the keys that are not needed here.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::List(elements) => elements.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect(),
    }
}
