//! A `mongodb://` URL, parsed by the driver, which rejects unknown parameters.

use ::mongodb::error::{Error, ErrorKind};
use ::mongodb::options::ConnectionString;
use platform_core::setting::Address;
use platform_core::yaml::nearest;

/// A URL that the driver can read.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
pub(super) struct MongoUrl {
    pub(super) address: Address,
    pub(super) parsed: ConnectionString,
}

/// Why a URL was rejected. Contains nothing before the `@`.
#[derive(Debug, thiserror::Error)]
pub(super) enum MongoUrlError {
    #[error("{0}")]
    Scheme(String),
    #[error("expected {EXAMPLE}: {0}")]
    Syntax(String),
    #[error("{0}")]
    Parameter(String),
    #[error(
        "expected {EXAMPLE}, with a port from 1 to 65535 or none, and further hosts after commas; in a user or \
         password, percent-encode each `@` (%40), `:` (%3A), `/` (%2F) and `,` (%2C)"
    )]
    Hosts,
    #[error(
        "the user or the password in the url cannot be read: percent-encode them (`@` is %40, `:` is %3A, `/` is \
         %2F, `?` is %3F, `%` is %25), or set `password_file`"
    )]
    Credentials,
}

const EXAMPLE: &str = "mongodb://USER@HOST:27017/DATABASE or mongodb+srv://USER@HOST/DATABASE";

/// The parameters that are most often meant; in lower case, as the driver compares them.
const PARAMETERS: [&str; 19] = [
    "appname",
    "authmechanism",
    "authmechanismproperties",
    "authsource",
    "compressors",
    "connecttimeoutms",
    "directconnection",
    "heartbeatfrequencyms",
    "loadbalanced",
    "maxpoolsize",
    "readconcernlevel",
    "readpreference",
    "replicaset",
    "retryreads",
    "retrywrites",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "tls",
    "tlscafile",
];

impl TryFrom<Address> for MongoUrl {
    type Error = MongoUrlError;

    /// Parses the URL, without DNS lookups.
    fn try_from(address: Address) -> Result<Self, MongoUrlError> {
        address.expect_scheme(&["mongodb", "mongodb+srv"], EXAMPLE).map_err(MongoUrlError::Scheme)?;
        let parsed = ConnectionString::parse(address.expose()).map_err(|error| fault(&address, &error))?;
        Ok(Self { address, parsed })
    }
}

fn fault(address: &Address, error: &Error) -> MongoUrlError {
    // The driver may mistake a part of the password for a host, and quote it.
    let (scheme, rest) = address.expose().split_once("://").unwrap_or_default();
    let public = rest.rsplit_once('@').map_or(rest, |(_, public)| public);
    if ConnectionString::parse(format!("{scheme}://{public}")).is_ok() {
        return MongoUrlError::Credentials;
    }
    let hosts = public.split(['/', '?']).next().unwrap_or_default();
    if ConnectionString::parse(format!("{scheme}://{hosts}")).is_err() {
        return MongoUrlError::Hosts;
    }
    let message = match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        kind => kind.to_string(),
    };
    if let Some(key) = message.split_once(" is an invalid option").map(|(key, _)| key) {
        let hint = nearest(&key.replace('_', ""), PARAMETERS).map_or_else(
            || ": not supported by the driver".to_owned(),
            |meant| format!(": did you mean `{meant}`?"),
        );
        let key = if key.len() < 40 { format!("`{key}` ") } else { String::new() };
        return MongoUrlError::Parameter(format!("the parameter {key}of the URL is unknown{hint}"));
    }
    MongoUrlError::Syntax(without_values(address, message))
}

/// The driver quotes values of parameters, and what has no `=`: either may be secret.
fn without_values(address: &Address, message: String) -> String {
    let may_be_secret = |(key, _): &(String, String)| !key.eq_ignore_ascii_case("authMechanism");
    let pairs = address.parameters().into_iter().filter(may_be_secret);
    let values = pairs.map(|(key, value)| if value.is_empty() { key } else { value });
    let values = values.filter(|value| !value.is_empty() && value != "true" && value != "false");
    values.fold(message, |message, value| message.replace(&value, "…"))
}
