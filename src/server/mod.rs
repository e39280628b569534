//! The HTTP server: access control (the web configuration), routes, one task per connection, drained on shutdown.

mod access_log;
mod address;
mod bucket;
mod connections;
mod heartbeat;
mod negotiate;
mod probe;
mod response;
mod routes;
mod status;
mod targets;
mod web;

pub use address::{BaseUrl, PublicAddress, RoutePrefix};
pub use heartbeat::Pushes;
pub use routes::{App, Reload};
pub use web::{Gate, WebError};

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::StatusCode;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use platform_core::descriptors::{self, Descriptors};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use connections::{ConnectionSlot, Connections};

/// Maximum size of a request's head, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// Maximum number of concurrent requests on an HTTP/2 connection.
const STREAMS: u32 = 16;
/// How long requests in flight have to finish on shutdown.
pub const DRAIN: Duration = Duration::from_secs(3);
/// A failed accept is retried after this time: the process may be out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The first byte from a TLS client: a record of type handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// The server, shared by all listeners.
pub struct Server {
    app: Arc<App>,
    gate: Gate,
    connections: Arc<Connections>,
    /// One permit per slot: a connection that has to close keeps its descriptor until it is closed.
    sockets: Arc<Semaphore>,
    descriptors: Descriptors,
}

impl Server {
    /// A server for these routes, behind this gate, with as many connections as file descriptors allow.
    pub fn new(app: Arc<App>, gate: Gate, descriptors: Descriptors) -> Self {
        let places = descriptors.connections();
        let (connections, sockets) = (Arc::new(Connections::new(places)), Arc::new(Semaphore::new(places)));
        Self { app, gate, connections, sockets, descriptors }
    }

    /// Serves requests on a bound listener until `stop` is cancelled, then drains those in flight.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let drain = GracefulShutdown::new();
        while let Some((stream, peer)) = stop.run_until_cancelled(self.accept(&listener)).await {
            let place = Arc::new(self.connections.place());
            let Ok(socket) = Arc::clone(&self.sockets).acquire_owned().await else { break };
            let (server, stop) = (Arc::clone(&self), stop.clone());
            let visit = Visit { server, peer, place, drain: drain.watcher(), stop, _socket: socket };
            tokio::spawn(visit.end(stream));
        }
        if tokio::time::timeout(DRAIN, drain.shutdown()).await.is_err() {
            tracing::warn!("some requests were still running after {DRAIN:?} and were aborted");
        }
    }

    async fn accept(&self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if descriptors::is_out(&error) => {
                    self.descriptors.are_out();
                    match self.descriptors.with_reserve(|| listener.accept().now_or_never()) {
                        Some(Ok(accepted)) => return accepted,
                        Some(Err(_)) | None => tokio::time::sleep(ACCEPT_AGAIN).await,
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

/// One connection.
struct Visit {
    server: Arc<Server>,
    peer: SocketAddr,
    place: Arc<ConnectionSlot>,
    drain: Watcher,
    stop: CancellationToken,
    _socket: OwnedSemaphorePermit,
}

/// How a connection is served.
#[derive(Clone, Copy)]
enum Way {
    Http1,
    Http2,
    /// Plain HTTP on a TLS port: a person or a health check, which gets an HTTP response instead of a TLS alert.
    Misled,
}

impl Visit {
    /// Runs until the client disconnects, has to be disconnected, or the server drains.
    async fn end(self, stream: TcpStream) {
        let place = Arc::clone(&self.place);
        tokio::select! {
            () = self.speak(stream) => {}
            () = place.lost() => {}
        }
    }

    async fn speak(self, stream: TcpStream) {
        // Otherwise the end of a long response waits for acknowledgement of what precedes it. This fails if the client
        // has already disconnected.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Some(tls) = self.server.gate.settings().await.tls() else {
            return self.http(TokioIo::new(stream), Way::Http1).await;
        };
        let stop = self.stop.clone();
        let handshake = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first != [TLS_HANDSHAKE] {
                return Ok(Err(stream));
            }
            TlsAcceptor::from(tls).accept(stream).await.map(Ok)
        };
        // There is no request yet, so nothing to drain.
        match stop.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(web::HTTP2);
                let way = if is_http2 { Way::Http2 } else { Way::Http1 };
                self.http(TokioIo::new(stream), way).await;
            }
            Some(Ok(Err(stream))) => self.http(TokioIo::new(stream), Way::Misled).await,
            Some(Err(error)) => tracing::debug!(event = "tls.handshake", peer = %self.peer.ip(), %error),
            None => {}
        }
    }

    async fn http<I: Read + Write + Unpin + Send + 'static>(self, io: I, way: Way) {
        let Self { server, peer, place, drain, .. } = self;
        let mut builder = Builder::new(TokioExecutor::new());
        // Timeouts are handled by the slot.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LARGEST_HEAD);
        builder.http2().max_concurrent_streams(STREAMS);
        let builder = match way {
            Way::Http2 => builder.http2_only(),
            Way::Http1 | Way::Misled => builder.http1_only(),
        };
        let service = service_fn(move |request| {
            let (server, place) = (Arc::clone(&server), Arc::clone(&place));
            async move {
                let _under_way = place.request();
                Ok::<_, Infallible>(match way {
                    Way::Misled => {
                        response::text(StatusCode::BAD_REQUEST, "This port speaks HTTPS, not HTTP.")
                    }
                    Way::Http1 | Way::Http2 => {
                        access_log::answer(&server.app, &server.gate, peer, request).await
                    }
                })
            }
        });
        // Connections that the client aborts are ignored.
        drop(drain.watch(builder.serve_connection(io, service)).await);
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
