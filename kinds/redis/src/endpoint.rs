//! Address and login of a server, from a URL.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ::redis::{ConnectionAddr, ConnectionInfo};
use platform_core::parameters::ParameterError;
use platform_core::setting::{Address, Secret};

use super::parameter;

/// Those that the driver knows.
const SCHEMES: [&str; 7] = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"];

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

/// A URL, taken apart.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "Address")]
pub(super) struct Url {
    pub(super) address: Address,
    pub(super) endpoint: RedisEndpoint,
    pub(super) login: RedisLogin,
}

/// Why a URL cannot be used. Does not quote it: it may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedisUrlError {
    #[error("{0}")]
    Scheme(String),
    #[error(
        "expected a URL such as redis://host:6379/0, rediss://host (with TLS) or redis+unix:///path/to/socket; \
         the characters `/?#@:` in a password have to be percent-encoded, or given as `password`"
    )]
    Syntax,
    #[error("`#insecure` is not supported: set the CA certificate with `tls: {{ca_file: …}}`")]
    Insecure,
    #[error(transparent)]
    Parameter(#[from] ParameterError),
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
            Self::Tcp { host, port, .. } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(formatter),
        }
    }
}

fn tcp(host: &str, port: u16, tls: bool) -> RedisEndpoint {
    RedisEndpoint::Tcp { host: host.to_owned(), port, tls, origin: AddressOrigin::Configured }
}

impl TryFrom<Address> for Url {
    type Error = RedisUrlError;

    fn try_from(address: Address) -> Result<Self, RedisUrlError> {
        address.expect_scheme(&SCHEMES, "redis://host:6379/0").map_err(RedisUrlError::Scheme)?;
        let info: ConnectionInfo = address.expose().parse().map_err(|_| RedisUrlError::Syntax)?;
        let endpoint = match info.addr() {
            ConnectionAddr::Tcp(host, port) => tcp(host, *port, false),
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(RedisUrlError::Insecure),
            ConnectionAddr::TcpTls { host, port, .. } => tcp(host, *port, true),
            ConnectionAddr::Unix(path) => RedisEndpoint::Unix(path.clone()),
            _ => return Err(RedisUrlError::Syntax),
        };
        for (key, value) in address.parameters() {
            parameter::check(&endpoint, &key, &value)?;
        }
        let settings = info.redis_settings();
        // The driver decodes `+` in a parameter as a space.
        let parameter = |name: &str| {
            address.parameters().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let (username, password) = match &endpoint {
            RedisEndpoint::Unix(_) => (parameter("user"), parameter("pass")),
            RedisEndpoint::Tcp { .. } => {
                (settings.username().map(str::to_owned), settings.password().map(str::to_owned))
            }
        };
        let login = RedisLogin {
            username,
            password: password.map(|password| Secret::Value(password.into())),
            database: settings.db(),
        };
        Ok(Self { address, endpoint, login })
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
