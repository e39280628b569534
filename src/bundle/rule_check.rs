//! What can be wrong with rule groups, beside a key that is unknown or missing.

use std::collections::BTreeSet;

use platform_core::yaml::{self, Fault, Faults, Node, Path};
use promql_parser::util::parse_duration;

use super::checker::DashboardContext;
use super::promql;
use super::template;
use super::wrong::{Wrong, report};
use crate::pack::check_severity;

/// The annotations that receivers show.
const ANNOTATIONS: [&str; 4] = ["summary", "description", "runbook_url", "dashboard_url"];

/// The keys of a rule.
const KEYS: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// Checks a list of rule groups.
pub(super) fn check(groups: &Node, path: &Path, context: &DashboardContext, faults: &mut Faults) {
    let mut check = RuleCheck { context, faults, groups: BTreeSet::new(), rules: BTreeSet::new() };
    for (index, group) in groups.elements().iter().enumerate() {
        check.group(group, &path.index(index));
    }
}

struct RuleCheck<'a> {
    context: &'a DashboardContext,
    faults: &'a mut Faults,
    /// The names of groups so far.
    groups: BTreeSet<String>,
    /// The rules so far, each with its labels.
    rules: BTreeSet<(String, Vec<(String, String)>)>,
}

/// A text of a node.
fn text<'a>(node: &'a Node, key: &str) -> Option<(&'a Node, &'a str)> {
    let node = node.get(key)?;
    Some((node, node.text()?))
}

impl RuleCheck<'_> {
    fn group(&mut self, group: &Node, path: &Path) {
        if let Some((node, name)) = text(group, "name")
            && !self.groups.insert(name.to_owned())
        {
            self.faults.at(node.place, &path.key("name"), "another group has this name");
        }
        self.duration(group, "interval", path);
        for (index, rule) in group.get("rules").map_or(&[][..], Node::elements).iter().enumerate() {
            self.rule(rule, &path.key("rules").index(index));
        }
    }

    fn rule(&mut self, rule: &Node, path: &Path) {
        let (record, alert) = (text(rule, "record"), text(rule, "alert"));
        // A misspelt key is reported as such.
        let is_neither = record.or(alert).is_none()
            && rule.entries().iter().all(|(key, _)| KEYS.contains(&key.text.as_str()));
        if is_neither || (record.is_some() && alert.is_some()) {
            self.faults.at(rule.place, path, "expected either `record` or `alert`");
        }
        for key in ["for", "keep_firing_for", "annotations"] {
            if let Some(given) = rule.get(key).filter(|_| record.is_some()) {
                self.faults.at(given.place, &path.key(key), "only alerts have this key");
            }
        }
        self.duration(rule, "for", path);
        self.duration(rule, "keep_firing_for", path);
        if let Some((node, name)) = record.filter(|(_, name)| !is_metric_name(name)) {
            let message = format!(
                "`{name}` is no name of a metric: expected letters, digits, `_` and `:`, as in `shop:orders:rate5m`"
            );
            self.faults.at(node.place, &path.key("record"), message);
        }
        self.severity(rule, path);
        self.annotations(rule, path);
        self.is_the_first(rule, record.or(alert), path);
        if let Some((node, expr)) = text(rule, "expr") {
            self.names(rule, node, expr, path);
        }
    }

    /// Prometheus refuses a file with a duration that it cannot read.
    fn duration(&mut self, node: &Node, key: &str, path: &Path) {
        let Some((node, given)) = text(node, key) else { return };
        if parse_duration(given).is_err() {
            let message = format!(
                "`{given}` is no duration of Prometheus: expected one such as `30s`, `10m` or `1h30m`"
            );
            self.faults.at(node.place, &path.key(key), message);
        }
    }

    fn severity(&mut self, rule: &Node, path: &Path) {
        match rule.get("labels").and_then(|labels| labels.get("severity")) {
            Some(node) => check_severity(node, path.key("labels").key("severity"), self.faults),
            None if rule.get("alert").is_some() => self.faults.note(Fault {
                place: rule.place,
                path: path.clone(),
                message:
                    "the alert has no `severity`: Alertmanager sends it to the receiver of its first route"
                        .to_owned(),
                hint: None,
            }),
            None => {}
        }
    }

    /// Others than the known ones are a team's own.
    fn annotations(&mut self, rule: &Node, path: &Path) {
        for (key, _) in rule.get("annotations").map_or(&[][..], Node::entries) {
            let meant = yaml::meant_by(&key.text, ANNOTATIONS);
            if let Some(meant) = meant.filter(|meant| *meant != key.text) {
                self.faults.add(Fault {
                    place: key.place,
                    path: path.key("annotations").key(&key.text),
                    message: "no receiver shows this annotation".to_owned(),
                    hint: Some(format!("did you mean `{meant}`?")),
                });
            }
        }
    }

    /// Of two rules that make the same series, Prometheus rejects the samples of one.
    fn is_the_first(&mut self, rule: &Node, name: Option<(&Node, &str)>, path: &Path) {
        let Some((node, name)) = name else { return };
        let labels = rule.get("labels").map_or(&[][..], Node::entries).iter();
        let labels = labels.filter_map(|(key, value)| Some((key.text.clone(), value.text()?.to_owned())));
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        if !self.rules.insert((name.to_owned(), labels)) {
            let message = format!("another rule makes `{name}` with the same labels: combine them with `or`");
            self.faults.at(node.place, path, message);
        }
    }

    /// Expressions and templates name what there is.
    fn names(&mut self, rule: &Node, node: &Node, expr: &str, path: &Path) {
        let checked = promql::check(expr, self.context);
        report(&checked.wrong, node, &path.key("expr"), self.faults);
        if !checked.has_condition && rule.get("alert").is_some() {
            let note = "the expression has no condition: the alert fires as long as there is data".to_owned();
            report(&[Wrong::note(note)], node, &path.key("expr"), self.faults);
        }
        for section in ["labels", "annotations"] {
            for (key, node) in rule.get(section).map_or(&[][..], Node::entries) {
                let wrong = template::check(node.text().unwrap_or_default(), &checked.labels);
                report(&wrong, node, &path.key(section).key(&key.text), self.faults);
            }
        }
    }
}

fn is_metric_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    !name.is_empty() && name.chars().all(is_part) && !name.starts_with(|first: char| first.is_ascii_digit())
}
