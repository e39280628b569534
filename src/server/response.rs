//! Responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderValue, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, StatusCode, header};

use super::negotiate;
use crate::snapshot::{Coding, Published};

pub(super) type ServerResponse = hyper::Response<Pieces>;

/// A body from memory. Its length is known.
#[derive(Default)]
pub(super) struct Pieces {
    pieces: Arc<[Bytes]>,
    sent: usize,
}

impl From<Arc<[Bytes]>> for Pieces {
    fn from(pieces: Arc<[Bytes]>) -> Self {
        Self { pieces, sent: 0 }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.get(self.sent).cloned();
        self.sent += 1;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent >= self.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.pieces.iter().skip(self.sent);
        SizeHint::with_exact(rest.map(|piece| piece.len() as u64).sum())
    }
}

/// A plain text message.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> ServerResponse {
    let mut text = text.into();
    text.push('\n');
    with_type(status, "text/plain; charset=utf-8", one(text))
}

/// A value as JSON.
pub(super) fn json(value: &serde_json::Value) -> ServerResponse {
    with_type(StatusCode::OK, "application/json; charset=utf-8", one(value.to_string()))
}

/// A page. It may neither load nor run anything.
pub(super) fn page(html: String) -> ServerResponse {
    let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", one(html));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'",
        ),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// An exposition in the representation that the client requested.
pub(super) fn exposition(published: &Published, requested: &HeaderMap) -> ServerResponse {
    let header = |name| requested.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let format = negotiate::format(header(ACCEPT));
    let coding = negotiate::coding(header(ACCEPT_ENCODING));
    let mut response =
        with_type(StatusCode::OK, format.content_type(), published.body(format, coding).into());
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if coding == Coding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The client should request another path instead.
pub(super) fn redirect(path: &str) -> ServerResponse {
    let mut response = text(StatusCode::FOUND, format!("See {path}"));
    response.headers_mut().extend(HeaderValue::from_str(path).map(|path| (LOCATION, path)));
    response
}

/// The method is not allowed for the path.
pub(super) fn method_not_allowed(allowed: &'static str) -> ServerResponse {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, format!("Method not allowed: expected {allowed}."));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The response to a HEAD request. With HTTP/2, hyper would send the body.
pub(super) fn without_body(response: ServerResponse) -> ServerResponse {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
    ServerResponse::from_parts(head, Pieces::default())
}

fn one(text: String) -> Pieces {
    Arc::<[Bytes]>::from([text.into()]).into()
}

fn with_type(status: StatusCode, content_type: &'static str, body: Pieces) -> ServerResponse {
    let mut response = ServerResponse::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
