//! The routes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, StatusCode};
use platform_core::heartbeat::Heartbeats;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::address::{Arrival, PublicAddress};
use super::heartbeat::{self, Pushes};
use super::probe::Probes;
use super::response::{ServerResponse, exposition, json, method_not_allowed, page, redirect, text};
use super::{status, targets};
use crate::manual;
use crate::schedule::Schedule;
use crate::snapshot::Store;

/// A pending reload request; it receives `Ok`, or the errors of the configuration.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// The answer to any other path.
const NOT_FOUND: &str = "Not found. Available paths: /, /metrics, /probe?source=NAME, \
    /probe?module=NAME&target=HOST:PORT, /api/v1/status, /sd, /runbooks, /reference, /examples/KIND, /-/healthy, /-/ready \
    and /-/reload.";

/// State of the routes.
pub struct App {
    /// The latest state of every source.
    pub store: Arc<Store>,
    /// Starts probes.
    pub schedule: Schedule,
    /// Takes pushed heartbeats.
    pub heartbeats: Arc<Heartbeats>,
    /// The classes whose workers push.
    pub pushes: ArcSwap<Pushes>,
    /// Where clients find the exporter.
    pub address: PublicAddress,
    /// Where reload requests go.
    pub reloads: mpsc::Sender<Reload>,
    /// Whether requests are logged.
    pub access_log: bool,
    /// Lets one request at a time render a page.
    pub rendering: Arc<Semaphore>,
    /// Offset subtracted from Prometheus' scrape timeout.
    pub timeout_offset: Duration,
}

/// Answers a request that the gate has admitted.
pub(super) async fn route(app: &App, arrival: Arrival, request: Request<Incoming>) -> ServerResponse {
    match arrival {
        Arrival::Within => within(app, request).await,
        Arrival::Doorstep => redirect(&app.address.home()),
        Arrival::Outside => {
            text(StatusCode::NOT_FOUND, format!("Not found. All paths are below {}/.", app.address.prefix))
        }
    }
}

async fn within(app: &App, request: Request<Incoming>) -> ServerResponse {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if heartbeat::is_at(uri.path()) {
        return heartbeat::answer(&app.pushes.load_full(), &app.heartbeats, request).await;
    }
    if uri.path() == "/-/reload" {
        return match *method {
            Method::POST | Method::PUT if is_of_another_site(headers) => {
                text(StatusCode::FORBIDDEN, "Cross-site reload requests are rejected.")
            }
            Method::POST | Method::PUT => reload(app).await,
            _ => method_not_allowed("POST, PUT"),
        };
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return method_not_allowed("GET, HEAD");
    }
    match uri.path() {
        "/metrics" => exposition(&app.store.current(), headers),
        "/probe" => {
            let probes = Probes { store: &app.store, schedule: &app.schedule, offset: app.timeout_offset };
            probes.answer(uri.query().unwrap_or_default(), headers).await
        }
        "/sd" => match targets::targets(&app.store, &app.address.prefix, headers) {
            Some(targets) => json(&targets),
            None => text(StatusCode::BAD_REQUEST, "Missing Host header: it is the targets' address."),
        },
        "/-/healthy" => match app.store.stall() {
            None => text(StatusCode::OK, "platform_exporter is healthy."),
            Some(stall) => {
                text(StatusCode::SERVICE_UNAVAILABLE, format!("platform_exporter is not healthy: {stall}."))
            }
        },
        "/api/v1/status" => rendered(app, |store| json(&status::status(store, SystemTime::now()))).await,
        "/-/ready" if app.store.is_ready() => text(StatusCode::OK, "platform_exporter is ready."),
        "/-/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "Some sources have not been probed yet."),
        "/" => {
            let query = uri.query().unwrap_or_default().to_owned();
            let address = app.address.clone();
            rendered(app, move |store| page(status::render(store, &query, &address, SystemTime::now()))).await
        }
        "/runbooks" => rendered(app, |_| page(manual::runbooks_page())).await,
        "/reference" => rendered(app, |_| page(manual::reference_page())).await,
        path => match path.strip_prefix("/examples/") {
            Some(name) => example(name),
            None => text(StatusCode::NOT_FOUND, NOT_FOUND),
        },
    }
}

/// An example configuration, as text: a browser would not show YAML, but store it.
fn example(name: &str) -> ServerResponse {
    if let Some(example) = manual::example(name) {
        return text(StatusCode::OK, example.trim_end());
    }
    let known: Vec<_> = manual::examples().map(|(name, _)| format!("/examples/{name}")).collect();
    text(StatusCode::NOT_FOUND, format!("Not found. The examples are {}.", known.join(", ")))
}

/// Whether a browser sent this for a page of another site. Programs such as curl do not send these headers.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = text("host").unwrap_or_default();
    text("origin").is_some_and(|origin| origin.split_once("://").is_none_or(|(_, from)| from != host))
}

/// Reloads the configuration, like `POST /-/reload` of Prometheus.
async fn reload(app: &App) -> ServerResponse {
    let (sender, outcome) = oneshot::channel();
    if app.reloads.send(sender).await.is_err() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "The exporter is shutting down.");
    }
    match outcome.await {
        Ok(Ok(())) => text(StatusCode::OK, "Configuration reloaded."),
        Ok(Err(error)) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("Keeping the current configuration.\n{error}"))
        }
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "The exporter is shutting down."),
    }
}

/// Renders a page, one at a time and off the serving thread: with many sources, or long runbooks, it takes a while.
async fn rendered(
    app: &App,
    render: impl FnOnce(&Store) -> ServerResponse + Send + 'static,
) -> ServerResponse {
    let Ok(turn) = Arc::clone(&app.rendering).acquire_owned().await else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "The exporter is shutting down.");
    };
    let store = Arc::clone(&app.store);
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        render(&store)
    });
    match rendered.await {
        Ok(response) => response,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be rendered."),
    }
}
