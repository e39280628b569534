//! The status of an exporter as a table: the worst sources first, each with its problems below.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::SystemTime;

use jiff::Timestamp;
use platform_core::printable::printable;
use platform_core::time::ago;
use serde::Deserialize;

use crate::snapshot::Status;

/// The answer of `/api/v1/status`, as far as the table shows it.
#[derive(Deserialize)]
pub(super) struct StatusAnswer {
    time: String,
    config: ConfigAnswer,
    sources: Vec<SourceAnswer>,
}

#[derive(Deserialize)]
struct ConfigAnswer {
    refused: Option<String>,
}

#[derive(Deserialize)]
struct SourceAnswer {
    name: String,
    kind: String,
    status: Status,
    since: String,
    last_success: Option<String>,
    problems: Vec<ProblemAnswer>,
}

#[derive(Deserialize)]
struct ProblemAnswer {
    reason: String,
    detail: String,
    remedy: Option<String>,
}

const HEAD: [&str; 5] = ["STATUS", "NAME", "KIND", "SINCE", "LAST SUCCESS"];
const INFALLIBLE: &str = "writing to a string does not fail";

impl StatusAnswer {
    /// Whether all sources are up.
    pub(super) fn is_all_up(&self) -> bool {
        self.sources.iter().all(|source| source.status == Status::Up)
    }

    /// As a table.
    pub(super) fn text(&self, has_colours: bool) -> String {
        let sources: Vec<_> = Status::WORST_FIRST.iter().flat_map(|status| self.of(*status)).collect();
        let rows: Vec<_> = sources.iter().map(|source| self.row(source)).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEAD[column].len()]).max().unwrap_or_default()
        };
        let widths = [0, 1, 2, 3].map(width);
        let mut text = String::new();
        if let Some(errors) = &self.config.refused {
            let lines: Vec<_> = errors.lines().map(|line| format!("  {}\n", printable(line))).collect();
            write!(text, "The last configuration was refused:\n{}\n", lines.concat()).expect(INFALLIBLE);
        }
        line(&mut text, &HEAD.map(str::to_owned), widths, None);
        for (source, row) in sources.iter().zip(&rows) {
            line(&mut text, row, widths, has_colours.then_some(source.status));
            let mut printed = BTreeSet::new();
            for ProblemAnswer { reason, detail, remedy } in &source.problems {
                let indent = " ".repeat(widths[0] + 2);
                writeln!(text, "{indent}{}: {}", printable(reason), printable(detail)).expect(INFALLIBLE);
                let remedies = remedy.iter().flat_map(|remedy| remedy.lines());
                for remedy in remedies.filter(|remedy| printed.insert(*remedy)) {
                    writeln!(text, "{indent}  to fix it: {}", printable(remedy)).expect(INFALLIBLE);
                }
            }
        }
        text + &self.counts()
    }

    fn of(&self, status: Status) -> impl Iterator<Item = &SourceAnswer> {
        self.sources.iter().filter(move |source| source.status == status)
    }

    fn row(&self, source: &SourceAnswer) -> [String; HEAD.len()] {
        let now = time(&self.time).unwrap_or_else(SystemTime::now);
        let last_success = source.last_success.as_deref().and_then(time);
        [
            source.status.as_str().to_owned(),
            printable(&source.name),
            printable(&source.kind),
            ago(time(&source.since), now),
            ago(last_success, now),
        ]
    }

    fn counts(&self) -> String {
        let counts = Status::WORST_FIRST.map(|status| (self.of(status).count(), status));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, status)| format!("{count} {status}")).collect();
        if counts.is_empty() {
            "no sources: targets of modules are probed when Prometheus scrapes them\n".to_owned()
        } else {
            format!("{}\n", counts.join(", "))
        }
    }
}

/// One row, with the status in its colour.
fn line(text: &mut String, row: &[String; 5], widths: [usize; 4], coloured: Option<Status>) {
    let [status, name, kind, since, last_success] = row;
    let [of_status, of_name, of_kind, of_since] = widths;
    let (start, end) = coloured.map_or(("", ""), |status| (colour(status), "\u{1b}[0m"));
    writeln!(
        text,
        "{start}{status:of_status$}{end}  {name:of_name$}  {kind:of_kind$}  {since:of_since$}  {last_success}"
    )
    .expect(INFALLIBLE);
}

fn colour(status: Status) -> &'static str {
    match status {
        Status::Down => "\u{1b}[31m",
        Status::Degraded => "\u{1b}[33m",
        Status::Up => "\u{1b}[32m",
        Status::Unknown => "\u{1b}[2m",
    }
}

fn time(text: &str) -> Option<SystemTime> {
    text.parse::<Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> StatusAnswer {
        let source = |name: &str, status: &str, problems: serde_json::Value| {
            json!({
                "name": name, "kind": "redis", "status": status, "since": "2026-01-01T00:00:00Z",
                "last_success": (status == "up").then_some("2026-01-01T00:01:05Z"), "problems": problems,
            })
        };
        let problem = json!([{"reason": "connect", "detail": "\u{1b}[2Jrefused\nagain", "remedy": null}]);
        serde_json::from_value(json!({
            "time": "2026-01-01T00:01:05.3Z",
            "config": {"refused": null},
            "sources": [source("cache", "up", json!([])), source("sessions", "down", problem)],
        }))
        .expect("an answer")
    }

    #[test]
    fn the_worst_come_first_in_columns() {
        let expected = "\
STATUS  NAME      KIND   SINCE      LAST SUCCESS
down    sessions  redis  1m 5s ago  never
        connect: \\u{1b}[2Jrefused again
up      cache     redis  1m 5s ago  just now
1 down, 1 up
";
        assert_eq!(answer().text(false), expected);
        assert!(!answer().is_all_up());
    }

    #[test]
    fn only_the_status_has_a_colour() {
        let text = answer().text(true);
        assert!(text.contains("\u{1b}[31mdown  \u{1b}[0m  sessions"), "{text}");
        assert_eq!(text.matches('\u{1b}').count(), 4);
    }
}
