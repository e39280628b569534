//! Free ports.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below Linux's range of ephemeral ports, so that no outgoing connection takes a port before its server does.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port that no other test uses until this is dropped, even in another process.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// An abstract socket is a lock that the kernel releases by itself, however the process ends.
    _claim: UnixListener,
}

impl Port {
    /// Claims a port on which nothing listens.
    pub fn free() -> Self {
        for _ in 0..1000 {
            let number = fastrand::u16(RANGE);
            if let Some(claim) = claim(number)
                && TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok()
            {
                return Self { number, _claim: claim };
            }
        }
        panic!("no free port in {RANGE:?}");
    }

    /// Claims this port if nothing listens on it, and otherwise any other.
    pub fn preferably(number: u16) -> Self {
        let is_free = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok();
        let claim = claim(number).filter(|_| is_free());
        claim.map_or_else(Self::free, |claim| Self { number, _claim: claim })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(formatter)
    }
}

fn claim(number: u16) -> Option<UnixListener> {
    let name =
        SocketAddr::from_abstract_name(format!("platform_exporter-port-{number}")).expect("a short name");
    UnixListener::bind_addr(&name).ok()
}
