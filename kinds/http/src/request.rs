//! The requests, initial and after redirects.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, StatusCode};
use platform_core::probe::{Problem, Reason};
use secrecy::ExposeSecret;
use url::Url;

use super::answer::EndpointAnswer;
use super::config::{self, Authorization, Config};

pub(super) struct EndpointRequest {
    pub(super) url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl EndpointRequest {
    pub(super) async fn first(config: &Config) -> Result<Self, Problem> {
        let url = config::parse(&config.url).map_err(|error| Problem::new(Reason::Internal, error))?;
        let mut headers = config.headers.clone();
        if let Some(credentials) = &config.credentials {
            headers.insert(AUTHORIZATION, authorization(credentials).await?);
        }
        let body = match &config.body {
            Some(body) => Bytes::copy_from_slice(body.read().await?.expose_secret().as_bytes()),
            None => Bytes::new(),
        };
        Ok(Self { url, method: config.method.clone(), headers, body })
    }

    /// The next request, if the response is a redirect.
    pub(super) fn redirected(&self, answer: &EndpointAnswer) -> Option<Result<Self, Problem>> {
        let keeps_method = match answer.status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            _ => return None,
        };
        let location = answer.headers.get(LOCATION)?;
        let url = location.to_str().ok().and_then(|location| self.url.join(location).ok());
        let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
            return Some(Err(Problem::new(Reason::Protocol, "a redirect to a URL that is not HTTP")));
        };
        let keeps_body = keeps_method || matches!(self.method, Method::GET | Method::HEAD);
        // Credentials for one origin must not reach another.
        let same_origin = url.origin() == self.url.origin();
        Some(Ok(Self {
            method: if keeps_body { self.method.clone() } else { Method::GET },
            headers: if same_origin { self.headers.clone() } else { HeaderMap::new() },
            body: if same_origin && keeps_body { self.body.clone() } else { Bytes::new() },
            url,
        }))
    }

    /// In origin form: with a path instead of a whole URL.
    pub(super) fn message(&self) -> Result<hyper::Request<Full<Bytes>>, Problem> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let unusable = |_| Problem::new(Reason::Protocol, "the URL cannot be used in a request");
        let mut message = hyper::Request::new(Full::new(self.body.clone()));
        *message.method_mut() = self.method.clone();
        *message.uri_mut() = path.parse().map_err(unusable)?;
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let host = HeaderValue::from_str(host)
            .map_err(|_| Problem::new(Reason::Protocol, "the host is not valid"))?;
        let headers = message.headers_mut();
        headers.insert(HOST, host);
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let name = concat!("platform_exporter/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(name));
        // The configured ones come last, so that they override these.
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        Ok(message)
    }
}

/// Rereads files, so that rotated secrets take effect.
async fn authorization(credentials: &Authorization) -> Result<HeaderValue, Problem> {
    let text = match credentials {
        Authorization::Bearer(token) => format!("Bearer {}", token.read().await?.expose_secret()),
        Authorization::Basic { username, password } => {
            let pair = format!("{username}:{}", password.read().await?.expose_secret());
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Problem::new(Reason::Auth, "the token contains a line break or another control character")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
