//! The lower bound: a server that only returns the same bytes from memory, with the same HTTP library.

use std::convert::Infallible;
use std::path::Path;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;

use testkit::http;
use testkit::ports::Port;
use testkit::process::{Process, command};

/// A running bare server.
pub(crate) struct Bare {
    pub(crate) url: String,
    _process: Process,
    _port: Port,
    _directory: TempDir,
}

/// The content codings; the bytes of each are in a file of this name.
const CODINGS: [&str; 2] = ["identity", "gzip"];

impl Bare {
    /// Starts a server that returns the current response of a URL.
    pub(crate) async fn like(url: &str) -> Self {
        let directory = TempDir::with_prefix("bare-").expect("a temporary directory");
        for coding in CODINGS {
            let request = http::client().get(url).header("accept-encoding", coding);
            let body = request.send().await.expect("it answers").bytes().await.expect("it answers in full");
            std::fs::write(directory.path().join(coding), body).expect("the directory is writable");
        }
        let port = Port::free();
        let mut command = command(std::env::current_exe().expect("the kernel knows"));
        command.arg("bare").arg(directory.path()).arg(port.to_string());
        let mut process = Process::spawn("bare", command, directory.path());
        let url = format!("http://127.0.0.1:{port}/metrics");
        process.ready(async || http::answers(&url).await).await;
        Self { url, _process: process, _port: port, _directory: directory }
    }
}

/// The main function of such a server's process.
pub(crate) async fn serve(directory: &Path, port: u16) {
    let [identity, gzip] = CODINGS
        .map(|coding| Bytes::from(std::fs::read(directory.join(coding)).expect("it was written before")));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is claimed");
    loop {
        let (stream, _) = listener.accept().await.expect("connections come");
        stream.set_nodelay(true).expect("an option of every socket");
        let bodies = (identity.clone(), gzip.clone());
        tokio::spawn(async move {
            let service = service_fn(async |request: Request<Incoming>| {
                Ok::<_, Infallible>(answer(request.headers(), &bodies))
            });
            // It ends with its client.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(headers: &HeaderMap, (identity, gzip): &(Bytes, Bytes)) -> Response<Full<Bytes>> {
    let packed = headers.get(ACCEPT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let response = Response::builder().header(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    let response = match packed {
        true => response.header(CONTENT_ENCODING, "gzip").body(Full::new(gzip.clone())),
        false => response.body(Full::new(identity.clone())),
    };
    response.expect("the headers are right")
}
