//! `docs/faults.md`: the matrix with what was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::kinds::Kind;
use super::matrix::{Fault, Shown};
use super::runner::{INTERVAL, Measured, TIMEOUT};
use super::suite::Outcomes;

const FILE: &str = "docs/faults.md";

/// Compares the file with what was found, figures apart, or with `BLESS=1` writes it. Every cell has passed.
pub(crate) fn check(outcomes: &Outcomes) -> Result<(), String> {
    let path = testkit::root().join(FILE);
    let made = document(outcomes);
    if std::env::var_os("BLESS").is_some() {
        return fs::write(path, made).map_err(|error| format!("{FILE}: {error}"));
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    if without_figures(&kept) == without_figures(&made) {
        return Ok(());
    }
    Err(format!("{FILE} is stale: run `BLESS=1 make test-faults`"))
}

/// The whole file.
fn document(outcomes: &Outcomes) -> String {
    let mut text = include_str!("introduction.md").trim_end().to_owned();
    let (interval, timeout) = (INTERVAL.as_secs(), TIMEOUT.as_secs());
    text.push_str("\n\n");
    for (kind, name, figure) in extremes(outcomes) {
        let _ = writeln!(text, "- {name}: {figure} ({kind})");
    }
    let _ = writeln!(text, "\nMeasured with an interval of {interval} s and a timeout of {timeout} s.");
    for (kind, measured) in outcomes {
        text.push_str(&table(kind, measured));
    }
    text
}

/// The table of one kind.
fn table(kind: &Kind, measured: &BTreeMap<Fault, Measured>) -> String {
    let mut text = format!(
        "\n## {}\n\n| fault | status | detected after | recovered after | peak memory |\n\
         |---|---|---|---|---|\n",
        kind.title()
    );
    for &fault in Fault::ALL {
        let cell = (kind.cell)(fault);
        let shown = match cell.shown {
            Some(Shown::Down(reason)) => format!("down: `{reason}`"),
            Some(Shown::Degraded(reason)) => format!("degraded: `{reason}`"),
            Some(Shown::Up) => "up".to_owned(),
            None => "—".to_owned(),
        };
        let (title, note) = (fault.title(), cell.note);
        let title = if note.is_empty() { title.to_owned() } else { format!("{title}: {note}") };
        let figures = match cell.shown {
            Some(shown) => figures(shown, &measured[&fault]),
            None => "— | — | —".to_owned(),
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
    for (kind, measured) in outcomes {
        for (fault, measured) in measured {
            let title = fault.title();
            let place = format!("{}: {}{}", kind.title(), title[..1].to_lowercase(), &title[1..]);
            all.push((place, measured));
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
