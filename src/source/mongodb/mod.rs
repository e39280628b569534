//! MongoDB, by its official driver.

mod ask;
mod bounds;
mod command;
mod connection;
mod encryption;
mod failure;
mod prober;
mod reader;
mod table;
mod tasks;

use std::path::PathBuf;
use std::time::Duration;

use ::mongodb::error::{Error, ErrorKind};
use ::mongodb::options::{AuthMechanism, ConnectionString};

use self::ask::Session;
use self::prober::MongodbProber;
use super::tls::Tls;
use super::{Context, Definition, Headline, Kind, KindFacts, Parts, Unit, golden};
use crate::metric::Desc;
use crate::query::Question;
use crate::setting::{self, Address, Secret, SecretError};

/// Everything about this kind that is data.
const BUNDLE: &str = include_str!("../../../bundle/mongodb.yml");

/// Logs in with a certificate, and needs no password.
const X509: AuthMechanism = AuthMechanism::MongoDbX509;

const DEFAULT_SLOW_OPERATION: setting::Duration = setting::Duration::seconds(10);

pub(super) const FACTS: KindFacts = KindFacts {
    name: "mongodb",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    up: Some(Desc::gauge("mongodb_up", &[], "Whether the last probe of the server succeeded.")),
    catalogue: || golden::catalogue("mongodb", BUNDLE),
    reasons: &[],
    answers: |question| matches!(question, Question::Mongo(_)),
    permissions: include_str!("../../../examples/roles/mongodb.js"),
    bundle: BUNDLE,
    headlines: &[
        Headline { title: "Connections", metric: "mongodb_pool_connections", unit: Unit::Count },
        Headline { title: "Data", metric: "mongodb_dbstats_data_size", unit: Unit::Bytes },
        Headline { title: "Slow operations", metric: "mongodb_currentop_slow_operations", unit: Unit::Count },
    ],
};

/// A collection in its database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Namespace {
    database: String,
    collection: String,
}

/// The keys of a `mongodb` source.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "RawConfig")]
pub struct Config {
    address: Address,
    /// The database that the URL names.
    database: Option<String>,
    password: Option<Secret>,
    /// Whether the URL or the other keys hold credentials.
    logs_in: bool,
    tls: Option<Tls>,
    collections: Vec<Namespace>,
    slow_operation: setting::Duration,
}

#[derive(serde::Deserialize)]
struct RawConfig {
    /// `mongodb://` or `mongodb+srv://`, as the application has it. With `directConnection=true`, this one member.
    url: Address,
    /// The password, instead of the one in the URL.
    password: Option<Secret>,
    /// A file that holds the password; read anew when it changes.
    password_file: Option<PathBuf>,
    /// Turns TLS on.
    tls: Option<Tls>,
    /// The collections, as `collection` or `database.collection`, whose size and count are exported.
    #[serde(default)]
    collections: Vec<String>,
    /// Operations that run for longer than this are counted as slow.
    slow_operation: Option<setting::Duration>,
}

/// Why a configuration was refused. Holds nothing of what stands before the `@` of the URL.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("expected mongodb://HOST or mongodb+srv://HOST: {0}")]
    Url(String),
    #[error(
        "the user or the password in the url cannot be read: percent-encode them (`@` is %40, `:` is %3A, `/` is \
         %2F, `?` is %3F, `%` is %25), or give the password as `password_file`"
    )]
    Credentials,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("a password is given, but the url names no user: expected mongodb://USER@HOST")]
    PasswordWithoutUser,
    #[error(
        "the user in the url has no password: give `password_file`, `password`, or mongodb://USER:PASSWORD@HOST"
    )]
    UserWithoutPassword,
    #[error("{0}")]
    ServerName(&'static str),
    #[error("`proxyHost` in the url is not supported: give the address of the server")]
    Proxy,
    #[error("expected database.collection in `collections`, found `{0}`: the url names no database")]
    NoDatabase(String),
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let url = parse(&raw.url)?;
        let password = Secret::from_keys("password", raw.password, raw.password_file)?;
        match (&url.credential, &password) {
            (None, Some(_)) => return Err(ConfigError::PasswordWithoutUser),
            (Some(user), None) if user.password.is_none() && user.mechanism != Some(X509) => {
                return Err(ConfigError::UserWithoutPassword);
            }
            _ => {}
        }
        if url.socks5_proxy.is_some() {
            return Err(ConfigError::Proxy);
        }
        raw.tls.iter().try_for_each(Tls::refuse_server_name).map_err(ConfigError::ServerName)?;
        let database = url.default_database.clone();
        let collections = raw.collections.into_iter().map(|name| namespace(name, database.as_deref()));
        Ok(Self {
            collections: collections.collect::<Result<_, _>>()?,
            address: raw.url,
            database,
            password,
            logs_in: url.credential.is_some(),
            tls: raw.tls,
            slow_operation: raw.slow_operation.unwrap_or(DEFAULT_SLOW_OPERATION),
        })
    }
}

/// Reads the URL, without looking anything up.
fn parse(url: &Address) -> Result<ConnectionString, ConfigError> {
    ConnectionString::parse(url.expose()).map_err(|error| {
        let Some((scheme, rest)) = url.expose().split_once("://") else { return url_fault(&error) };
        // The driver may take a piece of the password for a host, and quote it.
        let public = rest.rsplit_once('@').map_or(rest, |(_, public)| public);
        match ConnectionString::parse(format!("{scheme}://{public}")) {
            Ok(_) => ConfigError::Credentials,
            Err(error) => url_fault(&error),
        }
    })
}

fn url_fault(error: &Error) -> ConfigError {
    ConfigError::Url(match error.kind.as_ref() {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        kind => kind.to_string(),
    })
}

fn namespace(name: String, database: Option<&str>) -> Result<Namespace, ConfigError> {
    match (name.split_once('.'), database) {
        (Some((database, collection)), _) => {
            Ok(Namespace { database: database.to_owned(), collection: collection.to_owned() })
        }
        (None, Some(database)) => Ok(Namespace { database: database.to_owned(), collection: name }),
        (None, None) => Err(ConfigError::NoDatabase(name)),
    }
}

impl Definition for Config {
    fn kind(&self) -> Kind {
        Kind::Mongodb
    }

    fn target(&self) -> String {
        self.address.to_string()
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let session = Session::new(self, context.timeout);
        Parts {
            prober: Box::new(MongodbProber::new(session.clone(), context, self.slow_operation)),
            answers: Some(Box::new(session)),
        }
    }
}
