//! `docs/alerts.md`: every alert with its failure, and what was found.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use super::consequences;
use super::on_servers;
use super::outcome::{Outcome, WATCHDOG};
use super::rules::{Alert, RuleFile};

const FILE: &str = "docs/alerts.md";

/// Compares the file with what was found, or with `BLESS=1` writes it.
pub(crate) fn check(rules: &[RuleFile], outcomes: &[Outcome]) -> Result<(), String> {
    unused_consequences(outcomes)?;
    let path = testkit::root().join(FILE);
    let made = document(rules, outcomes)?;
    if std::env::var_os("BLESS").is_some() {
        return fs::write(path, made).map_err(|error| format!("{FILE}: {error}"));
    }
    if fs::read_to_string(path).unwrap_or_default() == made {
        return Ok(());
    }
    Err(format!("{FILE} is stale: run `BLESS=1 make test-alerts`"))
}

fn unused_consequences(outcomes: &[Outcome]) -> Result<(), String> {
    let used = outcomes.iter().flat_map(|outcome| outcome.companions()).filter_map(|(_, cause)| cause);
    let used: BTreeSet<_> = used.map(|cause| (cause.of, cause.alert)).collect();
    let mut unused = consequences::ALL.iter().filter(|known| !used.contains(&(known.of, known.alert)));
    unused.next().map_or(Ok(()), |known| {
        Err(format!(
            "{} does not fire in the failure of {}: tests/alerts/consequences.rs",
            known.alert, known.of
        ))
    })
}

/// The whole file.
fn document(rules: &[RuleFile], outcomes: &[Outcome]) -> Result<String, String> {
    let alerts: usize = rules.iter().map(|file| file.alerts.len()).sum();
    let mut text = include_str!("introduction.md")
        .replace("ALERTS", &alerts.to_string())
        .replace("SCENARIOS", &outcomes.len().to_string());
    text.push_str("\n| failure of | also fires | because |\n|---|---|---|\n");
    for known in &consequences::ALL {
        let _ = writeln!(text, "| {} | {} | {} |", known.of, known.alert, known.because);
    }
    for file in rules {
        let _ = write!(
            text,
            "\n## {}\n\n| alert | severity | failure | fires after | also fires | real server |\n\
             |---|---|---|---|---|---|\n",
            file.name
        );
        for alert in &file.alerts {
            text.push_str(&row(alert, outcomes)?);
        }
        text.push_str(&situations(file, rules, outcomes));
    }
    Ok(text)
}

/// The row of an alert: what its own failure leads to.
fn row(alert: &Alert, outcomes: &[Outcome]) -> Result<String, String> {
    let Alert { name, severity } = alert;
    let own = outcomes.iter().find(|outcome| outcome.scenario.is_of(alert));
    let own = own.ok_or_else(|| format!("no unit test is named `{name} {severity}: …`"))?;
    let after =
        own.fired.get(alert).ok_or_else(|| format!("{name} {severity} does not fire in its failure"))?;
    let after = after.map_or_else(|| "—".to_owned(), |after| format!("{} s", after.as_secs()));
    let others: Vec<_> = own
        .fired
        .keys()
        .filter(|other| *other != alert && other.name != WATCHDOG)
        .map(|other| short(other, name))
        .collect();
    let on_servers = if on_servers::includes(name, severity) { "yes" } else { "" };
    Ok(format!(
        "| [{name}](../alerts/runbooks.md#{}) | {severity} | {} | {after} | {} | {on_servers} |\n",
        name.to_lowercase(),
        own.scenario.failure(),
        others.join(", ")
    ))
}

/// What an alert is called in the row of another.
fn short(alert: &Alert, row: &str) -> String {
    if alert.name == row {
        format!("its {}", alert.severity)
    } else {
        format!("{} ({})", alert.name, alert.severity)
    }
}

/// The scenarios of a file that are not the failure of an alert in a table.
fn situations(file: &RuleFile, rules: &[RuleFile], outcomes: &[Outcome]) -> String {
    let alerts: Vec<_> = rules.iter().flat_map(|file| &file.alerts).collect();
    let of_file = outcomes.iter().filter(|outcome| outcome.scenario.part == file.name);
    let others: Vec<_> =
        of_file.filter(|outcome| !alerts.iter().any(|alert| outcome.scenario.is_of(alert))).collect();
    if others.is_empty() {
        return String::new();
    }
    let mut text = "\n| other situation | fires |\n|---|---|\n".to_owned();
    for outcome in others {
        let names: Vec<_> = outcome.names().into_iter().collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let _ = writeln!(text, "| {} | {names} |", outcome.scenario.name);
    }
    text
}
