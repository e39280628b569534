//! Every expression parses, and names only what the exporter or Prometheus itself has.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use platform_core::yaml::Node;
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::alerting::rules;

use super::{dashboards, label_values, replaced, targets, text};
use testkit::exporter::binary;

/// What Prometheus itself makes, with its labels.
const OF_PROMETHEUS: [(&str, &[&str]); 4] = [
    ("ALERTS", &["alertname", "alertstate", "severity"]),
    ("ALERTS_FOR_STATE", &["alertname", "severity"]),
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
];

/// What every series may have.
const EVERYWHERE: [&str; 3] = ["source", "job", "instance"];

type Catalogue = BTreeMap<String, BTreeSet<String>>;

fn catalogue() -> Catalogue {
    let output = Command::new(binary()).args(["catalog", "--format", "json"]).output().unwrap();
    let families: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of_exporter = families.iter().flat_map(|family| {
        let labels = family["labels"].as_array().unwrap().iter().map(|label| text(label).to_owned());
        let labels: BTreeSet<_> = labels.collect();
        let name = text(&family["name"]);
        let of_buckets = labels.iter().cloned().chain(["le".to_owned()]).collect();
        let buckets = (family["type"] == "histogram").then(|| (format!("{name}_bucket"), of_buckets));
        buckets.into_iter().chain([(name.to_owned(), labels.clone())]).collect::<Vec<_>>()
    });
    let of_prometheus = OF_PROMETHEUS
        .map(|(name, labels)| (name.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect()));
    let mut catalogue = of_exporter.chain(of_prometheus).collect();
    // Some are made of others.
    for (_, rule) in rules::all().iter().filter(|(_, rule)| rule.get("record").is_some()) {
        let labels = labels_of(rule, &catalogue);
        catalogue.entry(rules::text(rule, "record").unwrap().to_owned()).or_default().extend(labels);
    }
    catalogue
}

/// The labels that a recorded series may have: those of what it is made of, and its own.
fn labels_of(rule: &Node, catalogue: &Catalogue) -> BTreeSet<String> {
    let names = Names::of(rules::text(rule, "expr").unwrap(), catalogue).unwrap();
    let own = rule.get("labels").into_iter().flat_map(|labels| labels.entries());
    names.labels.iter().map(|label| (*label).to_owned()).chain(own.map(|(key, _)| key.text.clone())).collect()
}

/// What an expression names that is not in the catalogue.
struct Names<'a> {
    catalogue: &'a Catalogue,
    /// The labels that its series may have.
    labels: BTreeSet<&'a str>,
    grouped: Vec<String>,
    wrong: Vec<String>,
}

impl<'a> Names<'a> {
    fn of(expr: &str, catalogue: &'a Catalogue) -> Result<Self, String> {
        let parsed = parser::parse(expr)?;
        let labels = BTreeSet::from(EVERYWHERE);
        let mut names = Names { catalogue, labels, grouped: Vec::new(), wrong: Vec::new() };
        walk_expr(&mut names, &parsed)?;
        for label in &names.grouped {
            if !names.labels.contains(label.as_str()) && !expr.contains(&format!("\"{label}\"")) {
                names.wrong.push(format!("no series has the label {label}"));
            }
        }
        Ok(names)
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let Some(name) = &selector.name else {
            self.wrong.push(format!("a selector without a name: {selector}"));
            return;
        };
        let Some(labels) = self.catalogue.get(name) else {
            self.wrong.push(format!("there is no metric {name}"));
            return;
        };
        self.labels.extend(labels.iter().map(String::as_str));
        for matcher in &selector.matchers.matchers {
            if !labels.contains(&matcher.name) && !EVERYWHERE.contains(&matcher.name.as_str()) {
                self.wrong.push(format!("{name} has no label {}", matcher.name));
            }
        }
    }
}

impl ExprVisitor for Names<'_> {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                    self.grouped.extend(labels.labels.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

#[test]
fn every_expression_parses_and_names_only_what_there_is() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    let mut checked = 0;
    let legend = regex::Regex::new(r"\{\{(\w+)\}\}").unwrap();
    for dashboard in dashboards() {
        let of_panels = dashboard
            .panels()
            .into_iter()
            .flat_map(|panel| targets(panel).iter().map(|target| (dashboard.title(panel), target)));
        let annotations = dashboard.json["annotations"]["list"].as_array().unwrap().iter();
        let annotations = annotations.map(|annotation| (dashboard.title(annotation), annotation));
        for (title, target) in of_panels.chain(annotations).filter(|(_, target)| target["expr"].is_string()) {
            checked += 1;
            let expr = replaced(text(&target["expr"]), "5m", "some");
            match Names::of(&expr, &catalogue) {
                Err(error) => wrong.push(format!("{title}: {error}: {expr}")),
                Ok(names) => {
                    wrong.extend(names.wrong.iter().map(|what| format!("{title}: {what}: {expr}")));
                    let legend = legend.captures_iter(text(&target["legendFormat"]));
                    let labels = legend.map(|found| found[1].to_owned());
                    let unknown = labels.filter(|label| !names.labels.contains(label.as_str()));
                    wrong.extend(unknown.map(|label| format!("{title}: the legend has no {label}: {expr}")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 200, "{checked}");
}

#[test]
fn every_variable_asks_for_what_there_is() {
    let catalogue = catalogue();
    let mut checked = 0;
    for dashboard in dashboards() {
        let queries = dashboard
            .variables()
            .iter()
            .filter(|variable| variable["type"] == "query" && variable["datasource"]["type"] == "prometheus");
        for query in queries.map(|variable| text(&variable["query"])) {
            let (series, label) = label_values(query);
            let names = Names::of(&replaced(&series, "5m", "some"), &catalogue).unwrap();
            assert!(
                names.wrong.is_empty() && names.labels.contains(label.as_str()),
                "{query}: {:?}",
                names.wrong
            );
            checked += 1;
        }
    }
    assert!(checked >= 9, "{checked}");
}

/// The check itself finds what is wrong.
#[test]
fn a_name_that_is_not_there_is_found() {
    let catalogue = catalogue();
    let wrong =
        |expr: &str| Names::of(expr, &catalogue).map(|names| names.wrong).unwrap_or_else(|error| vec![error]);
    assert!(wrong("sum by (kind) (platform_source_up{source=\"a\"})").is_empty());
    assert_eq!(wrong("platform_source_upp"), ["there is no metric platform_source_upp"]);
    assert_eq!(wrong("platform_source_up{sauce=\"a\"}"), ["platform_source_up has no label sauce"]);
    assert_eq!(wrong("sum by (queue) (platform_source_up)"), ["no series has the label queue"]);
    assert_eq!(wrong("sum(platform_source_up").len(), 1);
}
