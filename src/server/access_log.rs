//! Handles every request: through the gate to its route, and into the access log.

use std::net::SocketAddr;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Method, Request};

use super::response::{ServerResponse, without_body};
use super::routes::{App, route};
use super::web::{Admission, Gate};

/// Answers a request, and logs it if the access log is on, without the query string: it may contain secrets.
pub(super) async fn answer(
    app: &App,
    gate: &Gate,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> ServerResponse {
    let method = request.method().clone();
    let logged = app.access_log.then(|| (Instant::now(), request.uri().path().to_owned()));
    let arrival = app.address.enter(request.uri_mut());
    let settings = gate.settings().await;
    let (user, mut response) = match gate.admit(&settings, peer.ip(), &request).await {
        Admission::Of(user) => (user, route(app, arrival, request).await),
        Admission::Refused(response) => (None, response),
    };
    settings.add_headers(&mut response);
    if method == Method::HEAD {
        response = without_body(response);
    }
    if let Some((started, path)) = logged {
        tracing::info!(
            event = "http.request",
            user = user.as_deref().unwrap_or("-"),
            peer = %peer.ip(),
            %method,
            path,
            status = response.status().as_u16(),
            duration_seconds = started.elapsed().as_secs_f64(),
        );
    }
    response
}
