//! Where a server is and as whom to log in there, out of a URL.

use std::fmt;
use std::path::PathBuf;

use super::parameter;
use crate::setting::{Address, Secret};
use crate::source::parameters::ParameterError;
use ::redis::{ConnectionAddr, ConnectionInfo};

/// Those that the driver knows.
const SCHEMES: [&str; 7] = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"];

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

/// As whom to log in, and to which database.
#[derive(Clone, Debug, Default)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: i64,
}

/// A URL, taken apart.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "Address")]
pub(super) struct Url {
    pub(super) address: Address,
    pub(super) endpoint: Endpoint,
    pub(super) login: Login,
}

/// Why a URL cannot be used. Does not repeat the URL: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UrlError {
    #[error("{0}")]
    Scheme(String),
    #[error(
        "expected a URL such as redis://host:6379/0, rediss://host (with TLS) or redis+unix:///path/to/socket; \
         the characters `/?#@:` in a password have to be percent-encoded, or given as `password`"
    )]
    Syntax,
    #[error("`#insecure` is not possible: give the authority's certificate as `tls: {{ca_file: …}}`")]
    Insecure,
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

impl Endpoint {
    /// Another server of the same deployment: spoken to in the same way.
    pub(super) fn sibling(&self, host: &str, port: u16) -> Self {
        match self {
            // A node that does not know its own name is where the one is that told of it.
            Self::Tcp { host: own, tls, .. } if host.is_empty() || host == "?" => {
                Self::Tcp { host: own.clone(), port, tls: *tls }
            }
            Self::Tcp { tls, .. } => Self::Tcp { host: host.to_owned(), port, tls: *tls },
            Self::Unix(_) => Self::Tcp { host: host.to_owned(), port, tls: false },
        }
    }

    /// Whether TLS is spoken there.
    pub(super) fn has_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(formatter),
        }
    }
}

impl TryFrom<Address> for Url {
    type Error = UrlError;

    fn try_from(address: Address) -> Result<Self, UrlError> {
        address.expect_scheme(&SCHEMES, "redis://host:6379/0").map_err(UrlError::Scheme)?;
        let info: ConnectionInfo = address.expose().parse().map_err(|_| UrlError::Syntax)?;
        let endpoint = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Endpoint::Tcp { host: host.clone(), port: *port, tls: false },
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(UrlError::Insecure),
            ConnectionAddr::TcpTls { host, port, .. } => {
                Endpoint::Tcp { host: host.clone(), port: *port, tls: true }
            }
            ConnectionAddr::Unix(path) => Endpoint::Unix(path.clone()),
            _ => return Err(UrlError::Syntax),
        };
        for (key, value) in address.parameters() {
            parameter::check(&endpoint, &key, &value)?;
        }
        let settings = info.redis_settings();
        let password = match &endpoint {
            // The driver takes `+` in a parameter for a space.
            Endpoint::Unix(_) => {
                address.parameters().into_iter().find(|(key, _)| key == "pass").map(|(_, pass)| pass)
            }
            Endpoint::Tcp { .. } => settings.password().map(str::to_owned),
        };
        let login = Login {
            username: settings.username().map(str::to_owned),
            password: password.map(|password| Secret::Value(password.into())),
            database: settings.db(),
        };
        Ok(Self { address, endpoint, login })
    }
}
