//! From a driver's error to a reason, by what lies at the bottom of it.

use std::error::Error;
use std::io::{self, ErrorKind};

use super::client::allowance::TooMuch;
use crate::descriptors;
use crate::probe::Reason;

/// The reason for a failure of the network or of TLS that is somewhere among an error's causes.
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
            // An I/O error hides what it wraps from `source()`.
            Some(inner) => network_reason(inner).or_else(|| io_reason(io)),
            None => io_reason(io),
        }
    })
}

/// An error and everything that it says caused it.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The whole chain of an error in one line, without repeating what a message already holds.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let cause = cause.to_string();
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
        // A UNIX socket that is not there, or not ours.
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Some(Reason::Connect),
        // The standard library gives a failed look-up no kind of its own.
        _ if error.to_string().contains("failed to lookup address") => Some(Reason::Dns),
        _ => None,
    }
}
