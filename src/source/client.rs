//! The HTTP client of every kind that speaks HTTP: bounded in time and size, and its errors classified.

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::error::Category;
use url::Position;

use super::classify;
use super::tls::Tls;
use crate::probe::{Problem, Reason};

/// An answer larger than this is not read to its end.
pub(super) const LARGEST_BODY: usize = 64 << 20;

/// A client for one source, which is one host: one connection, kept open between probes.
#[derive(Debug)]
pub(super) struct HttpClient {
    tls: Tls,
    client: Option<Client>,
}

/// A request, built by its methods.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    url: String,
    headers: Vec<(&'static str, SecretString)>,
    body: Vec<u8>,
    largest_body: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    pub(super) fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: Vec::new(), largest_body: LARGEST_BODY }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub(super) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        // serde_json's own message quotes a value of the wrong type, which may be anybody's data.
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = match error.classify() {
                Category::Data => "JSON of another form than expected",
                Category::Eof => "JSON that ends too early",
                Category::Syntax | Category::Io => "no JSON",
            };
            let (line, column) = (error.line(), error.column());
            Problem::new(Reason::Protocol, format!("the answer is {what} (line {line}, column {column})"))
        })
    }
}

impl HttpClient {
    pub(super) fn new(tls: Tls) -> Self {
        Self { tls, client: None }
    }

    /// Sends a request and reads the whole answer, at most for `timeout`.
    pub(super) async fn send(&mut self, request: Request, timeout: Duration) -> Result<Response, Problem> {
        let mut url = Url::parse(&request.url)
            .map_err(|error| Problem::new(Reason::Protocol, format!("not a URL: {error}")))?;
        let start = Instant::now();
        let client = self.client(&url).await?;
        let own_host = self.rename(&mut url)?;
        // Building the client reads the system's authorities, which takes its time as well.
        let left = timeout.saturating_sub(start.elapsed());
        let mut builder = client.request(request.method, url).timeout(left);
        for (name, value) in request.headers {
            builder = builder.header(name, value.expose_secret());
        }
        if let Some(host) = own_host {
            builder = builder.header(reqwest::header::HOST, host);
        }
        if !request.body.is_empty() {
            builder = builder.body(request.body);
        }
        let sent = builder.send().await;
        let result = match sent {
            Ok(response) => read(response, request.largest_body).await,
            Err(error) => Err(problem(error)),
        };
        if result.as_ref().is_err_and(|problem| problem.reason == Reason::Tls) {
            // The next request reads the certificates' files anew.
            self.client = None;
        }
        result
    }

    /// The client, built when it is first needed. After a failure it is kept: reqwest drops broken connections.
    async fn client(&mut self, url: &Url) -> Result<Client, Problem> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let mut builder = Client::builder();
        if self.tls.server_name.is_some() {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            builder = builder.dns_resolver(Arc::new(Always(host.to_owned())));
        }
        // The authorities of a system take a quarter of a MiB.
        let tls = match url.scheme() {
            "https" => self.tls.client_config().await?,
            _ => Tls::unused_client_config()?,
        };
        let client = builder
            .use_preconfigured_tls(tls)
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .user_agent(concat!("platform_exporter/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(problem)?;
        Ok(self.client.insert(client).clone())
    }

    /// The driver checks a certificate against the URL's host. Where it has to bear another name, that one takes the
    /// place of the host, which is returned for the `Host` header.
    fn rename(&self, url: &mut Url) -> Result<Option<String>, Problem> {
        let Some(name) = self.tls.server_name.as_ref().filter(|_| url.scheme() == "https") else {
            return Ok(None);
        };
        let host = url[Position::BeforeHost..Position::AfterPort].to_owned();
        url.set_host(Some(name.as_ref())).map_err(|error| Problem::new(Reason::Tls, error))?;
        Ok(Some(host))
    }
}

/// Leads to one host, whatever name is asked for.
struct Always(String);

impl Resolve for Always {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let addresses: Vec<_> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn read(mut response: reqwest::Response, largest: usize) -> Result<Response, Problem> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let too_large = || {
        let detail = format!("status {status}, and the answer is larger than {} MiB", largest >> 20);
        Problem::new(Reason::Protocol, detail)
    };
    // A server that tells the size spares the reading.
    if response.content_length().is_some_and(|length| length > largest as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(problem)? {
        if body.len() + chunk.len() > largest {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body })
}

/// The URL is left out of the message: a signed one is a secret.
fn problem(error: reqwest::Error) -> Problem {
    let error = error.without_url();
    let reason = if error.is_timeout() {
        Reason::Timeout
    } else {
        classify::network_reason(&error).unwrap_or(if error.is_connect() || was_cut(&error) {
            Reason::Connect
        } else {
            Reason::Protocol
        })
    };
    Problem::new(reason, classify::describe(&error))
}

/// Whether the connection ended in the middle of the exchange: hyper has its own words for that, and no I/O error.
fn was_cut(error: &reqwest::Error) -> bool {
    classify::causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(|cause| !cause.is_parse())
}
