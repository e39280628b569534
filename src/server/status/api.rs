//! `/api/v1/status`: what the status page shows, for programs.

use std::time::{Instant, SystemTime};

use platform_core::probe::Problem;
use platform_core::setting::SourceName;
use platform_core::time::rfc3339;
use serde_json::{Value, json};

use crate::snapshot::{ConfigState, SourceState, Store};

/// The state of the exporter and of every source. Points in time are in RFC 3339; what is not known is null.
pub(in crate::server) fn status(store: &Store, now: SystemTime) -> Value {
    let ConfigState { refused, read } = store.config_state();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "time": rfc3339(now),
        "config": {"read": rfc3339(read), "refused": refused},
        "sources": store.states().iter().map(|(name, state)| source(name, state, now)).collect::<Vec<_>>(),
    })
}

fn source(name: &SourceName, state: &SourceState, now: SystemTime) -> Value {
    let next_probe = state.next_probe_in(Instant::now()).map(|rest| rfc3339(now + rest));
    let reasons: Vec<_> = state.reasons().iter().map(|reason| reason.as_str()).collect();
    json!({
        "name": name.as_str(),
        "kind": state.kind().as_str(),
        "target": state.target(),
        "status": state.status().as_str(),
        "since": rfc3339(state.since()),
        "reasons": reasons,
        "problems": state.problems().into_iter().map(problem).collect::<Vec<_>>(),
        "last_success": state.last_success().map(rfc3339),
        "next_probe": next_probe,
        "probe_duration_seconds": state.last_duration().map(|duration| duration.as_secs_f64()),
    })
}

fn problem((problem, last_good): (Problem, Option<SystemTime>)) -> Value {
    json!({
        "reason": problem.reason.as_str(),
        "detail": problem.detail,
        "remedy": problem.remedy,
        "last_good_result": last_good.map(rfc3339),
    })
}
