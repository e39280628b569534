//! Every alert is complete: labels, annotations, known metrics, a unit test, a runbook.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use platform_core::yaml::{self, Faults, Node, Value};
use platform_exporter::bundle;
use platform_exporter::registry::Kind;
use regex::Regex;

use super::files::unit_tests;
use testkit::exporter::binary;
use testkit::root;

/// What Prometheus says by itself of every target, and what it and Alertmanager say of themselves.
const PROMETHEUS: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "prometheus_rule_evaluation_failures_total",
    "alertmanager_notifications_failed_total",
];

pub(super) fn parse(text: &str) -> Node {
    let mut faults = Faults::of("test");
    let tree = yaml::parse(text, &|_| None, &mut faults);
    tree.filter(|_| faults.is_empty()).unwrap_or_else(|| panic!("{faults}"))
}

pub(crate) fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match node.get(key) {
        Some(Node { value: Value::String(text), .. }) => Some(text),
        _ => None,
    }
}

/// Every rule with the name of its file.
pub(crate) fn all() -> Vec<(String, Node)> {
    let of_file = |bundle::File { path, text }: bundle::File| {
        let name = path.strip_prefix("alerts/")?.strip_suffix(".rules.yml")?.to_owned();
        let file = parse(&text);
        let groups = file.get("groups").unwrap().elements();
        let rules = groups.iter().flat_map(|group| group.get("rules").unwrap().elements().to_vec());
        Some(rules.map(|rule| (name.clone(), rule)).collect::<Vec<_>>())
    };
    bundle::render(None).unwrap().into_iter().filter_map(of_file).flatten().collect()
}

pub(super) fn alerts() -> Vec<(String, Node)> {
    all().into_iter().filter(|(_, rule)| rule.get("alert").is_some()).collect()
}

pub(super) fn label<'a>(rule: &'a Node, name: &str) -> Option<&'a str> {
    text(rule.get("labels")?, name)
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let mut wrong = Vec::new();
    for (file, rule) in alerts() {
        let name = text(&rule, "alert").unwrap();
        let severity = label(&rule, "severity").unwrap_or_default();
        if !["critical", "warning", "info"].contains(&severity) && name != "Watchdog" {
            wrong.push(format!("{name}: severity {severity:?}"));
        }
        let of_kind = Kind::ALL.iter().any(|kind| kind.as_str() == file);
        if of_kind && label(&rule, "kind") != Some(&file) {
            wrong.push(format!("{name}: the label kind is not {file}"));
        }
        let annotations = rule.get("annotations").unwrap();
        for key in ["summary", "description"] {
            let said = text(annotations, key).unwrap_or_default();
            if !said.ends_with('.') {
                wrong.push(format!("{name}: {key} is no sentence: {said:?}"));
            }
            let bare = said.contains("{{ $value }}");
            let names_source = file == "exporter" || said.contains("$labels.source");
            if bare || !names_source {
                wrong.push(format!("{name}: {key} has a bare value, or does not name the source: {said:?}"));
            }
        }
        let section =
            format!("{}/blob/main/alerts/runbooks.md#{}", env!("CARGO_PKG_REPOSITORY"), name.to_lowercase());
        assert_eq!(text(annotations, "runbook_url"), Some(section.as_str()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is no metric in an expression: label sets and ranges, strings, label lists, functions, and operators.
static NO_METRICS: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    [
        r"\{[^}]*\}|\[[^\]]*\]|offset \w+",
        r#""[^"]*""#,
        r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)",
        r"\b[a-z_]+\s*\(",
        r"\s(and|or|unless|bool|max|min|sum)\b|[0-9.]+e[0-9]+",
    ]
    .map(|pattern| Regex::new(pattern).unwrap())
});

static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("[a-z][a-zA-Z0-9_:]*").unwrap());

/// The metrics that an expression names.
pub(super) fn metrics(expression: &str) -> BTreeSet<String> {
    let blank = |text: String, pattern: &Regex| pattern.replace_all(&text, " ").into_owned();
    let plain = NO_METRICS.iter().fold(expression.to_owned(), blank);
    NAME.find_iter(&plain).map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn rules_name_only_metrics_that_there_are() {
    let output = Command::new(binary()).args(["catalog", "--format", "json"]).output().unwrap();
    let families: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let known = families.iter().map(|family| family["name"].as_str().unwrap());
    let mut known: BTreeSet<String> = known.chain(PROMETHEUS).map(str::to_owned).collect();
    known.extend(all().iter().filter_map(|(_, rule)| text(rule, "record").map(str::to_owned)));
    for (file, rule) in all() {
        let expression = text(&rule, "expr").unwrap();
        let named = metrics(expression);
        assert!(!named.is_empty() || expression == "vector(1)", "{expression}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?} in {expression}");
    }
}

/// What the unit tests of an alert expect, in the order of time.
#[derive(Default)]
struct Tested {
    silent: bool,
    fires: bool,
    resolved: bool,
    missing: bool,
    keeps_source: bool,
}

fn tested() -> BTreeMap<(String, String), Tested> {
    let mut tested: BTreeMap<(String, String), Tested> = BTreeMap::new();
    for file in unit_tests() {
        let file = parse(&std::fs::read_to_string(file).unwrap());
        for test in file.get("tests").unwrap().elements() {
            let series = test.get("input_series").unwrap().elements();
            let missing = series.iter().any(|series| text(series, "values").unwrap().contains("stale"));
            let cases = test.get("alert_rule_test").map_or(&[][..], Node::elements);
            let severities = |case: &Node| -> BTreeSet<String> {
                let alerts = case.get("exp_alerts").unwrap().elements();
                let labels = alerts.iter().map(|alert| alert.get("exp_labels").unwrap());
                labels.map(|labels| text(labels, "severity").unwrap().to_owned()).collect()
            };
            for (index, case) in cases.iter().enumerate() {
                for severity in severities(case) {
                    let (before, after) = (&cases[..index], &cases[index + 1..]);
                    let entry =
                        tested.entry((text(case, "alertname").unwrap().to_owned(), severity)).or_default();
                    entry.fires = true;
                    entry.missing |= missing;
                    entry.silent |= before.iter().any(|case| severities(case).is_empty());
                    entry.resolved |= after.iter().any(|case| severities(case).is_empty());
                    let alerts = case.get("exp_alerts").unwrap().elements();
                    entry.keeps_source |=
                        alerts.iter().all(|alert| text(alert.get("exp_labels").unwrap(), "source").is_some());
                }
            }
        }
    }
    tested
}

#[test]
fn every_alert_has_a_unit_test_of_its_whole_life() {
    let tested = tested();
    let mut wrong = Vec::new();
    for (file, rule) in alerts() {
        let name = text(&rule, "alert").unwrap();
        let severity = label(&rule, "severity").unwrap();
        let none = Tested::default();
        let found = tested.get(&(name.to_owned(), severity.to_owned())).unwrap_or(&none);
        if name == "Watchdog" {
            assert!(found.fires);
            continue;
        }
        for (is_there, what) in [
            (found.silent, "is silent while all is well"),
            (found.fires, "fires"),
            (found.resolved, "ends"),
            (found.missing, "meets data that is missing"),
            (found.keeps_source || file == "exporter", "keeps the source"),
        ] {
            if !is_there {
                wrong.push(format!("{name} {severity}: no test in which it {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without an order promtool evaluates the groups of an instant in any, so that what one records reaches another now
/// at once and now with the next evaluation.
#[test]
fn the_unit_tests_fix_the_order_of_groups() {
    let names = |list: &Node| -> BTreeSet<String> {
        let name = |name: &Node| match &name.value {
            Value::String(name) => name.clone(),
            other => panic!("{other:?}"),
        };
        list.elements().iter().map(name).collect()
    };
    for file in unit_tests() {
        let test = parse(&std::fs::read_to_string(&file).unwrap());
        let mut groups = BTreeSet::new();
        for rules in names(test.get("rule_files").unwrap()) {
            let rules = parse(&std::fs::read_to_string(file.with_file_name(rules)).unwrap());
            let of_file = rules.get("groups").unwrap().elements().iter();
            groups.extend(of_file.map(|group| text(group, "name").unwrap().to_owned()));
        }
        if groups.len() > 1 {
            let order = test.get("group_eval_order").map(names).unwrap_or_default();
            assert_eq!(order, groups, "group_eval_order of {}", file.display());
        }
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let page = std::fs::read_to_string(root().join("alerts/runbooks.md")).unwrap();
    let sections: BTreeMap<&str, &str> =
        page.split("\n### ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let alerts: BTreeSet<String> =
        alerts().iter().map(|(_, rule)| text(rule, "alert").unwrap().to_owned()).collect();
    let with_runbook: BTreeSet<String> = sections.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(alerts, with_runbook);
    for (name, section) in sections {
        let places: Vec<_> = ["**Meaning:**", "**Impact:**", "**Diagnosis:**", "**Fix:**", "**Escalate:**"]
            .into_iter()
            .map(|part| section.find(part).unwrap_or_else(|| panic!("{name} has no part {part}")))
            .collect();
        assert!(places.is_sorted(), "{name}");
        assert!(!section.contains(":**\n\n"), "{name} has an empty part");
        let diagnosis = &section[places[2]..places[3]];
        assert!(diagnosis.matches('`').count() >= 2, "{name}: no command for the diagnosis");
    }
}
