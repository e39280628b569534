//! An HTTP server in process that answers what a test says, and remembers what it was asked.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// What is answered.
pub type Reply = Response<BoxBody<Bytes, Infallible>>;

/// An answer with this status and body.
pub fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()).boxed());
    *reply.status_mut() = StatusCode::from_u16(status).expect("a status code");
    reply
}

/// An answer with one more header.
pub fn with(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers_mut().insert(name, value.parse().expect("a header value"));
    reply
}

type Handler = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;
type Log = Arc<Mutex<Vec<Asked>>>;

/// A web server; it ends on drop.
pub struct Web {
    address: String,
    acceptor: JoinHandle<()>,
    asked: Log,
}

impl Web {
    /// Listens on a free port.
    pub async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", handler).await
    }

    /// Listens where another server was before.
    pub async fn start_at(address: &str, handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let asked = Log::default();
        let acceptor = tokio::spawn(accept(listener, Arc::new(handler), Arc::clone(&asked)));
        Self { address, acceptor, asked }
    }

    /// Where it listens, as `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path that starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that was asked since this was last called.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock())
    }

    /// Ends the server with its connections.
    pub async fn end(mut self) {
        self.acceptor.abort();
        let _ = (&mut self.acceptor).await;
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, handler: Handler, log: Log) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (handler, log) = (Arc::clone(&handler), Arc::clone(&log));
        let service = service_fn(move |request| answer(request, Arc::clone(&handler), Arc::clone(&log)));
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(client), service));
    }
}

async fn answer(request: Request<Incoming>, handler: Handler, log: Log) -> Result<Reply, hyper::Error> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = body.collect().await?.to_bytes();
    let asked = Asked { method: head.method, path, headers: head.headers, body };
    let reply = handler(&asked);
    log.lock().push(asked);
    Ok(reply)
}
