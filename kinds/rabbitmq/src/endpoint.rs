//! Address and login of a broker, from its URLs.

use percent_encoding::percent_decode_str;
use platform_core::setting::{Address, Secret, SecretOrigin};
use platform_core::url_parameters::ParameterError;
use url::Url;

use super::url_parameters;

/// The broker's AMQP address and login.
#[derive(Clone, Debug)]
pub(super) struct BrokerEndpoint {
    pub(super) encrypted: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) vhost: String,
    /// Without one, the client certificate identifies the client: `EXTERNAL`.
    pub(super) login: Option<BrokerLogin>,
}

/// The address and login of the management API.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// Without credentials, query and trailing slash.
    pub(super) url: String,
    pub(super) login: BrokerLogin,
}

#[derive(Clone, Debug)]
pub(super) struct BrokerLogin {
    pub(super) username: String,
    pub(super) password: Secret,
}

/// The broker's URL, taken apart.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
pub(super) struct BrokerUrl {
    pub(super) address: Address,
    encrypted: bool,
    host: String,
    port: u16,
    vhost: String,
    username: Option<String>,
    password: Option<Secret>,
    external: bool,
}

/// The management API's URL, taken apart.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
pub(super) struct ManagementUrl {
    url: String,
    username: Option<String>,
    password: Option<Secret>,
}

/// Why a URL cannot be used. Does not quote it: it may contain a password.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum AmqpUrlError {
    #[error("{0}")]
    Scheme(String),
    #[error(
        "expected amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://…; in user, password and virtual host, \
         characters such as `/`, `@`, `#` and `%` must be percent-encoded"
    )]
    Broker,
    #[error("expected the address of the management API, as in http://HOST:15672")]
    Management,
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// Why URLs and other keys conflict.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error(
        "management_url: the management API does not support client certificates: set user and password in it, as in \
         https://USER:PASSWORD@HOST:15671"
    )]
    ManagementLogin,
    #[error(
        "`auth_mechanism=external` needs a URL that starts with amqps://, `tls.cert_file` and `tls.key_file`, and neither \
         user nor password"
    )]
    External,
}

/// What AMQP clients use if a URL has no user.
const DEFAULT_LOGIN: &str = "guest";
const EXAMPLE: &str = "amqp://USER:PASSWORD@HOST:5672/VHOST";
const MANAGEMENT_EXAMPLE: &str = "http://HOST:15672";

impl TryFrom<Address> for BrokerUrl {
    type Error = AmqpUrlError;

    fn try_from(address: Address) -> Result<Self, AmqpUrlError> {
        address.expect_scheme(&["amqp", "amqps"], EXAMPLE).map_err(AmqpUrlError::Scheme)?;
        let url = Url::parse(address.expose()).map_err(|_| AmqpUrlError::Broker)?;
        let encrypted = url.scheme() == "amqps";
        let mut external = false;
        for (key, value) in address.parameters() {
            external |= key == "auth_mechanism" && value.eq_ignore_ascii_case("external");
            url_parameters::check(encrypted, &key, &value)?;
        }
        let (username, password) = credentials(&address, &url).ok_or(AmqpUrlError::Broker)?;
        let (host, vhost) = place(&url).ok_or(AmqpUrlError::Broker)?;
        let port = url.port().unwrap_or(if encrypted { 5671 } else { 5672 });
        Ok(Self { address, encrypted, host, port, vhost, username, password, external })
    }
}

/// Host and virtual host.
fn place(url: &Url) -> Option<(String, String)> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let vhost = match url.path() {
        // Strictly, `/` is a virtual host with an empty name; but that is not used, and many URLs end in a slash.
        "" | "/" | "//" => "/".to_owned(),
        path => decoded(&path[1..])?,
    };
    Some((decoded(host.trim_matches(['[', ']']))?, vhost))
}

impl TryFrom<Address> for ManagementUrl {
    type Error = AmqpUrlError;

    fn try_from(address: Address) -> Result<Self, AmqpUrlError> {
        address.expect_scheme(&["http", "https"], MANAGEMENT_EXAMPLE).map_err(AmqpUrlError::Scheme)?;
        let url = Url::parse(address.expose()).map_err(|_| AmqpUrlError::Management)?;
        let (username, password) = credentials(&address, &url).ok_or(AmqpUrlError::Management)?;
        let url = without_login(url).ok_or(AmqpUrlError::Management)?;
        Ok(Self { url, username, password })
    }
}

/// The broker, with the other keys applied.
pub(super) fn broker(
    url: BrokerUrl,
    username: Option<String>,
    password: Option<Secret>,
) -> Result<BrokerEndpoint, EndpointError> {
    let BrokerUrl { encrypted, host, port, vhost, external, .. } = url;
    let login = match (external, username.or(url.username), password.or(url.password)) {
        (true, None, None) => None,
        (true, ..) => return Err(EndpointError::External),
        (false, username, password) => Some(BrokerLogin {
            username: username.unwrap_or_else(|| DEFAULT_LOGIN.to_owned()),
            password: password.unwrap_or_else(|| Secret::Value(DEFAULT_LOGIN.into(), SecretOrigin::BuiltIn)),
        }),
    };
    Ok(BrokerEndpoint { encrypted, host, port, vhost, login })
}

/// The management API; uses the broker's login if the URL has none.
pub(super) fn interface(
    url: ManagementUrl,
    broker: Option<&BrokerLogin>,
) -> Result<Interface, EndpointError> {
    let login = BrokerLogin {
        username: url
            .username
            .or_else(|| broker.map(|login| login.username.clone()))
            .ok_or(EndpointError::ManagementLogin)?,
        password: url
            .password
            .or_else(|| broker.map(|login| login.password.clone()))
            .ok_or(EndpointError::ManagementLogin)?,
    };
    Ok(Interface { url: url.url, login })
}

fn without_login(mut url: Url) -> Option<String> {
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// User and password of a URL; `None` when they are not UTF-8.
fn credentials(address: &Address, url: &Url) -> Option<(Option<String>, Option<Secret>)> {
    let username = match url.username() {
        "" => None,
        username => Some(decoded(username)?),
    };
    let password = match url.password() {
        None => None,
        Some(password) => Some(address.secret(decoded(password)?)),
    };
    Some((username, password))
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}
