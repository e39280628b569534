//! `check --live`: connects to each source, runs each query once, checks each roll-up without writing, and reports
//! problems.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use futures_util::future;
use platform_core::probe::{Problem, Reason};
use platform_core::query::Reading;

use super::Loaded;
use super::lane_load::overfull_lanes;
use super::probe::open_lanes;
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

/// Checks a configuration against the running services.
pub async fn check(flags: &Flags, loaded: &Loaded) -> Report {
    let config = &loaded.config;
    let assembly = assemble(config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let lanes = assembly.lanes.clone();
    let probers = open_lanes(assembly);
    let probes = future::join_all(probers.into_iter().map(async |(name, mut prober)| {
        let source = &config.sources()[&name];
        let result = probe_and_leave(prober.as_mut(), source.timeout).await;
        (format!("source {name} ({})", source.config.kind()), problems_of(result))
    }));
    let queries = future::join_all(config.queries().iter().map(async |query| {
        let (rows, took) = ask(query, &lanes).await;
        let problems = match rows {
            Ok(rows) => {
                let read = Reading::new(Arc::new(query.spec.clone())).read(rows);
                let faults = read.map_or_else(|error| vec![error], |result| result.faults);
                faults.into_iter().map(|fault| Problem::new(Reason::Query, fault)).collect()
            }
            Err(problem) => vec![problem],
        };
        ((format!("query {}", query.spec.name), problems), took)
    }));
    let roll_ups = future::join_all(config.roll_ups().iter().map(async |roll_up| {
        (format!("roll-up {}", roll_up.pack()), check_roll_up(roll_up).await.err().into_iter().collect())
    }));
    let (probes, queries, roll_ups) = future::join3(probes, queries, roll_ups).await;
    let (queries, took): (Vec<_>, Vec<_>) = queries.into_iter().unzip();
    let overfull = overfull_lanes(config.queries().iter().zip(took));
    let lines: Vec<(String, Vec<Problem>)> =
        probes.into_iter().chain(queries).chain(roll_ups).chain(overfull).collect();
    let is_good = lines.iter().all(|(_, problems)| problems.is_empty());
    let denied = lines.iter().any(|(_, problems)| problems.iter().any(is_about_permissions));
    let kinds = config.sources().values().map(|source| source.config.kind());
    let mut text = lines.into_iter().fold(String::new(), |text, line| text + &describe(&line));
    text.extend(config.modules().keys().map(|name| {
        format!(
            "skip  module {name}: check one of its targets by `platform_exporter probe {name} HOST:PORT`\n"
        )
    }));
    if denied {
        text += &permissions(kinds.collect());
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

fn is_about_permissions(problem: &Problem) -> bool {
    matches!(problem.reason, Reason::Permission | Reason::Auth)
}

fn describe((what, problems): &(String, Vec<Problem>)) -> String {
    if problems.is_empty() {
        return format!("ok    {what}\n");
    }
    problems.iter().fold(String::new(), |text, problem| format!("{text}FAIL  {what}: {problem}\n"))
}

fn permissions(kinds: BTreeSet<Kind>) -> String {
    let mut text = String::from("\nMinimum permissions of the exporter's accounts:\n");
    for facts in kinds.into_iter().map(Kind::facts).filter(|facts| !facts.permissions.is_empty()) {
        write!(text, "\n{}\n{}\n", facts.name, facts.permissions.trim_end())
            .expect("writing to a string does not fail");
    }
    text
}

fn roll_up_permissions(roll_up: &RollUp) -> String {
    format!("\nroll-up {}, the account of `write_url`\n{}", roll_up.pack(), roll_up.permissions())
}
