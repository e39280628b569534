//! Address and login of a server.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use platform_core::dial::host_port;
use platform_core::setting::Secret;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RedisEndpoint {
    Tcp { host: String, port: u16, tls: bool, origin: AddressOrigin },
    Unix(PathBuf),
}

/// Where a server's address comes from. Addresses from other servers are checked, since the password is sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AddressOrigin {
    /// The configuration.
    Configured,
    /// A server on this machine.
    NamedHere,
    /// A server on another machine.
    NamedElsewhere,
}

impl AddressOrigin {
    /// Whether a server may have this address. A remote one cannot know what listens on this host's loopback, and
    /// link-local addresses serve cloud metadata.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_here = address.is_loopback() || address.is_unspecified();
        let is_link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        match self {
            Self::Configured => true,
            Self::NamedHere => !is_link_local,
            Self::NamedElsewhere => !is_link_local && !is_here,
        }
    }
}

/// Login and database.
#[derive(Clone, Debug, Default)]
pub(super) struct RedisLogin {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: i64,
}

impl RedisLogin {
    /// The account. Without a name, it is the one that every server has.
    pub(super) fn user(&self) -> &str {
        self.username.as_deref().unwrap_or("default")
    }
}

impl RedisEndpoint {
    /// Another server of the same deployment, reached the same way. `is_here` says whether the server that named it is
    /// on this host.
    pub(super) fn sibling(&self, host: &str, port: u16, is_here: bool) -> Self {
        let origin = if is_here { AddressOrigin::NamedHere } else { AddressOrigin::NamedElsewhere };
        match self {
            // A node without an address of its own is at the address of the server that named it.
            Self::Tcp { host: own, tls, origin, .. } if host.is_empty() || host == "?" => {
                Self::Tcp { host: own.clone(), port, tls: *tls, origin: *origin }
            }
            Self::Tcp { tls, .. } => Self::Tcp { host: host.to_owned(), port, tls: *tls, origin },
            Self::Unix(_) => Self::Tcp { host: host.to_owned(), port, tls: false, origin },
        }
    }

    /// The same server, with TLS if `needed`.
    pub(super) fn with_tls(self, needed: bool) -> Self {
        match self {
            Self::Tcp { host, port, tls, origin } => Self::Tcp { host, port, tls: tls || needed, origin },
            unix @ Self::Unix(_) => unix,
        }
    }

    /// Whether it uses TLS.
    pub(super) fn has_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }
}

impl fmt::Display for RedisEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } => formatter.write_str(&host_port(host, *port)),
            Self::Unix(path) => path.display().fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AddressOrigin::{Configured, NamedElsewhere, NamedHere};

    #[test]
    fn a_server_elsewhere_names_no_address_of_this_machine() {
        let allows = |address: &str| {
            let address = address.parse().expect("an address");
            [Configured, NamedHere, NamedElsewhere].map(|origin| origin.allows(address))
        };
        for address in ["10.0.0.1", "192.168.1.1", "1.1.1.1", "fd00::1", "2001:db8::1"] {
            assert_eq!(allows(address), [true, true, true], "{address}");
        }
        for address in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
            assert_eq!(allows(address), [true, true, false], "{address}");
        }
        for address in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"] {
            assert_eq!(allows(address), [true, false, false], "{address}");
        }
    }
}
