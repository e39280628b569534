//! The routes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION};
use hyper::{HeaderMap, Method, Request, StatusCode};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::response::{Response, exposition, json, method_not_allowed, page, text};
use super::{negotiate, status, targets};
use crate::beat::{Beats, Push};
use crate::metric::Exposition;
use crate::probe::{Problem, Reason};
use crate::schedule::Schedule;
use crate::setting::Secret;
use crate::snapshot::{Published, Store};

/// What the routes work with.
pub struct App {
    /// What every source last said.
    pub store: Arc<Store>,
    /// Has sources probed.
    pub schedule: Schedule,
    /// Takes pushed heartbeats.
    pub beats: Arc<Beats>,
    /// The token of each class whose workers push.
    pub push_tokens: BTreeMap<String, Secret>,
    /// Whether requests are logged.
    pub access_log: bool,
    /// How much of Prometheus' scrape timeout is left for the way back.
    pub timeout_offset: Duration,
}

/// The time that `/probe` has when the client does not say: Prometheus' own default.
const DEFAULT_SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn route(app: &App, request: Request<Incoming>) -> Response {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if uri.path().starts_with("/heartbeat/") {
        return match *method {
            Method::GET | Method::HEAD | Method::POST => heartbeat(app, uri.path(), headers),
            _ => method_not_allowed("GET, HEAD, POST"),
        };
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return method_not_allowed("GET, HEAD");
    }
    match uri.path() {
        "/metrics" => represent(&app.store.current(), headers),
        "/probe" => probe(app, uri.query().unwrap_or_default(), headers).await,
        "/sd" => match targets::targets(&app.store, headers) {
            Some(targets) => json(&targets),
            None => text(StatusCode::BAD_REQUEST, "The header Host is missing: it is the targets' address."),
        },
        "/-/healthy" => text(StatusCode::OK, "platform_exporter is healthy."),
        "/-/ready" if app.store.is_ready() => text(StatusCode::OK, "platform_exporter is ready."),
        "/-/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "Some sources have not been probed yet."),
        "/" => page(status::render(&app.store, uri.query().unwrap_or_default(), SystemTime::now())),
        _ => text(
            StatusCode::NOT_FOUND,
            "Not found. There are /, /metrics, /probe?source=NAME, /sd, /-/healthy and /-/ready.",
        ),
    }
}

fn represent(published: &Published, headers: &HeaderMap) -> Response {
    let header = |name| headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok());
    exposition(published, negotiate::format(header(ACCEPT)), negotiate::coding(header(ACCEPT_ENCODING)))
}

/// Probes one source now. Its families come without the `source` label, so that `instance` can stand for it.
async fn probe(app: &App, query: &str, headers: &HeaderMap) -> Response {
    let Some(name) = parameter(query, "source") else {
        return text(StatusCode::BAD_REQUEST, "Say which source: /probe?source=NAME");
    };
    let timeout = scrape_timeout(headers, app.timeout_offset);
    let ended = app.schedule.probe_now(&name, Instant::now() + timeout).await;
    let (Some(ended), Some(mut state)) = (ended, app.store.state(&name)) else {
        return text(StatusCode::NOT_FOUND, format!("There is no source {name:?}."));
    };
    let now = SystemTime::now();
    if !ended {
        // The probe goes on for the schedule; this answer says what is known by its own deadline.
        let late = Problem::new(Reason::Timeout, "not probed within the scrape timeout");
        drop(state.probed(Err(late), timeout, now));
    }
    let mut families = Exposition::default();
    families.add(None, state.families(now));
    represent(&Published::new(families), headers)
}

/// A query parameter, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// How long a probe may take by what Prometheus says of its own patience.
fn scrape_timeout(headers: &HeaderMap, offset: Duration) -> Duration {
    let seconds = headers
        .get("x-prometheus-scrape-timeout-seconds")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let timeout = seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(DEFAULT_SCRAPE_TIMEOUT);
    if timeout > offset { timeout - offset } else { timeout }
}

/// Takes a pushed heartbeat: `/heartbeat/CLASS/WORKER`, with `/start`, `/fail` or an exit code behind it.
fn heartbeat(app: &App, path: &str, headers: &HeaderMap) -> Response {
    let Some(push) = Push::parse(path) else {
        return text(
            StatusCode::NOT_FOUND,
            "Expected /heartbeat/CLASS/WORKER, then nothing, /start, /fail or /EXIT_CODE.",
        );
    };
    // An unknown class and a wrong token are answered alike: classes cannot be guessed.
    let unauthorized = || text(StatusCode::UNAUTHORIZED, "Unknown class, or wrong token.");
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let (Some(token), Some(given)) = (app.push_tokens.get(&push.class), given) else { return unauthorized() };
    match token.read() {
        Ok(token) if bool::from(token.expose_secret().as_bytes().ct_eq(given.as_bytes())) => {}
        Ok(_) => return unauthorized(),
        Err(error) => {
            tracing::error!(class = push.class, %error, "a pushed heartbeat cannot be checked");
            return text(StatusCode::INTERNAL_SERVER_ERROR, "The token of this class cannot be read.");
        }
    }
    match app.beats.record(&push.class, &push.worker, push.signal, SystemTime::now()) {
        Ok(()) => text(StatusCode::OK, "OK"),
        Err(error) => text(StatusCode::INSUFFICIENT_STORAGE, error.to_string()),
    }
}
