//! `docs/faults.md`: the matrix with what was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::matrix::Shown;
use super::runner::{INTERVAL, Measured, Outcome, TIMEOUT};

/// Every kind's outcomes.
pub(crate) type Outcomes = BTreeMap<&'static str, Vec<Outcome>>;

const FILE: &str = "docs/faults.md";

/// Compares the file with what was found, figures apart, or with `BLESS=1` writes it.
pub(crate) fn check(outcomes: &Outcomes) {
    let path = testkit::root().join(FILE);
    let made = document(outcomes);
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, made).unwrap();
        return;
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    assert!(
        without_figures(&kept) == without_figures(&made),
        "{FILE} is stale: run `BLESS=1 make test-faults`"
    );
}

/// The whole file.
pub(crate) fn document(outcomes: &Outcomes) -> String {
    let mut text = include_str!("introduction.md").trim_end().to_owned();
    let (interval, timeout) = (INTERVAL.as_secs(), TIMEOUT.as_secs());
    text.push_str("\n\n");
    for (kind, name, figure) in extremes(outcomes) {
        let _ = writeln!(text, "- {name}: {figure} ({kind})");
    }
    let _ = writeln!(text, "\nMeasured with an interval of {interval} s and a timeout of {timeout} s.");
    for (kind, outcomes) in outcomes {
        text.push_str(&table(kind, outcomes));
    }
    text
}

/// The table of one kind.
pub(crate) fn table(kind: &str, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "\n## {kind}\n\n| fault | status | detected after | recovered after | peak memory |\n\
         |---|---|---|---|---|\n"
    );
    for outcome in outcomes {
        let shown = match outcome.cell.shown {
            Shown::Down(reason) => format!("down: `{reason}`"),
            Shown::Degraded(reason) => format!("degraded: `{reason}`"),
            Shown::Up => "up".to_owned(),
            Shown::Nothing => "—".to_owned(),
        };
        let note = outcome.cell.note;
        let title = outcome.fault.title();
        let title = if note.is_empty() { title.to_owned() } else { format!("{title}: {note}") };
        let figures = match &outcome.result {
            Ok(Some(measured)) => figures(outcome.cell.shown, measured),
            Ok(None) => "— | — | —".to_owned(),
            Err(error) => format!("FAILED: {error} | |"),
        };
        let _ = writeln!(text, "| {title} | {shown} | {figures} |");
    }
    text
}

fn figures(shown: Shown, measured: &Measured) -> String {
    let Measured { detected, recovered, overshoot } = measured;
    let (detected, recovered) = (detected.as_secs_f64(), recovered.as_secs_f64());
    match shown {
        Shown::Up => format!("— | — | {overshoot} MiB"),
        _ => format!("{detected:.1} s | {recovered:.1} s | {overshoot} MiB"),
    }
}

/// The slowest recovery, and the largest overshoot of memory.
fn extremes(outcomes: &Outcomes) -> Vec<(String, &'static str, String)> {
    let mut all = Vec::new();
    for (kind, outcomes) in outcomes {
        for outcome in outcomes {
            if let Ok(Some(measured)) = outcome.result {
                let title = outcome.fault.title();
                let place = format!("{kind}: {}{}", title[..1].to_lowercase(), &title[1..]);
                all.push((place, measured));
            }
        }
    }
    let slowest = all.iter().max_by_key(|(_, measured)| measured.recovered);
    let largest = all.iter().max_by_key(|(_, measured)| measured.overshoot);
    let slowest = slowest.map(|(place, measured)| {
        (place.clone(), "The slowest recovery", format!("{:.1} s", measured.recovered.as_secs_f64()))
    });
    let largest = largest.map(|(place, measured)| {
        (place.clone(), "The largest memory peak", format!("{} MiB", measured.overshoot))
    });
    slowest.into_iter().chain(largest).collect()
}

/// What every run has to agree on.
fn without_figures(text: &str) -> String {
    let stable = text.lines().filter(|line| !line.starts_with("- The "));
    let figures = regex::Regex::new(r"\b\d+(\.\d)? (s|MiB) \|").expect("a good expression");
    stable.map(|line| format!("{}\n", figures.replace_all(line, "# |"))).collect()
}
