//! `check --live`: connects to each source, runs each query once, checks each roll-up without writing, and reports
//! problems.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use futures_util::future;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Ask, ResultSet};
use platform_core::setting::SourceName;

use super::Loaded;
use super::lane_load::overfull_lanes;
use super::probe::open_lanes;
use super::query::read;
use super::remedy::remedy;
use crate::cli::Flags;
use crate::config::{Config, RollUp};
use crate::registry::Kind;
use crate::schedule::{ask, assemble, by_kind, check_roll_up, failure_of, probe_and_leave};

/// What a check found.
pub struct Report {
    /// For people: one line per source, query and roll-up.
    pub text: String,
    /// Whether no problem was found.
    pub is_good: bool,
}

/// What was checked, and what is wrong with it.
struct Checked {
    what: String,
    /// The source, or that of a query.
    source: Option<(SourceName, Kind)>,
    /// Where remedies are to be applied,
    target: String,
    /// unless the problem is with one of these, which the source reads from.
    others: Vec<(SourceName, String)>,
    problems: Vec<Problem>,
    /// What is worth knowing, though it is no problem.
    note: Option<String>,
    /// Whether it could not be checked, for a reason that is reported elsewhere.
    is_skipped: bool,
}

/// Checks a configuration against the running services.
pub async fn check(flags: &Flags, loaded: &Loaded) -> Report {
    let config = &loaded.config;
    let assembly = assemble(config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let lanes = assembly.lanes.clone();
    let probers = open_lanes(assembly);
    let probes = future::join_all(probers.into_iter().map(async |(name, mut prober)| {
        let source = &config.sources()[&name];
        let result = probe_and_leave(prober.as_mut(), source.timeout).await;
        let is_down = failure_of(&result).is_some();
        let what = format!("source {name} ({})", source.config.kind());
        (Checked::of_source(what, &name, config, problems_of(result)), is_down)
    }));
    let queries = future::join_all(config.queries().iter().map(async |query| {
        let (rows, took) = ask(query, &lanes).await;
        let mut problems = Vec::new();
        let note = match rows {
            Ok(rows) => dropped(&read(query, rows, &mut problems)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let what = format!("query {}", query.spec.name);
        let source = failing_source(&query.ask, &problems);
        (Checked { note, ..Checked::of_source(what, source, config, problems) }, took)
    }));
    let roll_ups = future::join_all(config.roll_ups().iter().map(async |roll_up| {
        let problems = check_roll_up(roll_up).await.err().into_iter().collect();
        Checked::of(format!("roll-up {}", roll_up.pack()), String::new(), problems)
    }));
    let (probes, queries, roll_ups) = future::join3(probes, queries, roll_ups).await;
    let down: BTreeSet<SourceName> = probes
        .iter()
        .filter(|(_, is_down)| *is_down)
        .filter_map(|(probe, _)| Some(probe.source.as_ref()?.0.clone()))
        .collect();
    let mut probes: Vec<_> = probes.into_iter().map(|(probe, _)| probe).collect();
    probes.iter_mut().for_each(|probe| probe.leave_out_outage_of_others(&down));
    let (mut queries, took): (Vec<_>, Vec<_>) = queries.into_iter().unzip();
    queries.iter_mut().for_each(|query| query.leave_out_outage(&down));
    let is_denied = |checked: &&Checked| checked.problems.iter().any(lacks_permissions);
    let denied = probes
        .iter()
        .chain(&queries)
        .filter(is_denied)
        .filter_map(|checked| checked.source.as_ref())
        .map(|(_, kind)| *kind)
        .collect();
    let denies_roll_up = roll_ups.iter().any(|checked| is_denied(&checked));
    let overfull = overfull_lanes(config.queries().iter().zip(took));
    let overfull = overfull.map(|(what, problems)| Checked::of(what, String::new(), problems));
    let all: Vec<Checked> = probes.into_iter().chain(queries).chain(roll_ups).chain(overfull).collect();
    let is_good = all.iter().all(|checked| checked.problems.is_empty());
    let mut remedies = BTreeSet::new();
    let mut text: String = all.iter().map(|checked| describe(checked, &mut remedies)).collect();
    text.extend(config.modules().keys().map(|name| {
        format!(
            "skip  module {name}: check one of its targets by `platform_exporter probe {name} HOST:PORT`\n"
        )
    }));
    if !remedies.is_empty() {
        text += "\nOne missing permission can hide another: run `check --live` again afterwards.\n";
    }
    text += &permissions(&denied);
    if denies_roll_up {
        text.extend(config.roll_ups().iter().map(roll_up_permissions));
    }
    Report { text, is_good }
}

/// The source of a query, or of the part that fails.
fn failing_source<'a>(ask: &'a Ask, problems: &[Problem]) -> &'a SourceName {
    let details = || problems.iter().map(|problem| problem.detail.as_str());
    let is_named = |source: &&SourceName| {
        details()
            .any(|detail| detail.strip_prefix(source.as_str()).is_some_and(|rest| rest.starts_with(": ")))
    };
    match ask {
        Ask::One { source, .. } => source,
        Ask::Distinct(_) => ask.sources().find(is_named).unwrap_or_else(|| ask.source()),
    }
}

fn problems_of(result: Result<platform_core::probe::Observation, Problem>) -> Vec<Problem> {
    match result {
        Ok(observation) => observation.failure.into_iter().chain(observation.problems).collect(),
        Err(problem) => vec![problem],
    }
}

impl Checked {
    fn of(what: String, target: String, problems: Vec<Problem>) -> Self {
        Self { what, source: None, target, others: Vec::new(), problems, note: None, is_skipped: false }
    }

    fn of_source(what: String, name: &SourceName, config: &Config, problems: Vec<Problem>) -> Self {
        let definition = |name: &SourceName| config.sources()[name].config.definition();
        let others = definition(name).dependencies().into_iter().map(|dependency| dependency.source);
        let others = others.map(|other| (other.clone(), definition(&other).target())).collect();
        let source = Some((name.clone(), config.sources()[name].config.kind()));
        Self { source, others, ..Self::of(what, definition(name).target(), problems) }
    }

    /// Where the remedy of a problem is to be applied. Problems name the source that they are with: `cache: …`.
    fn target_of(&self, problem: &Problem) -> &str {
        let is_named = |other: &SourceName| problem.detail.split(": ").any(|part| part == other.as_str());
        let other = self.others.iter().find(|(other, _)| is_named(other));
        other.map_or(&self.target, |(_, target)| target)
    }

    /// That the source of a query is down has been reported.
    fn leave_out_outage(&mut self, down: &BTreeSet<SourceName>) {
        self.leave_out(self.source.iter().find_map(|(name, _)| down.get(name)));
    }

    /// That what a source reads from is down has been reported.
    fn leave_out_outage_of_others(&mut self, down: &BTreeSet<SourceName>) {
        self.leave_out(self.others.iter().find_map(|(name, _)| down.get(name)));
    }

    fn leave_out(&mut self, down: Option<&SourceName>) {
        let Some(down) = down else { return };
        let problems = self.problems.len();
        self.problems.retain(|problem| !problem.reason.may_be_an_outage());
        if self.problems.is_empty() && problems > 0 {
            self.note = Some(format!("its source {down} is down"));
            self.is_skipped = true;
        }
    }
}

/// How many label sets exceed the budget of a query, if any do.
fn dropped(result: &ResultSet) -> Option<String> {
    let over = |dropped| format!("{dropped} label sets exceed its `max_series`: they are summed as `other`");
    Some(result.dropped).filter(|dropped| *dropped > 0).map(over)
}

/// Whether a permission is missing that the problem itself does not name.
fn lacks_permissions(problem: &Problem) -> bool {
    problem.reason == Reason::Permission && problem.remedy.is_none()
}

/// Prints each remedy once: one role or policy often fixes several problems.
fn describe<'a>(checked: &'a Checked, printed: &mut BTreeSet<(&'a str, &'a str)>) -> String {
    let Checked { what, problems, note, is_skipped, .. } = checked;
    if problems.is_empty() {
        let outcome = if *is_skipped { "skip" } else { "ok  " };
        let note = note.iter().map(|note| format!(": {note}")).collect::<String>();
        return format!("{outcome}  {what}{note}\n");
    }
    let mut describe = |problem: &'a Problem| {
        let target = checked.target_of(problem);
        let fixes = problem.statements().map(|text| match printed.insert((target, text)) {
            true => format!("      {}\n", remedy(text, target)),
            false => "      to fix it: the same as above\n".to_owned(),
        });
        format!("FAIL  {what}: {problem}\n{}", fixes.collect::<String>())
    };
    problems.iter().map(&mut describe).collect()
}

fn permissions(kinds: &BTreeSet<Kind>) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nMinimum permissions of the exporter's accounts:\n");
    for facts in kinds.iter().map(|kind| kind.facts()).filter(|facts| !facts.permissions.is_empty()) {
        write!(text, "\n{}\n{}\n", facts.name, facts.permissions.trim_end())
            .expect("writing to a string does not fail");
    }
    text
}

fn roll_up_permissions(roll_up: &RollUp) -> String {
    format!("\nroll-up {}, the account of `write_url`\n{}", roll_up.pack(), roll_up.permissions())
}
