//! The access log: who asked for what, and what came of it.

use std::net::SocketAddr;
use std::time::Instant;

use hyper::Request;
use hyper::body::Incoming;

use super::response::Response;
use super::routes::{App, route};

/// Answers a request, and logs it if the access log is on. The query is left out: it may hold what nobody should log.
pub(super) async fn logged(app: &App, peer: SocketAddr, request: Request<Incoming>) -> Response {
    if !app.access_log {
        return route(app, request).await;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let response = route(app, request).await;
    tracing::info!(
        event = "http.request",
        user = "-",
        peer = %peer.ip(),
        %method,
        path,
        status = response.status().as_u16(),
        duration_seconds = started.elapsed().as_secs_f64(),
    );
    response
}
