//! What happens in each probe and query, for `--log.level debug`.

use std::time::Duration;

use platform_core::metric::Family;
use platform_core::probe::{Observation, Problem};
use platform_core::query::{Declared, Rows};

/// A probe has ended. The source is that of the span.
pub(super) fn probe_ended(result: &Result<Observation, Problem>, took: Duration) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let took = format_args!("{took:.1?}");
    match result {
        Ok(Observation { families, problems, failure }) => {
            let series: usize = families.iter().map(Family::series_count).sum();
            let all: Vec<_> = failure.iter().chain(problems).map(ToString::to_string).collect();
            let problems = (!all.is_empty()).then(|| all.join("; "));
            tracing::debug!(event = "probe.ended", %took, series, problems);
        }
        Err(problem) => tracing::debug!(event = "probe.ended", %took, %problem),
    }
}

/// A run of a declared query has ended.
pub(super) fn query_ended(
    declared: &Declared,
    rows: &Result<Rows, Problem>,
    waited: Duration,
    took: Duration,
) {
    let (query, source) = (&*declared.spec.name, declared.ask.source().as_str());
    let (waited, took) = (format_args!("{waited:.1?}"), format_args!("{took:.1?}"));
    match rows {
        Ok(rows) => {
            tracing::debug!(event = "query.ended", source, query, %waited, %took, rows = rows.rows.len());
        }
        Err(problem) => tracing::debug!(event = "query.ended", source, query, %waited, %took, %problem),
    }
}
