//! The file of a pack: written the first time, and added to from then on. What is there is never changed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use super::lines::{indented, insert};
use super::proposal::Proposal;
use super::recipe::{DashboardSection, ProposalParts};
use super::words::title;
use super::workers_source::WorkersSource;

/// The comment that lists what has been proposed: what was deleted does not come back.
const PROPOSED: &str = "# Proposed so far: ";

/// A proposal with its parts.
pub(super) type Written<'a> = (&'a Proposal, ProposalParts);

/// The proposals that a file has had.
pub fn proposed(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(PROPOSED));
    lines.flat_map(|line| line.split(' ')).map(str::to_owned).collect()
}

/// A new pack.
pub(super) fn new(name: &str, kind: &str, proposals: &[Written<'_>], workers: &WorkersSource) -> String {
    let about = format!("What `platform_exporter init` found worth watching in {name}.");
    // A list without items is an error.
    let queries = if proposals.is_empty() { "" } else { "queries:\n\n" };
    let head = format!(
        "# {about} Change what you like: another run only adds.\n\n\
         about: What is going on in {name}.\n\ninputs:\n  db: {{kind: {kind}, help: The database of {name}.}}\n\n\
         {queries}dashboard:\n  title: {}\n  about: What is going on in {name}.\n  rows:\n",
        title(name)
    );
    added(&head, name, proposals, workers)
}

/// The same with more proposals, at the end of each section.
pub(super) fn added(text: &str, name: &str, proposals: &[Written<'_>], workers: &WorkersSource) -> String {
    let queries: String = proposals.iter().map(queries).collect();
    let mut text = insert(text, "queries", &queries);
    text = insert(&text, "dashboard", &(row_of_workers(workers) + &rows(proposals)));
    text = insert(&text, "rules", &groups(name, proposals));
    let mut ids = proposed(&text);
    ids.extend(proposals.iter().map(|(proposal, _)| proposal.id.clone()));
    ids.extend(workers.classes.iter().map(|(_, workers)| workers.found.id.clone()));
    let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with(PROPOSED)).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let ids = ids.into_iter().collect::<Vec<_>>().join(" ");
    lines.join("\n") + &format!("\n\n{PROPOSED}{ids}\n")
}

fn queries((proposal, parts): &Written<'_>) -> String {
    let cost = rough(proposal.time());
    let mut text =
        format!("\n  # {}: {}. Takes about {cost} of the server's time.\n", proposal.id, proposal.why);
    text.extend(parts.queries.iter().map(|query| indented(query, 2)));
    text
}

/// A duration as one reads an estimate.
pub fn rough(time: Duration) -> String {
    match time.as_millis() {
        0 => "1 ms".to_owned(),
        millis @ 1..1000 => format!("{millis} ms"),
        _ => format!("{:.0} s", time.as_secs_f64()),
    }
}

/// The row of the workers, with links to their own dashboard.
fn row_of_workers(WorkersSource { name, classes }: &WorkersSource) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let names: Vec<_> = classes.iter().map(|(class, _)| class.replace('.', "[.]")).collect();
    let of = format!("{{source=\"{name}\", class=~\"{}\"}}", names.join("|"));
    format!(
        "    - row: Workers\n      panels:\n        \
         - {{timeseries: Workers alive, expr: 'workers_alive{of}', name: \"{{{{class}}}}\", link: workers, width: 12}}\n        \
         - {{stat: Workers missing, help: Expected workers without a heartbeat., \
         expr: 'clamp_min(workers_expected{of} - workers_alive{of}, 0)', name: \"{{{{class}}}}\", \
         thresholds: {{warning: 1}}, link: workers, width: 12}}\n"
    )
}

/// More panels than this are not seen at a glance: later rows are collapsed.
const MOST_OPEN: usize = 30;

/// The rows of the dashboard, in the order of their sections. Single numbers come before charts, so that lines are full.
fn rows(proposals: &[Written<'_>]) -> String {
    let sections: BTreeSet<DashboardSection> =
        proposals.iter().map(|(proposal, _)| proposal.section).collect();
    let (mut text, mut open) = (String::new(), 0);
    for section in sections {
        let own = proposals.iter().filter(|(proposal, _)| proposal.section == section);
        let panels: Vec<&String> = own.flat_map(|(_, parts)| &parts.panels).collect();
        if panels.is_empty() {
            continue;
        }
        let is_number = |panel: &&String| panel.contains("stat: ");
        let (numbers, charts): (Vec<&String>, Vec<&String>) = panels.iter().copied().partition(is_number);
        writeln!(text, "    - row: {}", section.title()).expect("a string takes everything");
        let is_collapsed = open > 0 && open + panels.len() > MOST_OPEN;
        if is_collapsed {
            text.push_str("      collapsed: true\n");
        } else {
            open += panels.len();
        }
        text.push_str("      panels:\n");
        text.extend(numbers.iter().map(|panel| indented(panel, 8)));
        // A number next to a chart would be as tall. What follows a collapsed row belongs to it only without a break.
        if !is_collapsed && !numbers.is_empty() && !charts.is_empty() {
            text.push_str("    - panels:\n");
        }
        text.extend(charts.iter().map(|panel| indented(panel, 8)));
    }
    text
}

/// The groups of rules: one for each proposal.
fn groups(name: &str, proposals: &[Written<'_>]) -> String {
    let mut text = String::new();
    for (proposal, parts) in proposals.iter().filter(|(_, parts)| !parts.alerts.is_empty()) {
        let group = proposal.id.replace(['(', '.', ',', '"', ' '], "-").replace(')', "");
        writeln!(text, "  - name: {name}-{group}\n    rules:").expect("a string takes everything");
        text.extend(parts.alerts.iter().map(|alert| indented(alert, 6)));
    }
    text
}
