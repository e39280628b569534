//! The HTTP client of all HTTP kinds: limited in time and size, with classified errors.

mod connection;
mod response;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
pub use hyper::Method;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use url::{Position, Url};

use self::connection::{HttpConnection, HttpFailure, HttpMessage};
pub use self::response::Response;
use super::tls::Tls;
use crate::probe::{Problem, Reason};

/// A larger answer is not read to its end, unless the request sets another limit.
const LARGEST_BODY: usize = 1 << 20;

/// A client for one source, which is one host: one connection, kept open between probes. It follows no redirects, uses
/// no proxy, and does not decompress.
pub struct HttpClient {
    tls: Tls,
    /// Kept because loading the system's CAs is slow.
    config: Option<Arc<ClientConfig>>,
    connection: Option<HttpConnection>,
}

/// A request, built by its methods.
#[derive(Debug)]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(&'static str, SecretString)>,
    body: Bytes,
    largest_body: usize,
}

impl Request {
    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A request without headers of its own and without a body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: Bytes::new(), largest_body: LARGEST_BODY }
    }

    /// With a header, which may be a secret.
    pub fn header(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into().into();
        self
    }

    /// With another limit for the body of the answer.
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }

    /// The request as sent on a connection: with a path instead of a complete URL.
    fn message(&self, url: &Url) -> Result<HttpMessage, Problem> {
        let unusable =
            |what: &str| Problem::new(Reason::Protocol, format!("{what} cannot be used in a request"));
        let mut message = HttpMessage::new(Full::new(self.body.clone()));
        *message.method_mut() = self.method.clone();
        let path = &url[Position::BeforePath..Position::AfterQuery];
        *message.uri_mut() = path.parse().map_err(|_| unusable("the URL"))?;
        let headers = message.headers_mut();
        let host = &url[Position::BeforeHost..Position::AfterPort];
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| unusable("the host"))?);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let name = concat!("platform_exporter/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(name));
        for (name, value) in &self.headers {
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| unusable(name))?;
            value.set_sensitive(true);
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable(name))?;
            headers.insert(name, value);
        }
        Ok(message)
    }
}

impl HttpClient {
    /// A client without a connection.
    pub fn new(tls: Tls) -> Self {
        Self { tls, config: None, connection: None }
    }

    /// Sends a request and reads the whole answer, at most for `timeout`.
    pub async fn send(&mut self, request: Request, timeout: Duration) -> Result<Response, Problem> {
        let result = tokio::time::timeout(timeout, self.exchange(&request)).await;
        let result =
            result.unwrap_or_else(|_| Err(Problem::new(Reason::Timeout, "the answer took too long")));
        if result.as_ref().is_err_and(|problem| problem.reason == Reason::Tls) {
            // The next request reloads the certificate files.
            self.config = None;
        }
        result
    }

    /// One exchange. The connection is taken out of `self` meanwhile, so it is dropped if the future is.
    async fn exchange(&mut self, request: &Request) -> Result<Response, Problem> {
        // The URL is left out of all messages: a signed one is a secret.
        let url = Url::parse(&request.url)
            .map_err(|error| Problem::new(Reason::Protocol, format!("not a URL: {error}")))?;
        let mut kept = self.connection.take();
        if let Some(mut connection) = kept.take_if(|connection| connection.is_good_for(&url)) {
            match connection.exchange(request.message(&url)?, request.largest_body).await {
                Ok(response) => {
                    self.connection = Some(connection);
                    return Ok(response);
                }
                Err(HttpFailure::Failed(problem)) => return Err(problem),
                Err(HttpFailure::Unsent) => {}
            }
        }
        let mut connection = HttpConnection::open(&url, self.tls(&url).await?).await?;
        match connection.exchange(request.message(&url)?, request.largest_body).await {
            Ok(response) => {
                self.connection = Some(connection);
                Ok(response)
            }
            Err(HttpFailure::Failed(problem)) => Err(problem),
            Err(HttpFailure::Unsent) => {
                Err(Problem::new(Reason::Connect, "the connection was closed immediately"))
            }
        }
    }

    /// What a connection to this URL needs for TLS, if it uses TLS.
    async fn tls(&mut self, url: &Url) -> Result<Option<(Arc<ClientConfig>, ServerName<'static>)>, Problem> {
        if url.scheme() != "https" {
            return Ok(None);
        }
        let config = match &self.config {
            Some(config) => Arc::clone(config),
            None => {
                let mut config = self.tls.client_config().await?;
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                Arc::clone(self.config.insert(Arc::new(config)))
            }
        };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        Ok(Some((config, self.tls.name_of(host)?)))
    }
}
