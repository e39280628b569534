//! Renders rule files from the key `rules:` of a YAML file, which contains Prometheus rule groups.

use std::collections::BTreeMap;
use std::fmt::Write;

use platform_core::yaml::{self, Faults, Node, Path};

/// The page with a section for each alert of the project.
const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/alerts/runbooks.md");

const KEY: &str = "rules";

/// A group of rules, as under `groups:` in a rule file.
#[derive(serde::Deserialize)]
struct Group {
    name: String,
    interval: Option<String>,
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    r#for: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The rule file of one of the project's own files.
pub(super) fn of_file(file: &str, text: &str, faults: &mut Faults) -> Option<String> {
    faults.begin(file);
    let tree = yaml::parse_literally(text, faults)?;
    let Some(rules) = tree.get(KEY) else {
        faults.at(tree.place, &Path::default(), "the key `rules` is missing");
        return None;
    };
    render(rules, file, Some(RUNBOOKS), faults)
}

/// The rule file of a pack.
pub(super) fn of_pack(name: &str, rules: &Node, faults: &mut Faults) -> Option<String> {
    render(rules, &format!("the pack {name}"), None, faults)
}

/// A rule file from a list of rule groups. `origin` is the file to edit instead; an alert without `runbook_url` gets
/// its section of `runbooks`, if that is given.
///
/// Returns `None` if there are errors; all of them are then in `faults`.
fn render(rules: &Node, origin: &str, runbooks: Option<&str>, faults: &mut Faults) -> Option<String> {
    let before = faults.len();
    let path = Path::default().key(KEY);
    let groups: Vec<Group> = yaml::decode(rules, &path, faults)?;
    for (index, (group, node)) in groups.iter().zip(rules.elements()).enumerate() {
        check(group, node, &path.index(index), faults);
    }
    (faults.len() == before).then_some(())?;
    let mut file = format!("# Made by `platform_exporter bundle`; edit {origin}.\ngroups:\n");
    for group in groups {
        write(&mut file, &group, runbooks).expect("writing to a string does not fail");
    }
    Some(file)
}

/// Every rule records or alerts, and only alerts may have `for` and the like.
fn check(group: &Group, node: &Node, path: &Path, faults: &mut Faults) {
    let path = path.key("rules");
    let nodes = node.get("rules").map_or(&[][..], Node::elements);
    for (index, (rule, node)) in group.rules.iter().zip(nodes).enumerate() {
        let path = path.index(index);
        if rule.record.is_some() == rule.alert.is_some() {
            faults.at(node.place, &path, "expected either `record` or `alert`");
        }
        for key in ["for", "keep_firing_for", "annotations"] {
            if let Some(given) = node.get(key).filter(|_| rule.record.is_some()) {
                faults.at(given.place, &path.key(key), "only alerts have this key");
            }
        }
    }
}

fn write(file: &mut String, group: &Group, runbooks: Option<&str>) -> std::fmt::Result {
    writeln!(file, "  - name: {}", quoted(&group.name))?;
    if let Some(interval) = &group.interval {
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
            if let Some(duration) = duration {
                writeln!(file, "        {key}: {}", quoted(duration))?;
            }
        }
        write_map(file, "labels", &rule.labels)?;
        let mut annotations = rule.annotations.clone();
        if let Some(runbooks) = runbooks.filter(|_| rule.alert.is_some()) {
            let section = format!("{runbooks}#{}", name.to_lowercase());
            annotations.entry("runbook_url".to_owned()).or_insert(section);
        }
        write_map(file, "annotations", &annotations)?;
    }
    Ok(())
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
        render(rules, "pack.yml", None, &mut faults).ok_or_else(|| faults.to_string())
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
