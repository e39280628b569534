//! Maps a driver's error to a reason, by its root cause.

use std::error::Error;
use std::io::{self, ErrorKind};

use super::allowance::TooMuch;
use crate::descriptors;
use crate::probe::Reason;

/// The reason of a network or TLS failure, anywhere among an error's causes.
pub fn network_reason(error: &(dyn Error + 'static)) -> Option<Reason> {
    causes(error).find_map(|cause| {
        if cause.is::<rustls::Error>() {
            return Some(Reason::Tls);
        }
        if cause.is::<TooMuch>() {
            return Some(Reason::Protocol);
        }
        let io = cause.downcast_ref::<io::Error>()?;
        match io.get_ref() {
            // An I/O error does not expose the error it wraps through `source()`.
            Some(inner) => network_reason(inner).or_else(|| io_reason(io)),
            None => io_reason(io),
        }
    })
}

/// An error and all its causes.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What rustls says of a self-signed certificate as `openssl req -x509` makes it, and in other words.
const CA_AS_SERVER: [&str; 2] = [
    "Other(OtherError(CaUsedAsEndEntity))",
    "it is that of a CA, which cannot be a server's: issue one with `CA:FALSE`",
];

/// The whole chain of an error on one line, without repeating what a message already contains.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let cause = cause.to_string().replace(CA_AS_SERVER[0], CA_AS_SERVER[1]);
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

fn io_reason(error: &io::Error) -> Option<Reason> {
    if descriptors::is_out(error) {
        return Some(Reason::Internal);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Some(Reason::Connect),
        ErrorKind::TimedOut => Some(Reason::Timeout),
        // A UNIX socket that does not exist, or is not accessible.
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Some(Reason::Connect),
        // The standard library has no error kind for a failed lookup.
        _ if error.to_string().contains("failed to lookup address") => Some(Reason::Dns),
        _ => None,
    }
}
