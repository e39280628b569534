//! The HTTP server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::response::Builder;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::{API_VERSION, Account};
use super::answer::answer;
use super::call::Call;
use super::error::ApiError;
use super::route;

/// Stripe's API on a local port, until it is dropped.
pub struct StripeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    account: Mutex<Account>,
    calls: watch::Sender<usize>,
}

impl StripeServer {
    /// Serves an empty account, to which no key is known yet, on a free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves an empty account at an address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port for the Stripe stand-in");
        let address = listener.local_addr().expect("a bound address");
        let shared =
            Arc::new(Shared { account: Mutex::new(Account::default()), calls: watch::Sender::new(0) });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, shared.clone()));
        Self { address, shared, _serving: serving }
    }

    /// The base of every URL, with no slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The account, to look at and to change; calls wait while it is held.
    pub fn state(&self) -> MutexGuard<'_, Account> {
        self.shared.account.lock()
    }

    /// Returns once `count` calls have come in since the start, answered or not.
    pub async fn called(&self, count: usize) {
        let mut calls = self.shared.calls.subscribe();
        calls.wait_for(|calls| *calls >= count).await.expect("the server outlives this borrow of it");
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("a free file descriptor");
                connections.spawn(serve(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| respond(request, &shared));
    // A client that goes away is no matter of the server's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, shared: &Shared) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, _) = request.into_parts();
    let call = Call::new(&head);
    let latency = {
        let mut account = shared.account.lock();
        account.calls.push(call.clone());
        account.latency
    };
    shared.calls.send_modify(|calls| *calls += 1);
    tokio::time::sleep(latency).await;

    let authorization = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (outcome, id) = {
        let mut account = shared.account.lock();
        (answer(&mut account, &call, authorization), account.fresh_id("req_"))
    };
    let mut response = Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .header("Request-Id", id)
        .header("Stripe-Version", call.header("Stripe-Version").unwrap_or(API_VERSION));
    if let Some(connected) = call.header("Stripe-Account") {
        response = response.header("Stripe-Account", connected);
    }
    let body = match outcome {
        Ok(body) => body,
        Err(error) => {
            response = error_head(response, &error);
            error.body(route::namespace(&call.path))
        }
    };
    Ok(response.body(Full::from(body.to_string())).expect("only header values that were headers or digits"))
}

fn error_head(mut response: Builder, error: &ApiError) -> Builder {
    if error.status == StatusCode::UNAUTHORIZED {
        response = response.header(WWW_AUTHENTICATE, r#"Basic realm="Stripe""#);
    }
    if error.status == StatusCode::TOO_MANY_REQUESTS {
        response = response.header("Stripe-Rate-Limited-Reason", "global-rate");
    }
    if let Some(seconds) = error.retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    response.status(error.status)
}
