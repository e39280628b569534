//! `check --live`: connects to each source, runs each query once, checks each roll-up without writing, and reports
//! problems.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use futures_util::future;
use platform_core::probe::{Problem, Reason};
use platform_core::query::ResultSet;

use super::Loaded;
use super::lane_load::overfull_lanes;
use super::probe::open_lanes;
use super::query::read;
use crate::cli::Flags;
use crate::config::RollUp;
use crate::registry::Kind;
use crate::schedule::{ask, assemble, by_kind, check_roll_up, probe_and_leave};

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
    /// Of a source, or of the source of a query.
    kind: Option<Kind>,
    problems: Vec<Problem>,
    /// What is worth knowing, though it is no problem.
    note: Option<String>,
}

/// Checks a configuration against the running services.
pub async fn check(flags: &Flags, loaded: &Loaded) -> Report {
    let config = &loaded.config;
    let assembly = assemble(config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let lanes = assembly.lanes.clone();
    let probers = open_lanes(assembly);
    let probes = future::join_all(probers.into_iter().map(async |(name, mut prober)| {
        let source = &config.sources()[&name];
        let (kind, result) = (source.config.kind(), probe_and_leave(prober.as_mut(), source.timeout).await);
        Checked { kind: Some(kind), ..Checked::of(format!("source {name} ({kind})"), problems_of(result)) }
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
        let kind = config.sources().get(query.ask.source()).map(|source| source.config.kind());
        (Checked { what: format!("query {}", query.spec.name), kind, problems, note }, took)
    }));
    let roll_ups = future::join_all(config.roll_ups().iter().map(async |roll_up| {
        let problems = check_roll_up(roll_up).await.err().into_iter().collect();
        Checked::of(format!("roll-up {}", roll_up.pack()), problems)
    }));
    let (probes, queries, roll_ups) = future::join3(probes, queries, roll_ups).await;
    let (queries, took): (Vec<_>, Vec<_>) = queries.into_iter().unzip();
    let is_denied = |checked: &&Checked| checked.problems.iter().any(lacks_permissions);
    let denied = probes.iter().chain(&queries).filter(is_denied).filter_map(|checked| checked.kind).collect();
    let denies_roll_up = roll_ups.iter().any(|checked| is_denied(&checked));
    let overfull = overfull_lanes(config.queries().iter().zip(took));
    let overfull = overfull.map(|(what, problems)| Checked::of(what, problems));
    let all: Vec<Checked> = probes.into_iter().chain(queries).chain(roll_ups).chain(overfull).collect();
    let is_good = all.iter().all(|checked| checked.problems.is_empty());
    let mut remedies = BTreeSet::new();
    let mut text: String = all.iter().map(|checked| describe(checked, &mut remedies)).collect();
    text.extend(config.modules().keys().map(|name| {
        format!(
            "skip  module {name}: check one of its targets by `platform_exporter probe {name} HOST:PORT`\n"
        )
    }));
    text += &permissions(&denied);
    if denies_roll_up {
        text.extend(config.roll_ups().iter().map(roll_up_permissions));
    }
    Report { text, is_good }
}

fn problems_of(result: Result<platform_core::probe::Observation, Problem>) -> Vec<Problem> {
    match result {
        Ok(observation) => observation.failure.into_iter().chain(observation.problems).collect(),
        Err(problem) => vec![problem],
    }
}

impl Checked {
    fn of(what: String, problems: Vec<Problem>) -> Self {
        Self { what, kind: None, problems, note: None }
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
fn describe<'a>(
    Checked { what, problems, note, .. }: &'a Checked,
    printed: &mut BTreeSet<&'a str>,
) -> String {
    if problems.is_empty() {
        let note = note.iter().map(|note| format!(": {note}")).collect::<String>();
        return format!("ok    {what}{note}\n");
    }
    let mut describe = |problem: &'a Problem| {
        let remedy = match problem.remedy.as_deref() {
            Some(remedy) if printed.insert(remedy) => format!("      to fix it: {remedy}\n"),
            Some(_) => "      to fix it: the same as above\n".to_owned(),
            None => String::new(),
        };
        format!("FAIL  {what}: {problem}\n{remedy}")
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
