//! One scenario in promtool, with all rules.

use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use serde_json::json;

use super::rules::{Alert, RuleFile};
use super::scenario::Scenario;
use super::series::{Labels, Series, labels};

/// How promtool prints a sample: `{alertname="A"} 1.2E+02`.
static SAMPLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\{((?:\w+="(?:[^"\\]|\\.)*"(?:, )?)*)\} ([0-9.E+]+)"#).expect("a good expression")
});

/// An alert that has fired.
pub(crate) struct Fired {
    pub(crate) alert: Alert,
    pub(crate) labels: Labels,
    /// When it did first, since the start of the scenario.
    pub(crate) at: Duration,
}

/// How often rules are evaluated. Scenarios of days would take an hour with the 15 s that are deployed.
fn evaluation_interval(scenario: &Scenario) -> Duration {
    const HOUR: Duration = Duration::from_secs(3600);
    if scenario.end <= 4 * HOUR {
        Duration::from_secs(15)
    } else if scenario.end <= 24 * HOUR {
        Duration::from_secs(60)
    } else {
        // Where samples are further apart, every other evaluation would find none.
        scenario.interval.max(Duration::from_secs(300))
    }
}

/// Everything that fires in a scenario, or why that is not known.
pub(crate) fn run(
    scenario: &Scenario,
    surroundings: &[Series],
    rules: &[RuleFile],
) -> Result<Vec<Fired>, String> {
    let step = format!("{}s", evaluation_interval(scenario).as_secs());
    let end = format!("{}s", scenario.end.as_secs());
    let first = format!("min_over_time(timestamp(ALERTS{{alertstate=\"firing\"}})[{end}:{step}])");
    let input: Vec<_> = scenario.series.iter().chain(surroundings).map(Series::input).collect();
    let test = json!({
        "rule_files": rules.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "evaluation_interval": step,
        "group_eval_order": rules.iter().flat_map(|file| &file.groups).collect::<Vec<_>>(),
        "tests": [{
            "interval": format!("{}s", scenario.interval.as_secs()),
            "input_series": input,
            // Nothing is expected, so promtool prints all that it finds.
            "promql_expr_test": [{
                "expr": first,
                "eval_time": end,
                "exp_samples": [],
            }],
        }],
    });
    let error = |error: std::io::Error| format!("promtool: {error}: run `make deps`");
    // JSON is YAML.
    let file = tempfile::Builder::new().suffix(".yml").tempfile().map_err(error)?;
    std::fs::write(file.path(), test.to_string()).map_err(error)?;
    let output = Command::new("promtool").args(["test", "rules"]).arg(file.path()).output().map_err(error)?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let got = said.split_once("got: ").and_then(|(_, rest)| rest.lines().next());
    let got = got.filter(|got| got.starts_with('{')).ok_or_else(|| said.clone())?;
    SAMPLE
        .captures_iter(got)
        .map(|sample| fired(&sample[1], &sample[2]).ok_or_else(|| said.clone()))
        .collect()
}

fn fired(sample: &str, at: &str) -> Option<Fired> {
    let labels = labels(sample);
    let alert = Alert { name: labels.get("alertname")?.clone(), severity: labels.get("severity")?.clone() };
    Some(Fired { alert, labels, at: Duration::from_secs_f64(at.parse().ok()?) })
}
