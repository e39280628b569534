//! The response of an endpoint.

use std::net::IpAddr;

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap};

/// At most this much of a body is read, then the connection is closed.
pub(super) const LARGEST_BODY: usize = 1 << 20;

pub(super) struct EndpointAnswer {
    pub(super) status: StatusCode,
    pub(super) version: f64,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether the body continues after the part that was read.
    pub(super) truncated: bool,
    pub(super) over_tls: bool,
    /// The responding address.
    pub(super) peer: IpAddr,
    /// When the first of the server's certificates expires, in Unix time.
    pub(super) expiry: Option<f64>,
}

impl EndpointAnswer {
    pub(super) fn content_length(&self) -> Option<f64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}
