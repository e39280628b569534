//! The response of an endpoint.

use std::net::IpAddr;

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, LAST_MODIFIED};
use platform_core::metric::timestamp;

use super::handshake::Handshake;

/// At most this much of a body is read, then the connection is closed.
pub(super) const LARGEST_BODY: usize = 1 << 20;

pub(super) struct EndpointAnswer {
    pub(super) status: StatusCode,
    pub(super) version: f64,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether the body continues after the part that was read.
    pub(super) truncated: bool,
    /// `None` without TLS.
    pub(super) handshake: Option<Handshake>,
    /// The responding address.
    pub(super) peer: IpAddr,
}

impl EndpointAnswer {
    pub(super) fn content_length(&self) -> Option<f64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// `None` if it continues after what was read.
    pub(super) fn body_length(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "at most a mebibyte")]
        (!self.truncated).then_some(self.body.len() as f64)
    }

    /// In Unix time.
    pub(super) fn last_modified(&self) -> Option<f64> {
        let text = self.headers.get(LAST_MODIFIED)?.to_str().ok()?;
        Some(timestamp(httpdate::parse_http_date(text).ok()?))
    }
}
