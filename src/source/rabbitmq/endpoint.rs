//! Where a broker is and as whom to log in there, out of its URLs.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::setting::{Address, Secret};

/// Where the broker serves AMQP, and as whom to log in.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) encrypted: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) vhost: String,
    /// Without one, the client's certificate says who it is: `EXTERNAL`.
    pub(super) login: Option<Login>,
}

/// Where the management interface is, and as whom to log in.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// Without credentials, query and trailing slash.
    pub(super) url: String,
    pub(super) login: Login,
}

#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Secret,
}

/// Why a URL cannot be used. Does not repeat it: it may hold a password.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error(
        "url: expected amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://…; in user, password and virtual host, \
         characters such as `/`, `@`, `#` and `%` have to be percent-encoded"
    )]
    Url,
    #[error("management_url: expected the address of the management interface, as in http://HOST:15672")]
    ManagementUrl,
    #[error(
        "management_url: the management interface knows no certificates: give user and password in it, as in \
         https://USER:PASSWORD@HOST:15671"
    )]
    ManagementLogin,
    #[error(
        "`auth_mechanism=external` needs a URL that starts with amqps://, `tls.cert_file` and `tls.key_file`, and neither \
         user nor password"
    )]
    External,
}

/// What AMQP's clients take where a URL has no user.
const DEFAULT_LOGIN: &str = "guest";

/// The broker, with what is given beside its URL.
pub(super) fn broker(
    url: &Address,
    username: Option<String>,
    password: Option<Secret>,
) -> Result<Endpoint, EndpointError> {
    let url = Url::parse(url.expose()).map_err(|_| EndpointError::Url)?;
    let (url_username, url_password) = credentials(&url).ok_or(EndpointError::Url)?;
    let given = (username.or(url_username), password.or(url_password));
    let is_external = |(key, value): (_, std::borrow::Cow<'_, str>)| {
        key == "auth_mechanism" && value.eq_ignore_ascii_case("external")
    };
    let login = match (url.query_pairs().any(is_external), given) {
        (true, (None, None)) => None,
        (true, _) => return Err(EndpointError::External),
        (false, (username, password)) => Some(Login {
            username: username.unwrap_or_else(|| DEFAULT_LOGIN.to_owned()),
            password: password.unwrap_or_else(|| Secret::Value(DEFAULT_LOGIN.into())),
        }),
    };
    endpoint(&url, login).ok_or(EndpointError::Url)
}

fn endpoint(url: &Url, login: Option<Login>) -> Option<Endpoint> {
    let encrypted = match url.scheme() {
        "amqp" => false,
        "amqps" => true,
        _ => return None,
    };
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let vhost = match url.path() {
        // By the letter, `/` is a virtual host without a name; but nobody has one, and many write this slash.
        "" | "/" | "//" => "/".to_owned(),
        path => decoded(&path[1..])?,
    };
    Some(Endpoint {
        encrypted,
        host: percent_decode_str(host.trim_matches(['[', ']'])).decode_utf8().ok()?.into_owned(),
        port: url.port().unwrap_or(if encrypted { 5671 } else { 5672 }),
        vhost,
        login,
    })
}

/// The management interface; its login is the broker's where the URL has none.
pub(super) fn interface(url: &Address, broker: Option<&Login>) -> Result<Interface, EndpointError> {
    let url = Url::parse(url.expose()).map_err(|_| EndpointError::ManagementUrl)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(EndpointError::ManagementUrl);
    }
    let (username, password) = credentials(&url).ok_or(EndpointError::ManagementUrl)?;
    let login = Login {
        username: username
            .or_else(|| broker.map(|login| login.username.clone()))
            .ok_or(EndpointError::ManagementLogin)?,
        password: password
            .or_else(|| broker.map(|login| login.password.clone()))
            .ok_or(EndpointError::ManagementLogin)?,
    };
    let url = without_login(url).ok_or(EndpointError::ManagementUrl)?;
    Ok(Interface { url, login })
}

fn without_login(mut url: Url) -> Option<String> {
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// User and password of a URL; `None` when they are not UTF-8.
fn credentials(url: &Url) -> Option<(Option<String>, Option<Secret>)> {
    let username = match url.username() {
        "" => None,
        username => Some(decoded(username)?),
    };
    let password = match url.password() {
        None => None,
        Some(password) => Some(Secret::Value(decoded(password)?.into())),
    };
    Some((username, password))
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}
