//! The HTTP side: routes, one connection at a time per task, drained on shutdown.

mod access;
mod negotiate;
mod response;
mod routes;
mod status;
mod targets;

pub use routes::App;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// A client that has not sent its request's head within this time is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at once, over all listeners; further ones wait to be accepted.
const CONNECTIONS: usize = 512;
/// Requests under way have this long to end on shutdown.
pub const DRAIN: Duration = Duration::from_secs(3);
/// A failed accept is tried again after this time: the process may be out of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves requests on a bound listener until `stop` is cancelled, then lets those under way end.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: CancellationToken) {
    let drain = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    while let Some(permit) = stop.run_until_cancelled(Arc::clone(&connections).acquire_owned()).await {
        let Some(accepted) = stop.run_until_cancelled(accept(&listener)).await else { break };
        let (stream, peer) = accepted;
        let app = Arc::clone(&app);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let app = Arc::clone(&app);
                    async move { Ok::<_, std::convert::Infallible>(access::logged(&app, peer, request).await) }
                }),
            );
        let connection = drain.watch(connection);
        tokio::spawn(async move {
            // A client that breaks its connection off is its own affair.
            drop(connection.await);
            drop(permit);
        });
    }
    if tokio::time::timeout(DRAIN, drain.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way after {DRAIN:?}, and were cut off");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
