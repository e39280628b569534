//! Renders rule files from the key `rules:` of a YAML file, which contains Prometheus rule groups.

use std::collections::BTreeMap;
use std::fmt::Write;

use platform_core::yaml::{self, Faults, Node, Path};

use super::checker::DashboardContext;
use super::packs::Platform;
use super::rule_check;
use super::rule_duration::RuleDuration;
use crate::manual;

/// The page with a section for each alert of the project.
const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/alerts/runbooks.md");

const KEY: &str = "rules";
const RUNBOOK_URL: &str = "runbook_url";

/// A group of rules, as under `groups:` in a rule file.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Group {
    name: String,
    interval: Option<RuleDuration>,
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    r#for: Option<RuleDuration>,
    keep_firing_for: Option<RuleDuration>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The rule file of one of the project's own files.
pub(super) fn of_file(
    file: &str,
    text: &str,
    context: &DashboardContext,
    faults: &mut Faults,
) -> Option<String> {
    faults.begin(file);
    let tree = yaml::parse_literally(text, faults)?;
    let Some(rules) = tree.get(KEY) else {
        faults.at(tree.place, &Path::default(), "the key `rules` is missing");
        return None;
    };
    render(rules, Origin { file, runbooks: Some(RUNBOOKS), deployment: None }, context, faults)
}

/// The rule file of a pack.
pub(super) fn of_pack(
    platform: &Platform,
    context: &DashboardContext,
    faults: &mut Faults,
) -> Option<String> {
    let Platform { name, rules, .. } = platform;
    let origin =
        Origin { file: &format!("the pack {name}"), runbooks: None, deployment: platform.deployment() };
    render(rules.as_ref()?, origin, context, faults)
}

/// Where rules come from.
#[derive(Clone, Copy)]
struct Origin<'a> {
    /// The file to edit instead.
    file: &'a str,
    /// The page that has a section for each alert without `runbook_url`.
    runbooks: Option<&'a str>,
    /// What distinguishes its groups from those of another deployment.
    deployment: Option<&'a str>,
}

/// The names that the rules below a node record.
pub(super) fn recorded(rules: &Node) -> Vec<String> {
    let rules = rules.elements().iter().filter_map(|group| group.get("rules")).flat_map(Node::elements);
    rules.filter_map(|rule| Some(rule.get("record")?.text()?.to_owned())).collect()
}

/// The names that the rules of a file record.
pub(super) fn recorded_by(text: &str) -> Vec<String> {
    let tree = yaml::parse_literally(text, &mut Faults::default());
    tree.as_ref().and_then(|tree| tree.get(KEY)).map(recorded).unwrap_or_default()
}

/// A rule file from a list of rule groups.
///
/// Returns `None` if there are errors; all of them are then in `faults`.
fn render(
    rules: &Node,
    origin: Origin<'_>,
    context: &DashboardContext,
    faults: &mut Faults,
) -> Option<String> {
    let before = faults.len();
    let path = Path::default().key(KEY);
    rule_check::check(rules, &path, context, faults);
    let groups: Vec<Group> = yaml::decode(rules, &path, faults)?;
    (faults.len() == before).then_some(())?;
    let mut file = format!("# Made by `platform_exporter bundle`; edit {}.\ngroups:\n", origin.file);
    for group in groups {
        write(&mut file, &group, origin, context.runbooks.as_deref())
            .expect("writing to a string does not fail");
    }
    Some(file)
}

fn write(file: &mut String, group: &Group, origin: Origin<'_>, served: Option<&str>) -> std::fmt::Result {
    let name = origin.deployment.map(|deployment| format!("{}: {deployment}", group.name));
    writeln!(file, "  - name: {}", quoted(name.as_ref().unwrap_or(&group.name)))?;
    if let Some(RuleDuration(interval)) = &group.interval {
        writeln!(file, "    interval: {}", quoted(interval))?;
    }
    writeln!(file, "    rules:")?;
    for rule in &group.rules {
        let (key, name) =
            rule.alert.as_ref().map_or(("record", rule.record.as_deref()), |name| ("alert", Some(name)));
        let name = name.unwrap_or_default();
        writeln!(file, "      - {key}: {}", quoted(name))?;
        writeln!(file, "        expr: |-")?;
        for line in rule.expr.trim().lines() {
            writeln!(file, "          {line}")?;
        }
        for (key, duration) in [("for", &rule.r#for), ("keep_firing_for", &rule.keep_firing_for)] {
            if let Some(RuleDuration(duration)) = duration {
                writeln!(file, "        {key}: {}", quoted(duration))?;
            }
        }
        write_map(file, "labels", &rule.labels)?;
        let mut annotations = rule.annotations.clone();
        if let Some(alert) = &rule.alert {
            let given = annotations.remove(RUNBOOK_URL);
            let url = runbook_url(alert, given, origin.runbooks, served);
            annotations.extend(url.map(|url| (RUNBOOK_URL.to_owned(), url)));
        }
        write_map(file, "annotations", &annotations)?;
    }
    Ok(())
}

/// The section of an alert: on the page that the exporter serves if it has one, unless the rule links to another page than
/// the repository's.
fn runbook_url(
    alert: &str,
    given: Option<String>,
    of_repository: Option<&str>,
    served: Option<&str>,
) -> Option<String> {
    let is_own = given.as_ref().is_none_or(|given| given.starts_with(RUNBOOKS));
    match served.filter(|_| is_own && manual::has_alert(alert)) {
        Some(page) => Some(format!("{page}#{alert}")),
        None => given.or_else(|| of_repository.map(|page| format!("{page}#{}", alert.to_lowercase()))),
    }
}

fn write_map(file: &mut String, key: &str, map: &BTreeMap<String, String>) -> std::fmt::Result {
    if map.is_empty() {
        return Ok(());
    }
    writeln!(file, "        {key}:")?;
    map.iter().try_for_each(|(key, value)| writeln!(file, "          {key}: {}", quoted(value)))
}

/// A YAML scalar, quoted if necessary: every JSON string is valid YAML.
fn quoted(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
        && !text.ends_with(':')
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_lowercase().as_str());
    let is_duration = text.ends_with(|last: char| "smhdwy".contains(last))
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"smhdwy".contains(&byte));
    if is_plain || is_duration { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let mut faults = Faults::of("pack.yml");
        let tree = yaml::parse_literally(text, &mut faults).expect("it is YAML");
        let rules = tree.get("rules").expect("it has rules");
        let origin = Origin { file: "pack.yml", runbooks: None, deployment: None };
        render(rules, origin, &DashboardContext::default(), &mut faults).ok_or_else(|| faults.to_string())
    }

    #[test]
    fn a_rule_file_says_the_same_as_the_pack() {
        let file = rendered(
            r#"
rules:
  - name: shop
    interval: 30s
    rules:
      - {record: "shop:orders:rate5m", expr: "rate(orders[5m])"}
      - alert: ShopSilent
        expr: |
          shop:orders:rate5m == 0
            and hour() > 8
        for: 5m
        labels: {severity: "no", team: shop-1}
        annotations: {summary: 'No "orders": {{ $value }}'}
"#,
        );
        let expected = r#"# Made by `platform_exporter bundle`; edit pack.yml.
groups:
  - name: shop
    interval: 30s
    rules:
      - record: shop:orders:rate5m
        expr: |-
          rate(orders[5m])
      - alert: ShopSilent
        expr: |-
          shop:orders:rate5m == 0
            and hour() > 8
        for: 5m
        labels:
          severity: "no"
          team: shop-1
        annotations:
          summary: "No \"orders\": {{ $value }}"
"#;
        assert_eq!(file, Ok(expected.to_owned()));
    }

    #[test]
    fn an_alert_links_to_the_served_runbooks_unless_its_rule_links_elsewhere() {
        let own = || Some(format!("{RUNBOOKS}#platformsourcedown"));
        let elsewhere = || Some("https://wiki.example.com/sources".to_owned());
        let served = "https://metrics.example.com/runbooks";
        for (alert, given, page, expected) in [
            ("PlatformSourceDown", None, None, own()),
            ("PlatformSourceDown", None, Some(served), Some(format!("{served}#PlatformSourceDown"))),
            ("PlatformSourceDown", own(), Some(served), Some(format!("{served}#PlatformSourceDown"))),
            ("PlatformSourceDown", elsewhere(), Some(served), elsewhere()),
            ("ShopSilent", elsewhere(), Some(served), elsewhere()),
        ] {
            assert_eq!(runbook_url(alert, given, Some(RUNBOOKS), page), expected);
        }
        assert_eq!(runbook_url("ShopSilent", None, None, Some(served)), None);
    }

    #[test]
    fn every_fault_is_reported_with_its_place() {
        let faults = rendered(
            "
rules:
  - name: shop
    rules:
      - {record: a, alert: B, expr: up}
      - {expr: up}
      - {record: a, expr: up, for: 5m}
",
        );
        let faults = faults.expect_err("there are faults");
        for part in [
            "pack.yml:5:9: rules[0].rules[0]: expected either `record` or `alert`",
            "pack.yml:6:9: rules[0].rules[1]: expected either `record` or `alert`",
            "pack.yml:7:36: rules[0].rules[2].for: only alerts have this key",
        ] {
            assert!(faults.contains(part), "{part} is missing in:\n{faults}");
        }
        assert!(rendered("rules: [{name: a, rulez: []}]").expect_err("a typo").contains("rulez"));
    }
}
