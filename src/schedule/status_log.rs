//! The log line of an event: what was, what is, and why.

use std::time::SystemTime;

use crate::registry::Kind;
use crate::snapshot::{Event, Status};

pub(super) fn write(source: &str, kind: Kind, event: &Event) {
    let since = rfc3339(event.since);
    let status = event.status;
    if status == Status::Up {
        tracing::info!(event = "system.analytics.recovered", source, %kind, %status, since);
        return;
    }
    let reasons: Vec<_> = event.problems.iter().map(|problem| problem.reason.as_str()).collect();
    let details: Vec<_> = event.problems.iter().map(|problem| problem.detail.as_str()).collect();
    tracing::warn!(
        event = "system.analytics.degraded",
        source,
        %kind,
        %status,
        reasons = reasons.join(","),
        since,
        detail = details.join("; "),
    );
}

fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| String::new(), |at| format!("{at:.0}"))
}
