//! `/probe`: probes one source or target now. Its families have no `source` label, so that `instance` can take its place.

use std::time::{Duration, SystemTime};

use hyper::{HeaderMap, StatusCode};
use platform_core::probe::{Problem, Reason};
use tokio::time::Instant;

use super::response::{ServerResponse, exposition, text};
use crate::config::ProbeTarget;
use crate::schedule::{ProbeRefusal, Schedule};
use crate::snapshot::{Published, SourceState, Store};

/// The timeout if the client sends none: Prometheus' own default.
const DEFAULT_SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Upper bound of the timeout, whatever the client sends.
const LONGEST_SCRAPE_TIMEOUT: Duration = Duration::from_secs(3600);

const PARAMETERS: &str =
    "/probe?source=NAME or /probe?module=NAME&target=HOST:PORT, and optionally collect[]=COLLECTOR";

/// The parameter that chooses a collector; there may be several.
const COLLECT: &str = "collect[]";

/// What probes need.
pub(super) struct Probes<'a> {
    pub(super) store: &'a Store,
    pub(super) schedule: &'a Schedule,
    /// Subtracted from Prometheus' scrape timeout.
    pub(super) offset: Duration,
}

impl Probes<'_> {
    pub(super) async fn answer(&self, query: &str, headers: &HeaderMap) -> ServerResponse {
        let timeout = scrape_timeout(headers, self.offset);
        let parameter = |name| parameters(query, name).next();
        let collect: Vec<String> = parameters(query, COLLECT).collect();
        let probed = match (parameter("source"), parameter("module"), parameter("target")) {
            (Some(name), None, None) => self.source(&name, &collect, timeout).await,
            (None, Some(module), Some(address)) => self.target(&module, &address, &collect, timeout).await,
            _ => Err(text(StatusCode::BAD_REQUEST, format!("Expected the query parameters of {PARAMETERS}"))),
        };
        match probed {
            Ok(state) => rendered(state, headers.clone()).await,
            Err(response) => response,
        }
    }

    async fn source(
        &self,
        name: &str,
        collect: &[String],
        timeout: Duration,
    ) -> Result<SourceState, ServerResponse> {
        let deadline = Instant::now() + timeout;
        if !collect.is_empty() {
            return self.schedule.probe_part(name, collect, deadline).await.map_err(refused);
        }
        let ended = self.schedule.probe_now(name, deadline).await;
        let (Some(ended), Some(mut state)) = (ended, self.store.state(name)) else {
            return Err(refused(ProbeRefusal::NoSource(name.to_owned())));
        };
        if !ended {
            // The probe continues for the schedule; this response contains what is known by its own deadline.
            let late = Problem::new(Reason::Timeout, "not probed within the scrape timeout");
            drop(state.probed(Err(late), timeout, SystemTime::now()));
        }
        Ok(state)
    }

    async fn target(
        &self,
        module: &str,
        address: &str,
        collect: &[String],
        timeout: Duration,
    ) -> Result<SourceState, ServerResponse> {
        let target: ProbeTarget = address.parse().map_err(|error| {
            text(StatusCode::BAD_REQUEST, format!("The target {address:?} cannot be used: {error}."))
        })?;
        let deadline = Instant::now() + timeout;
        self.schedule.probe_target(module, target, collect, deadline).await.map_err(refused)
    }
}

/// Not on this thread, which serves others: a source may have much to show.
async fn rendered(state: SourceState, headers: HeaderMap) -> ServerResponse {
    let render = move || {
        let shown = state.exposition(std::time::Instant::now());
        exposition(&Published::new(&shown), &headers)
    };
    let failed = |error| text(StatusCode::INTERNAL_SERVER_ERROR, format!("Cannot show the source: {error}."));
    tokio::task::spawn_blocking(render).await.unwrap_or_else(failed)
}

fn refused(refusal: ProbeRefusal) -> ServerResponse {
    let status = match refusal {
        ProbeRefusal::NoSource(_) | ProbeRefusal::NoModule(_) => StatusCode::NOT_FOUND,
        ProbeRefusal::NotAllowed { .. } => StatusCode::FORBIDDEN,
        ProbeRefusal::Unusable(_) | ProbeRefusal::Undivided(_) | ProbeRefusal::Collector(_) => {
            StatusCode::BAD_REQUEST
        }
        ProbeRefusal::TooMany(_) | ProbeRefusal::TooManyChoices => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(status, refusal.to_string())
}

/// The values of a query parameter, decoded.
fn parameters(query: &str, name: &str) -> impl Iterator<Item = String> {
    let all = url::form_urlencoded::parse(query.as_bytes());
    all.filter(move |(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// How long a probe may take, from the scrape timeout that Prometheus sends.
fn scrape_timeout(headers: &HeaderMap, offset: Duration) -> Duration {
    let seconds = headers
        .get("x-prometheus-scrape-timeout-seconds")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let timeout = seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(DEFAULT_SCRAPE_TIMEOUT)
        .min(LONGEST_SCRAPE_TIMEOUT);
    if timeout > offset { timeout - offset } else { timeout }
}
