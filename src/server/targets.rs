//! `/sd`: the sources as targets of Prometheus' HTTP service discovery, one `/probe` for each.
//!
//! <https://prometheus.io/docs/prometheus/latest/http_sd/>

use hyper::HeaderMap;
use hyper::header::HOST;
use platform_core::setting::SourceName;
use serde_json::{Value, json};

use crate::snapshot::{SourceState, Store};

/// Every source as a target group, or `None` when the client does not say under which address it reached the exporter.
///
/// The kind is for relabelling only: as a label of the target it would stand in the way of the metrics' own.
pub(super) fn targets(store: &Store, headers: &HeaderMap) -> Option<Value> {
    let address = headers.get(HOST)?.to_str().ok().filter(|host| !host.is_empty())?;
    let target = |(name, state): (SourceName, SourceState)| {
        let name = name.as_str();
        json!({
            "targets": [address],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_source": name,
                "__meta_platform_kind": state.kind().as_str(),
                "instance": name,
                "source": name,
            },
        })
    };
    Some(store.states().into_iter().map(target).collect())
}
