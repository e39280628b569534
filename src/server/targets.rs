//! `/sd`: the sources as targets for Prometheus' HTTP service discovery, one `/probe` each.
//!
//! <https://prometheus.io/docs/prometheus/latest/http_sd/>

use hyper::HeaderMap;
use hyper::header::HOST;
use platform_core::setting::SourceName;
use serde_json::{Value, json};

use super::address::RoutePrefix;
use crate::snapshot::{SourceState, Store};

/// Every source as a target group, or `None` if the client does not send the address under which it reached the
/// exporter.
///
/// The kind is for relabelling only: as a target label it would conflict with that of the metrics.
///
/// That address is not the one from outside: Prometheus need not pass the proxy in front of the exporter.
pub(super) fn targets(store: &Store, prefix: &RoutePrefix, headers: &HeaderMap) -> Option<Value> {
    let address = headers.get(HOST)?.to_str().ok().filter(|host| !host.is_empty())?;
    let target = |(name, state): (SourceName, SourceState)| {
        let name = name.as_str();
        json!({
            "targets": [address],
            "labels": {
                "__metrics_path__": format!("{prefix}/probe"),
                "__param_source": name,
                "__meta_platform_kind": state.kind().as_str(),
                "instance": name,
                "source": name,
            },
        })
    };
    Some(store.states().into_iter().map(target).collect())
}
