//! The documents of the packs: every metric in them exists, every expression is one that Prometheus reads, and every
//! pack has its scripts and its example.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use platform_exporter::pack::EMBEDDED;
use regex::Regex;
use serde_json::Value;

use crate::support::exporter::binary;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every metric that the binary may export, by name.
fn catalogue() -> BTreeSet<String> {
    let output = Command::new(binary()).args(["catalog", "--format", "json"]).output().unwrap();
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    list.iter().map(|family| family["name"].as_str().unwrap().to_owned()).collect()
}

/// The expressions in a document's blocks of PromQL: each is a line, or lines that are indented below it.
fn expressions(document: &str) -> Vec<String> {
    let blocks = document.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut expressions: Vec<String> = Vec::new();
    for line in blocks.flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match expressions.last_mut().filter(|_| line.starts_with(' ')) {
            Some(expression) => write!(expression, " {}", line.trim()).unwrap(),
            None => expressions.push(line.to_owned()),
        }
    }
    expressions
}

#[test]
fn every_metric_in_a_document_exists() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    let blocks = Regex::new(r"(?s)```(\w*)\n(.*?)```|`([^`\n]+)`").unwrap();
    for (name, _) in EMBEDDED {
        let document = read(&format!("docs/platforms/{name}.md"));
        let metric = Regex::new(&format!(r"\b(?:{name}|platform)_[a-z0-9_]*[a-z0-9]\b")).unwrap();
        for block in blocks.captures_iter(&document) {
            // Configurations and scripts have words of their own.
            let is_about_metrics = block.get(1).is_none_or(|language| language.as_str() == "promql");
            let text = block.get(2).or(block.get(3)).unwrap().as_str();
            let named = metric.find_iter(text).map(|found| found.as_str()).filter(|_| is_about_metrics);
            let unknown = named.filter(|named| !catalogue.contains(*named) && *named != "platform_exporter");
            wrong
                .extend(unknown.map(|named| format!("docs/platforms/{name}.md: there is no metric {named}")));
        }
        assert!(metric.is_match(&document), "docs/platforms/{name}.md names no metric");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// And the other way round: no metric of a pack is left untold.
#[test]
fn every_metric_of_a_pack_is_in_its_document() {
    let catalogue = catalogue();
    for (name, _) in EMBEDDED {
        let document = read(&format!("docs/platforms/{name}.md"));
        let untold: Vec<_> = catalogue
            .iter()
            .filter(|metric| metric.starts_with(&format!("{name}_")))
            .filter(|metric| !Regex::new(&format!(r"\b{metric}\b")).unwrap().is_match(&document))
            .collect();
        assert!(untold.is_empty(), "docs/platforms/{name}.md: {untold:?}");
    }
}

#[test]
fn prometheus_reads_every_expression() {
    for (name, _) in EMBEDDED {
        let expressions = expressions(&read(&format!("docs/platforms/{name}.md")));
        let rules: Vec<_> = expressions
            .iter()
            .enumerate()
            .map(|(index, expr)| serde_json::json!({"record": format!("documented:{index}"), "expr": expr}))
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        let rules = serde_json::json!({"groups": [{"name": name, "rules": rules}]});
        // JSON is YAML.
        fs::write(file.path(), rules.to_string()).unwrap();
        let output = Command::new("promtool").args(["check", "rules"]).arg(file.path()).output();
        let output = output.expect("promtool is not installed: run `make deps`");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_pack_has_its_example() {
    for (name, _) in EMBEDDED {
        assert!(read(&format!("examples/platform-{name}.yml")).contains("packs:"));
    }
}
