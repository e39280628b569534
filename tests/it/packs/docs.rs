//! The page of each pack: it names only metrics that there are, and expressions that Prometheus takes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use platform_exporter::pack::{self, EmbeddedPack};
use regex::Regex;
use serde_json::json;

use testkit::exporter::binary;

/// Every pack with its page.
fn pages() -> Vec<(&'static str, String)> {
    let folder = testkit::root().join("platforms");
    let page = |&EmbeddedPack { name, .. }: &EmbeddedPack| {
        let file = folder.join(name).join("README.md");
        (name, fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    };
    pack::EMBEDDED.iter().map(page).collect()
}

/// The expressions in a page's blocks of PromQL: each begins at the start of a line, and goes on in lines that are
/// indented or only close it.
fn expressions(page: &str) -> Vec<String> {
    let blocks = page.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut expressions: Vec<String> = Vec::new();
    for line in blocks.flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match expressions.last_mut().filter(|_| line.starts_with([' ', ')'])) {
            Some(expression) => expression.push_str(&format!(" {}", line.trim())),
            None => expressions.push(line.to_owned()),
        }
    }
    expressions
}

/// The names of all metrics that there are.
fn catalogue() -> BTreeSet<String> {
    let output = Command::new(binary()).args(["catalog", "--format", "json"]).output().unwrap();
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    list.iter().map(|family| family["name"].as_str().unwrap().to_owned()).collect()
}

/// Whatever a page says that one can ask: its blocks of PromQL, and the metrics and expressions in the cells of its tables.
pub(crate) fn answers(pack: &str) -> BTreeSet<String> {
    let known = catalogue();
    let (_, page) = pages().into_iter().find(|(name, _)| *name == pack).unwrap();
    let code = Regex::new("`([^`]+)`").unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let cells = rows.flat_map(|row| code.captures_iter(row).map(|code| code[1].replace("\\|", "|")));
    let names_a_metric = |text: &String| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| known.contains(word)) && promql_parser::parser::parse(text).is_ok()
    };
    cells.filter(names_a_metric).chain(expressions(&page)).collect()
}

#[test]
fn every_metric_on_a_page_exists() {
    let known = catalogue();
    let mut wrong = Vec::new();
    let code = Regex::new(r"(?s)```promql\n(.*?)```|`([^`\n]+)`").unwrap();
    // The values of labels are no metrics, whatever they look like.
    let quoted = Regex::new(r#""[^"\n]*""#).unwrap();
    for (pack, page) in pages() {
        let prefixes = "platform|workers?|mongodb|redis|rabbitmq|stripe|s3|aws|probe|logfile";
        let name = Regex::new(&format!(r"\b(?:{pack}|{prefixes})_[a-zA-Z0-9_]+")).unwrap();
        let mut found = 0;
        for code in code.captures_iter(&page).filter_map(|code| code.get(1).or(code.get(2))) {
            let code = quoted.replace_all(code.as_str(), "");
            // The name of the binary and of its role.
            let names = name.find_iter(&code).map(|name| name.as_str());
            for name in names.filter(|name| *name != "platform_exporter") {
                found += 1;
                if !known.contains(name) {
                    wrong.push(format!("platforms/{pack}/README.md: there is no metric {name}"));
                }
            }
        }
        assert!(found > 10, "{pack}: {found}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_expression_on_a_page_is_one() {
    for (pack, page) in pages() {
        let expressions = expressions(&page);
        let rule = |(index, expression): (usize, &String)| json!({"record": format!("expression:{index}"), "expr": expression});
        let rules: Vec<_> = expressions.iter().enumerate().map(rule).collect();
        assert!(!rules.is_empty(), "{pack}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(format!("{pack}.rules.yml"));
        fs::write(&file, json!({"groups": [{"name": pack, "rules": rules}]}).to_string()).unwrap();
        let output = Command::new("promtool").args(["check", "rules"]).arg(&file).output();
        let output = output.expect("promtool is there: run `make deps`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// And the other way round: no metric of a pack is left untold.
#[test]
fn every_metric_of_a_pack_is_on_its_page() {
    let known = catalogue();
    for (pack, page) in pages() {
        let of_pack = known.iter().filter(|metric| metric.starts_with(&format!("{pack}_")));
        let is_told = |metric: &str| Regex::new(&format!(r"\b{metric}\b")).unwrap().is_match(&page);
        let untold: Vec<_> = of_pack.filter(|metric| !is_told(metric)).collect();
        assert!(untold.is_empty(), "platforms/{pack}/README.md: {untold:?}");
    }
}

#[test]
fn every_pack_has_its_example() {
    for EmbeddedPack { name: pack, .. } in pack::EMBEDDED {
        let example = testkit::root().join(format!("platforms/{pack}/example.yml"));
        assert!(fs::read_to_string(&example).unwrap().contains("packs:"), "{}", example.display());
    }
}
