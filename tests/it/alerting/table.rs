//! `docs/alerts.md` has every alert, the failure that its unit test is named after, and when it fires. Whether it does
//! is what `make test-alerts` finds out.

use std::collections::BTreeSet;

use super::files::unit_tests;
use super::on_servers;
use super::rules::{alerts, label, parse, text};
use testkit::root;

/// A row: alert, severity, failure, when it fires, what else does, and whether it was seen on real servers.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| ["));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The name in a link to its runbook.
fn name(cell: &str) -> &str {
    cell.trim_start_matches('[').split(']').next().unwrap()
}

fn names_of_unit_tests() -> Vec<String> {
    let of_file = |file| {
        let file = parse(&std::fs::read_to_string(file).unwrap());
        let tests = file.get("tests").unwrap().elements().iter();
        tests.map(|test| text(test, "name").unwrap().to_owned()).collect::<Vec<_>>()
    };
    unit_tests().into_iter().flat_map(of_file).collect()
}

#[test]
fn the_table_has_every_alert_with_its_severities() {
    let page = std::fs::read_to_string(root().join("docs/alerts.md")).unwrap();
    let listed: Vec<_> = rows(&page).iter().map(|row| (name(row[0]).to_owned(), row[1].to_owned())).collect();
    let alert = |rule| {
        let severity = label(rule, "severity").unwrap();
        (text(rule, "alert").unwrap().to_owned(), severity.to_owned())
    };
    let there_are: BTreeSet<_> = alerts().iter().map(|(_, rule)| alert(rule)).collect();
    assert_eq!(listed.len(), there_are.len(), "an alert is there twice");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), there_are, "run `BLESS=1 make test-alerts`");
}

#[test]
fn every_row_has_its_failure_and_when_the_alert_fires() {
    let page = std::fs::read_to_string(root().join("docs/alerts.md")).unwrap();
    let tests = names_of_unit_tests();
    let mut wrong = Vec::new();
    for row in rows(&page) {
        let (alert, severity) = (name(row[0]), row[1]);
        let is_its = |test: &String| {
            let (alerts, failure) = test.split_once(": ").unwrap_or_default();
            let words: Vec<_> = alerts.split(' ').collect();
            words.contains(&alert) && words.contains(&severity) && failure == row[2]
        };
        let seconds = row[3].strip_suffix(" s").map(str::parse::<u32>);
        let seen = if on_servers::includes(alert, severity) { "yes" } else { "" };
        for (is_so, what) in [
            (tests.iter().any(is_its), "no unit test is named after its failure"),
            (matches!(seconds, Some(Ok(_))) || alert == "Watchdog", "it has no time"),
            (row[5] == seen, "the last column is not what tests wait for"),
        ] {
            if !is_so {
                wrong.push(format!("{alert} {severity}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nrun `BLESS=1 make test-alerts`", wrong.join("\n"));
}
