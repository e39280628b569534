//! The URL of a server, taken apart.

use ::redis::{ConnectionAddr, ConnectionInfo};
use platform_core::setting::Address;
use platform_core::url_parameters::ParameterError;

use super::endpoint::{AddressOrigin, RedisEndpoint, RedisLogin};
use super::url_parameters;

/// Those that the driver knows.
const SCHEMES: [&str; 7] = ["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"];

/// A URL, taken apart.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
pub(super) struct RedisUrl {
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

fn tcp(host: &str, port: u16, tls: bool) -> RedisEndpoint {
    RedisEndpoint::Tcp { host: host.to_owned(), port, tls, origin: AddressOrigin::Configured }
}

impl TryFrom<Address> for RedisUrl {
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
            url_parameters::check(&endpoint, &key, &value)?;
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
            password: password.map(|password| address.secret(password)),
            database: settings.db(),
        };
        Ok(Self { address, endpoint, login })
    }
}
