//! The status page: the status of every source at a glance.

mod api;
mod changes;
mod headline;
mod text;

pub(super) use api::status;

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime};

use askama::Template;
use platform_core::probe::Problem;
use platform_core::setting::SourceName;
use platform_core::time::ago;

use self::text::{join, lasting, seconds, until, utc};
use super::address::PublicAddress;
use crate::bundle::{overview_dashboard, source_dashboard};
use crate::snapshot::{SourceState, Status, Store};

/// The whole page.
#[derive(Template)]
#[template(path = "status.html")]
struct Page {
    version: &'static str,
    now: String,
    refreshes: bool,
    /// What links start with.
    home: String,
    /// What links to dashboards start with.
    grafana: Option<String>,
    /// The path of the overview in Grafana.
    overview: String,
    /// Why the last configuration that was read is not the current one.
    refused: Option<String>,
    config_read: String,
    /// By status, worst first.
    sources: Vec<(Status, Vec<Card>)>,
    changes: Vec<changes::StatusChange>,
}

/// One source.
struct Card {
    name: String,
    kind: &'static str,
    target: String,
    status: Status,
    reasons: String,
    /// How long it has had this status.
    lasting: String,
    last_success: String,
    latency: String,
    next_probe: String,
    /// The path of its dashboard in Grafana.
    dashboard: String,
    values: Vec<(&'static str, String)>,
    /// The first ones.
    problems: Vec<CardProblem>,
    /// How many there are beside these.
    more: usize,
}

/// One problem of a source.
struct CardProblem {
    reason: &'static str,
    detail: String,
    /// What an administrator of the source can run to fix it.
    remedy: Option<String>,
    /// For a query: when it had its last good result.
    last_good: Option<String>,
}

/// A card has this many problems.
const MOST_PROBLEMS: usize = 5;

/// Renders the page. It refreshes itself unless the query has `refresh=off`.
pub(super) fn render(store: &Store, query: &str, address: &PublicAddress, now: SystemTime) -> String {
    let (states, config) = (store.states(), store.config_state());
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        now: utc(now),
        refreshes: query != "refresh=off",
        home: address.home(),
        grafana: address.grafana.as_ref().map(ToString::to_string),
        overview: overview_dashboard(),
        refused: config.refused,
        config_read: utc(config.read),
        sources: cards(&states, &Status::WORST_FIRST, now),
        changes: changes::rows(&states),
    };
    page.render().unwrap_or_else(|error| format!("the page cannot be rendered: {error}"))
}

fn cards(
    states: &[(SourceName, SourceState)],
    order: &[Status],
    now: SystemTime,
) -> Vec<(Status, Vec<Card>)> {
    let of = |status| states.iter().filter(move |(_, state)| state.status() == status);
    let cards = |status| of(status).map(|(name, state)| card(name, state, now)).collect::<Vec<_>>();
    let sections = order.iter().map(|status| (*status, cards(*status)));
    sections.filter(|(_, cards)| !cards.is_empty()).collect()
}

fn card(name: &SourceName, state: &SourceState, now: SystemTime) -> Card {
    let problems = state.problems();
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    let mut problems: Vec<_> =
        problems.into_iter().take(MOST_PROBLEMS).map(|problem| shown(problem, now)).collect();
    each_remedy_once(&mut problems);
    Card {
        name: name.to_string(),
        kind: state.kind().as_str(),
        target: state.target().to_owned(),
        status: state.status(),
        reasons: join(&state.reasons()),
        lasting: lasting(state.since(), now),
        last_success: ago(state.last_success(), now),
        latency: state.last_duration().map_or_else(|| "not measured".to_owned(), seconds),
        next_probe: until(state.next_probe_in(Instant::now())),
        dashboard: source_dashboard(state.kind(), name),
        values: headline::values(state.kind(), state.probe_families()),
        more,
        problems,
    }
}

/// One statement often fixes several problems: it is shown with the first of them.
fn each_remedy_once(problems: &mut [CardProblem]) {
    let mut known = BTreeSet::new();
    for problem in problems {
        problem.remedy = problem.remedy.take().filter(|remedy| known.insert(remedy.clone()));
    }
}

fn shown((problem, last_good): (Problem, Option<SystemTime>), now: SystemTime) -> CardProblem {
    let last_good = last_good.map(|at| ago(Some(at), now));
    let Problem { reason, detail, remedy } = problem;
    CardProblem { reason: reason.as_str(), detail, remedy, last_good }
}
