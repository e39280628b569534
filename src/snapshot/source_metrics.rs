//! The health of sources and their queries, exported the same way for every kind.

use platform_core::metric::{Desc, Family, timestamp};
use platform_core::probe::Reason;

use super::query::{Outcome, QueryState};
use super::source_state::SourceState;
use super::status::Status;

const UP: Desc = Desc::gauge(
    "platform_source_up",
    &["kind"],
    "Whether the last probe reached the source (1) or not (0); exported from the start.",
);
const STATUS: Desc = Desc::gauge(
    "platform_source_status",
    &["kind", "status"],
    "1 for the current status of the source, 0 for the others.",
);
const PROBLEM: Desc = Desc::gauge(
    "platform_source_problem",
    &["kind", "reason"],
    "1 for each reason why the source is not up.",
);
const LAST_SUCCESS: Desc = Desc::gauge(
    "platform_source_last_success_timestamp_seconds",
    &["kind"],
    "Unix time of the last probe that reached the source.",
);
const DURATION: Desc =
    Desc::gauge("platform_probe_duration_seconds", &["kind"], "Duration of the last probe.");
const PROBES: Desc =
    Desc::counter("platform_probes_total", &["kind"], "Completed probes, successful or not.");
const FAILURES: Desc = Desc::counter(
    "platform_probe_failures_total",
    &["kind", "reason"],
    "Probes that did not reach the source, by reason.",
);
const ASKS: Desc = Desc::gauge(
    "platform_source_asks_info",
    &["kind", "asked"],
    "1 for each other source that this one is read through: while that one is down, this one cannot be checked.",
);
const QUERY_LAST_SUCCESS: Desc = Desc::gauge(
    "platform_query_last_success_timestamp_seconds",
    &["query"],
    "Unix time of the query's last good result.",
);
const QUERY_MAX_AGE: Desc = Desc::gauge(
    "platform_query_max_age_seconds",
    &["query"],
    "How long a good result of the query is exported if no newer one follows.",
);
const QUERY_DURATION: Desc =
    Desc::gauge("platform_query_duration_seconds", &["query"], "Duration of the query's last run.");
const QUERY_SERIES: Desc =
    Desc::gauge("platform_query_series", &["query"], "Series in the query's last good result.");
const QUERY_FAILURES: Desc = Desc::counter(
    "platform_query_failures_total",
    &["query", "reason"],
    "Failed runs of the query, by reason.",
);
const DROPPED: Desc = Desc::gauge(
    "platform_series_dropped",
    &["query"],
    "Label sets over the query's max_series in its last good result, summed under `other`.",
);

const CUT: Desc = Desc::gauge(
    "platform_label_values_cut",
    &["query"],
    "Label values of the query's last good result that were longer than 256 characters and have been cut.",
);

/// The most common failures of a query: their counters start at 0, so that the first failure shows as an increase.
const LIKELY: [Reason; 5] =
    [Reason::Timeout, Reason::Connect, Reason::Permission, Reason::Query, Reason::Cardinality];

/// Every family of the health layer.
pub fn catalogue() -> Vec<Desc> {
    vec![
        UP,
        STATUS,
        PROBLEM,
        LAST_SUCCESS,
        DURATION,
        PROBES,
        FAILURES,
        ASKS,
        QUERY_LAST_SUCCESS,
        QUERY_MAX_AGE,
        QUERY_DURATION,
        QUERY_SERIES,
        QUERY_FAILURES,
        DROPPED,
        CUT,
    ]
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn of_source(state: &SourceState) -> Vec<Family> {
    let kind = state.kind().as_str();
    let up = f64::from(state.is_up());
    let mut families = vec![
        UP.family().with([kind], up),
        Status::ALL.into_iter().fold(STATUS.family(), |family, status| {
            family.with([kind, status.as_str()], f64::from(status == state.status()))
        }),
        state
            .reasons()
            .into_iter()
            .fold(PROBLEM.family(), |family, reason| family.with([kind, reason.as_str()], 1.0)),
        LAST_SUCCESS.family().with_some([kind], state.last_success.map(timestamp)),
        DURATION.family().with_some([kind], state.last_duration.map(|duration| duration.as_secs_f64())),
        PROBES.family().with([kind], state.probes as f64),
        state.failures.iter().fold(FAILURES.family(), |family, (reason, count)| {
            family.with([kind, reason.as_str()], *count as f64)
        }),
        state.asks().fold(ASKS.family(), |family, asked| family.with([kind, asked.as_str()], 1.0)),
    ];
    families.extend(state.kind().facts().up.as_ref().map(|desc| desc.value(up)));
    families.retain(|family| !family.samples.is_empty());
    families
}

/// Families that change with each run of a query.
pub(super) fn of_run(name: &str, query: &QueryState) -> Vec<Family> {
    let duration = query.last_duration.map(|duration| duration.as_secs_f64());
    let mut families = vec![
        QUERY_LAST_SUCCESS.family().with_some([name], query.last_success.map(timestamp)),
        QUERY_DURATION.family().with_some([name], duration),
    ];
    families.retain(|family| !family.samples.is_empty());
    families
}

/// Families that stay the same while a query's result does.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn of_query(name: &str, query: &QueryState) -> [Family; 5] {
    let Outcome { series, dropped, cut, failures } = &query.outcome;
    let others = failures.keys().copied().filter(|reason| !LIKELY.contains(reason));
    let failures = LIKELY.into_iter().chain(others).fold(QUERY_FAILURES.family(), |family, reason| {
        family.with([name, reason.as_str()], failures.get(&reason).copied().unwrap_or(0) as f64)
    });
    [
        QUERY_MAX_AGE.family().with([name], query.max_age.as_secs_f64()),
        QUERY_SERIES.family().with([name], *series as f64),
        failures,
        DROPPED.family().with([name], *dropped as f64),
        CUT.family().with([name], *cut as f64),
    ]
}
