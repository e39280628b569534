//! Pushed heartbeats of workers: `/heartbeat/CLASS/WORKER`, optionally followed by `/start`, `/fail` or an exit code.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, StatusCode};
use platform_core::heartbeat::{Full, Heartbeats, Push};
use platform_core::setting::Secret;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::bucket::Bucket;
use super::response::{ServerResponse, method_not_allowed, text};

/// Workers may send their output as the body, which is read and discarded; a longer one is rejected.
const LARGEST_BODY: usize = 100_000;
/// A body that takes longer than this is rejected.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The rate at which a class may push, and its burst.
const PUSH_INTERVAL: Duration = Duration::from_millis(10);
const PUSH_BURST: u32 = 1000;

/// The classes whose workers push.
#[derive(Debug)]
pub struct Pushes(BTreeMap<String, Class>);

#[derive(Debug)]
struct Class {
    token: Secret,
    bucket: Bucket,
}

impl FromIterator<(String, Secret)> for Pushes {
    /// From each class with its token.
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(classes: I) -> Self {
        let class = |token| Class { token, bucket: Bucket::new(PUSH_INTERVAL, PUSH_BURST) };
        Self(classes.into_iter().map(|(name, token)| (name, class(token))).collect())
    }
}

/// Whether a path is a heartbeat. Only the token of the class authorizes a push: a scraper's password does not, and a
/// worker needs no password.
pub(super) fn is_at(path: &str) -> bool {
    path.starts_with("/heartbeat/")
}

pub(super) async fn answer(
    pushes: &Pushes,
    heartbeats: &Heartbeats,
    request: Request<Incoming>,
) -> ServerResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return method_not_allowed("GET, HEAD, POST");
    }
    let Some(push) = Push::parse(request.uri().path()) else {
        return text(
            StatusCode::NOT_FOUND,
            "Expected /heartbeat/CLASS/WORKER, then nothing, /start, /fail or /EXIT_CODE.",
        );
    };
    match take(pushes, heartbeats, &push, request).await {
        Ok(()) => text(StatusCode::OK, "OK"),
        Err(refusal) => refusal.response(),
    }
}

/// Why a heartbeat is rejected.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    // An unknown class and a wrong token get the same answer, so that classes cannot be guessed.
    #[error("Unknown class, or wrong token.")]
    Unauthorized,
    #[error("The token of this class cannot be read.")]
    NoToken,
    #[error("Too many heartbeats of this class.")]
    TooOften,
    #[error("The body is larger than {LARGEST_BODY} bytes.")]
    TooLarge,
    #[error("The body did not arrive in time.")]
    Late,
    #[error(transparent)]
    Full(#[from] Full),
}

impl Refusal {
    fn response(&self) -> ServerResponse {
        let (status, header) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, Some((WWW_AUTHENTICATE, "Bearer"))),
            Self::NoToken => (StatusCode::INTERNAL_SERVER_ERROR, None),
            Self::TooOften => (StatusCode::TOO_MANY_REQUESTS, Some((RETRY_AFTER, "1"))),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, None),
            Self::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, None),
        };
        let mut response = text(status, self.to_string());
        response.headers_mut().extend(header.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

async fn take(
    pushes: &Pushes,
    heartbeats: &Heartbeats,
    push: &Push,
    request: Request<Incoming>,
) -> Result<(), Refusal> {
    if !permitted(pushes, push, request.headers()).await?.bucket.take() {
        return Err(Refusal::TooOften);
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, read_through(request.into_body()));
    read.await.map_err(|_| Refusal::Late)??;
    Ok(heartbeats.record(&push.class, &push.worker, push.signal, SystemTime::now())?)
}

/// The class, if the request has its token.
async fn permitted<'a>(pushes: &'a Pushes, push: &Push, headers: &HeaderMap) -> Result<&'a Class, Refusal> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let (Some(class), Some(given)) = (pushes.0.get(&push.class), given) else {
        return Err(Refusal::Unauthorized);
    };
    let token = class.token.read().await.map_err(|error| {
        tracing::error!(class = push.class, %error, "cannot check a pushed heartbeat");
        Refusal::NoToken
    })?;
    let is_right = token.expose_secret().as_bytes().ct_eq(given.as_bytes());
    if is_right.into() { Ok(class) } else { Err(Refusal::Unauthorized) }
}

async fn read_through(body: Incoming) -> Result<(), Refusal> {
    let mut body = Limited::new(body, LARGEST_BODY);
    while let Some(frame) = body.frame().await {
        frame.map_err(|_| Refusal::TooLarge)?;
    }
    Ok(())
}
