//! The keys of a source.

use std::path::PathBuf;

use ::mongodb::options::AuthMechanism;
use platform_core::probe::Problem;
use platform_core::setting::{self, Address, Secret, SecretError};
use platform_core::tls::Tls;

use super::collector::Collector;
use super::role::MongoAccount;
use super::url::MongoUrl;

/// Logs in with a certificate, without a password.
const X509: AuthMechanism = AuthMechanism::MongoDbX509;

const DEFAULT_SLOW_OPERATION: setting::Duration = setting::Duration::seconds(10);

/// The queries whose names only `compatible` sources have: a part of what every probe reads.
pub(super) const COMPATIBLE: &str = "compatible";

/// A collection in its database.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Namespace {
    pub(super) database: String,
    pub(super) collection: String,
}

/// The keys of a `mongodb` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawConfig")]
#[schemars(with = "RawConfig")]
pub struct Config {
    pub(super) address: Address,
    /// The database that the URL names.
    pub(super) database: Option<String>,
    pub(super) password: Option<Secret>,
    /// Whether the URL or the other keys hold credentials.
    pub(super) logs_in: bool,
    pub(super) account: Option<MongoAccount>,
    pub(super) tls: Option<Tls>,
    pub(super) collections: Vec<Namespace>,
    pub(super) slow_operation: setting::Duration,
    pub(super) collect: Vec<Collector>,
    pub(super) compatible: bool,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawConfig {
    /// `mongodb://` or `mongodb+srv://`, as the application has it. With `directConnection=true`, this one member.
    url: MongoUrl,
    /// The password, instead of the one in the URL.
    password: Option<Secret>,
    /// A file that holds the password; reread when it changes.
    password_file: Option<PathBuf>,
    /// Turns TLS on.
    tls: Option<Tls>,
    /// The collections, as `collection` or `database.collection`, whose size and count are exported.
    #[serde(default)]
    collections: Vec<String>,
    /// Operations that run for longer than this are counted as slow; default: 10s.
    slow_operation: Option<setting::Duration>,
    /// What a probe reads in addition to the state of the server and of its set; default: `dbstats`, `collstats`,
    /// `oplog`.
    collect: Option<Vec<Collector>>,
    /// Also exports the names of mongodb_exporter before 0.20.
    #[serde(default)]
    compatible: bool,
}

impl Config {
    /// A problem; if it is a rejected login, with where its password comes from.
    pub(super) fn with_origin(&self, problem: Problem) -> Problem {
        let origin = self.password.as_ref().map(Secret::origin);
        problem.with_origin("password", origin.or_else(|| self.address.password_origin()))
    }

    /// The names of the collectors that are turned on.
    pub(super) fn collecting(&self) -> Vec<&'static str> {
        let compatible = self.compatible.then_some(COMPATIBLE);
        self.collect.iter().map(|collector| collector.name()).chain(compatible).collect()
    }
}

/// Why a configuration was rejected. Contains nothing of the URL before the `@`.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("a password is set, but the url has no user: expected mongodb://USER@HOST")]
    PasswordWithoutUser,
    #[error(
        "the user in the url has no password: set `password_file`, `password`, or mongodb://USER:PASSWORD@HOST"
    )]
    UserWithoutPassword,
    #[error("`proxyHost` in the url is not supported: use the address of the server")]
    Proxy,
    #[error("expected database.collection in `collections`, found `{0}`: the url names no database")]
    NoDatabase(String),
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let MongoUrl { address, parsed: url } = raw.url;
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
        let database = url.default_database.clone();
        let collections = raw.collections.into_iter().map(|name| namespace(name, database.as_deref()));
        Ok(Self {
            collections: collections.collect::<Result<_, _>>()?,
            address,
            database,
            password,
            logs_in: url.credential.is_some(),
            account: MongoAccount::of(&url),
            tls: raw.tls,
            slow_operation: raw.slow_operation.unwrap_or(DEFAULT_SLOW_OPERATION),
            collect: raw.collect.unwrap_or_else(|| Collector::DEFAULT.to_vec()),
            compatible: raw.compatible,
        })
    }
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
