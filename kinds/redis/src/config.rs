//! The keys of a `redis` source.

use std::path::PathBuf;

use platform_core::setting::{Secret, SecretError};
use platform_core::tls::Tls;

use super::collector::RedisCollector;
use super::endpoint::RedisLogin;
use super::links::{CommandRoute, Entry};
use super::url::RedisUrl;

/// A scan reads at most this many keys.
const DEFAULT_SCAN_BUDGET: u64 = 1_000_000;

/// The keys of a `redis` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) target: String,
    pub(super) way: CommandRoute,
    pub(super) keys: Vec<String>,
    collect: Vec<RedisCollector>,
    pub(super) scan_budget: u64,
}

impl Config {
    /// The names of the collectors that are turned on.
    pub(super) fn collecting(&self) -> Vec<&'static str> {
        self.collect.iter().map(|collector| collector.name()).collect()
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// `redis://`, `rediss://` (TLS), `redis+unix://` or `unix://`, also with `valkey`. Either this or
    /// `sentinel`.
    url: Option<RedisUrl>,
    /// The user, instead of the one in the URL.
    username: Option<String>,
    /// The password, instead of the one in the URL.
    password: Option<Secret>,
    /// A file that holds the password; re-read for every new connection.
    password_file: Option<PathBuf>,
    /// The number of the database; default: that of the URL, or 0.
    database: Option<i64>,
    /// Certificates, with TLS in the URL only.
    #[serde(default)]
    tls: Option<Tls>,
    /// Looks up the master, instead of `url`.
    sentinel: Option<Sentinel>,
    /// Whether keys and scans are read from the nodes of the cluster that hold them.
    #[serde(default)]
    cluster: bool,
    /// Keys whose size is read in every probe; for streams, also the consumer groups.
    #[serde(default)]
    keys: Vec<Key>,
    /// What a probe reads in addition to the state of the server; default: none.
    #[serde(default)]
    collect: Vec<RedisCollector>,
    /// A `scan` of a database with more keys than this is rejected; default: 1000000.
    scan_budget: Option<u64>,
}

/// The sentinels that know where the master is.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sentinel {
    /// The name by which the sentinels know the master.
    master: String,
    /// The URLs of the sentinels.
    urls: Vec<RedisUrl>,
}

/// A key whose size is read with every probe.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Key {
    /// The key.
    name: String,
}

#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error(
        "expected either `url`, as in `url: redis://localhost`, or `sentinel: {{master: NAME, urls: [redis://host:26379]}}`"
    )]
    NoWay,
    #[error("sentinel: expected at least one URL in `urls`")]
    NoSentinel,
    #[error("expected either `sentinel` or `cluster`: a cluster needs no sentinels")]
    SentinelOfCluster,
    #[error("a cluster has only database 0: remove the database")]
    DatabaseOfCluster,
    #[error("expected a database of 0 or above")]
    Database,
    #[error("`tls` needs a URL that starts with rediss://")]
    TlsWithoutTls,
    #[error("`username` needs a `password` or a `password_file`")]
    NoPassword,
    #[error("key {0} is listed twice")]
    KeyTwice(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl TryFrom<Raw> for Config {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let (target, entry, url_login) = match (&raw.url, &raw.sentinel) {
            (Some(RedisUrl { address, endpoint, login }), None) => {
                (address.to_string(), Entry::Server(endpoint.clone()), login.clone())
            }
            (None, Some(sentinel)) => {
                let (target, entry) = master(sentinel)?;
                (target, entry, RedisLogin::default())
            }
            _ => return Err(ConfigError::NoWay),
        };
        let password = Secret::from_keys("password", raw.password, raw.password_file)?;
        let login = RedisLogin {
            username: raw.username.or(url_login.username),
            password: password.or(url_login.password),
            database: raw.database.unwrap_or(url_login.database),
        };
        if login.username.is_some() && login.password.is_none() {
            return Err(ConfigError::NoPassword);
        }
        if login.database < 0 {
            return Err(ConfigError::Database);
        }
        if raw.cluster && login.database != 0 {
            return Err(ConfigError::DatabaseOfCluster);
        }
        if raw.cluster && raw.sentinel.is_some() {
            return Err(ConfigError::SentinelOfCluster);
        }
        if raw.tls.is_some() && !entry.has_tls() {
            return Err(ConfigError::TlsWithoutTls);
        }
        let mut keys = Vec::with_capacity(raw.keys.len());
        for Key { name } in raw.keys {
            if keys.contains(&name) {
                return Err(ConfigError::KeyTwice(name));
            }
            keys.push(name);
        }
        let way = CommandRoute { entry, login, tls: raw.tls.unwrap_or_default(), cluster: raw.cluster };
        let scan_budget = raw.scan_budget.unwrap_or(DEFAULT_SCAN_BUDGET);
        Ok(Self { target, way, keys, collect: raw.collect, scan_budget })
    }
}

fn master(sentinel: &Sentinel) -> Result<(String, Entry), ConfigError> {
    if sentinel.urls.is_empty() {
        return Err(ConfigError::NoSentinel);
    }
    // A sentinel has no databases.
    let sentinels = sentinel.urls.iter().map(|RedisUrl { endpoint, login, .. }| {
        (endpoint.clone(), RedisLogin { database: 0, ..login.clone() })
    });
    let urls: Vec<String> = sentinel.urls.iter().map(|url| url.address.to_string()).collect();
    let target = format!("master {} of {}", sentinel.master, urls.join(", "));
    Ok((target, Entry::Master { name: sentinel.master.clone(), sentinels: sentinels.collect() }))
}
