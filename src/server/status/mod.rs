//! The status page: the status of every source at a glance.

mod changes;
mod headline;

use std::time::{Duration, SystemTime};

use askama::Template;
use platform_core::setting::SourceName;

use crate::snapshot::{SourceState, Status, Store};

/// The whole page.
#[derive(Template)]
#[template(path = "status.html")]
struct Page {
    version: &'static str,
    now: String,
    refreshes: bool,
    /// By status, worst first.
    sources: Vec<(Status, Vec<Card>)>,
    changes: Vec<changes::Row>,
}

/// One source.
struct Card {
    name: String,
    kind: &'static str,
    target: String,
    status: Status,
    reasons: String,
    since: String,
    last_success: String,
    latency: String,
    values: Vec<(&'static str, String)>,
}

/// Renders the page. It refreshes itself unless the query has `refresh=off`.
pub(super) fn render(store: &Store, query: &str, now: SystemTime) -> String {
    let states = store.states();
    let worst_first = [Status::Down, Status::Degraded, Status::Unknown, Status::Up];
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        now: utc(now),
        refreshes: query != "refresh=off",
        sources: cards(&states, &worst_first, now),
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
    Card {
        name: name.to_string(),
        kind: state.kind().as_str(),
        target: state.target().to_owned(),
        status: state.status(),
        reasons: join(&state.reasons()),
        since: ago(Some(state.since()), now),
        last_success: ago(state.last_success(), now),
        latency: state.last_duration().map_or_else(|| "not measured".to_owned(), seconds),
        values: headline::values(state.kind(), state.probe_families()),
    }
}

fn join(reasons: &[platform_core::probe::Reason]) -> String {
    reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")
}

fn utc(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn ago(at: Option<SystemTime>, now: SystemTime) -> String {
    let Some(at) = at else { return "never".to_owned() };
    let whole = Duration::from_secs(now.duration_since(at).unwrap_or_default().as_secs());
    if whole.is_zero() { "just now".to_owned() } else { format!("{} ago", humantime::format_duration(whole)) }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs_f64() {
        long if long >= 1.0 => format!("{long:.1} s"),
        short if short >= 0.01 => format!("{:.0} ms", short * 1000.0),
        short => format!("{:.1} ms", short * 1000.0),
    }
}
