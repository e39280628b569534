//! One connection to a server, and the exchanges on it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use super::response::Response;
use crate::allowance::{Allowance, BUFFER};
use crate::dial::{self, host_port};
use crate::failure_reason;
use crate::large::Pace;
use crate::probe::{Problem, Reason};

pub(super) type HttpMessage = hyper::Request<Full<Bytes>>;

/// A connection that is kept between exchanges.
pub(super) struct HttpConnection {
    /// Scheme, host and port.
    origin: String,
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection, and never ends. It is polled during an exchange, and dropped with it if that is aborted.
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    allowance: Allowance,
    used: Instant,
}

/// Why there is no response.
pub(super) enum HttpFailure {
    /// The server had closed the connection before: nothing was sent.
    Unsent,
    Failed(Problem),
}

impl From<Problem> for HttpFailure {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// How long an idle connection is kept. Network devices forget idle ones after a few minutes.
const IDLE: Duration = Duration::from_secs(90);

impl HttpConnection {
    pub(super) async fn open(
        url: &Url,
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    ) -> Result<Self, Problem> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or_default();
        let here = |problem: Problem| problem.context(host_port(host, port));
        let stream = dial::tcp(host, port).await.map_err(here)?;
        let origin = url.origin().ascii_serialization();
        match tls {
            Some((config, name)) => {
                Self::on(origin, dial::tls(stream, config, name).await.map_err(here)?).await
            }
            None => Self::on(origin, stream).await,
        }
    }

    async fn on<S>(origin: String, stream: S) -> Result<Self, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let allowance = Allowance::for_head();
        let stream = TokioIo::new(allowance.limit(stream));
        let (sender, connection) =
            Builder::new().max_buf_size(BUFFER).handshake(stream).await.map_err(|error| problem(&error))?;
        // The connection passes its errors on to the exchange.
        let work = Box::pin(async {
            drop(connection.await);
            std::future::pending().await
        });
        Ok(Self { origin, sender, work, allowance, used: Instant::now() })
    }

    /// Whether the next exchange with this origin may go through it.
    pub(super) fn is_good_for(&mut self, url: &Url) -> bool {
        // Notices if the server has closed it.
        let _ = (&mut self.work).now_or_never();
        self.origin == url.origin().ascii_serialization()
            && self.used.elapsed() < IDLE
            && self.sender.is_ready()
    }

    /// Sends a request, and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        message: HttpMessage,
        largest: usize,
    ) -> Result<Response, HttpFailure> {
        self.allowance.renew();
        let (sender, allowance) = (&mut self.sender, &self.allowance);
        let answer = async {
            let response = sender.try_send_request(message).await;
            let response = response.map_err(|mut error| match error.take_message() {
                Some(_) => HttpFailure::Unsent,
                None => problem(error.error()).into(),
            })?;
            allowance.add_body(largest);
            Ok(read(response, largest).await?)
        };
        let result = tokio::select! {
            biased;
            answer = answer => answer,
            () = &mut self.work => Err(HttpFailure::Unsent),
        };
        self.used = Instant::now();
        result
    }
}

async fn read(response: hyper::Response<hyper::body::Incoming>, largest: usize) -> Result<Response, Problem> {
    let (head, mut incoming) = response.into_parts();
    let status = head.status.as_u16();
    let too_large = || {
        let detail = format!("status {status}, and the answer is larger than {} KiB", largest >> 10);
        Problem::new(Reason::Protocol, detail)
    };
    // If the server announces the size, nothing needs to be read.
    if incoming.size_hint().lower() > largest as u64 {
        return Err(too_large());
    }
    let (mut body, mut pace) = (Vec::new(), Pace::default());
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|error| problem(&error))?.into_data() else { continue };
        if body.len() + data.len() > largest {
            return Err(too_large());
        }
        body.extend_from_slice(&data);
        pace.read(data.len()).await;
    }
    Ok(Response { status, headers: head.headers, body })
}

fn problem(error: &hyper::Error) -> Problem {
    let other = if error.is_parse() { Reason::Protocol } else { Reason::Connect };
    Problem::new(failure_reason::network_reason(error).unwrap_or(other), failure_reason::describe(error))
}
