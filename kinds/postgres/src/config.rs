//! The keys of a `postgres` source.
//!
//! The driver can read a URL itself, but falls back to the `PG*` variables and `~/.pgpass` of the user who starts the
//! exporter. So every field is set explicitly.

use std::fmt;
use std::path::PathBuf;

use platform_core::setting::{Address, Secret};
use platform_core::tls::Tls;

use super::collector::PgCollector;
use super::ssl_mode::SslMode;
use super::url::UrlParts;

/// The account created by the documented GRANTs.
const DEFAULT_USER: &str = "platform_exporter";
/// The database that every server has.
const DEFAULT_DATABASE: &str = "postgres";
const DEFAULT_PORT: u16 = 5432;
const MOST_DATABASES: usize = 10;
const DEFAULT_TOP_TABLES: usize = 100;
/// As many as the queries return.
const LARGEST_TOP_TABLES: usize = 10_000;

/// The keys of a `postgres` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    /// A host name or address, or the directory of a UNIX socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: String,
    pub(super) ssl_mode: SslMode,
    pub(super) tls: Tls,
    /// Whether connections go through a shared pool, so that no session state may be kept.
    pub(super) pgbouncer: bool,
    /// Further databases of the server, whose tables and indexes are read.
    pub(super) databases: Vec<String>,
    /// How many tables of each database have their own series.
    pub(super) top_tables: usize,
    pub(super) collect: Vec<PgCollector>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// One server: `postgres://USER@HOST:PORT/DATABASE`. User `platform_exporter`, database `postgres` and
    /// port 5432 unless given.
    url: UrlParts,
    /// The password, instead of the one in the URL.
    password: Option<Secret>,
    /// A file that holds the password; re-read for every new connection.
    password_file: Option<PathBuf>,
    /// Certificates. With `ca_file` or `server_name`, but without `sslmode` in the URL, it is
    /// `verify-full`.
    #[serde(default)]
    tls: Tls,
    /// Whether connections go through PgBouncer, so that no state may be kept in a session; default:
    /// `false`, or the URL parameter `pgbouncer`.
    pgbouncer: Option<bool>,
    /// Further databases of the server, at most 10, whose tables and indexes are read.
    databases: Option<DatabaseNames>,
    /// How many tables of each database have their own series, 1 to 10000 or `all`; default: 100.
    top_tables: Option<TopTables>,
    /// What a probe reads in addition to the state of the server; default: `settings`, `statio_user_tables`,
    /// `table_sizes`, `roles`.
    collect: Option<Vec<PgCollector>>,
}

/// Further databases: each has a session of its own on the server.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Vec<String>")]
#[schemars(with = "Vec<String>")]
struct DatabaseNames(Vec<String>);

impl TryFrom<Vec<String>> for DatabaseNames {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.len() > MOST_DATABASES {
            let found = names.len();
            return Err(format!(
                "expected at most {MOST_DATABASES} databases, each of which takes a connection; found {found}: list the \
                 others in a second source, with one of them in its `url`"
            ));
        }
        if names.iter().any(String::is_empty) {
            return Err("expected the name of a database, found an empty text".to_owned());
        }
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        match twice {
            Some((_, name)) => Err(format!("the database `{name}` is listed twice: remove one")),
            None => Ok(Self(names)),
        }
    }
}

/// How many tables of each database have their own series.
#[derive(Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged, expecting = "expected 1 to 10000, or `all`")]
enum TopTables {
    Most(usize),
    Every(Every),
}

#[derive(Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Every {
    All,
}

impl TryFrom<Raw> for Config {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let password = Secret::from_keys("password", raw.password, raw.password_file)
            .map_err(|error| error.to_string())?;
        let top_tables = match raw.top_tables {
            None => DEFAULT_TOP_TABLES,
            Some(TopTables::Every(Every::All)) => LARGEST_TOP_TABLES,
            Some(TopTables::Most(tables @ 1..=LARGEST_TOP_TABLES)) => tables,
            Some(TopTables::Most(_)) => {
                return Err(format!("expected `top_tables` from 1 to {LARGEST_TOP_TABLES}, or `all`"));
            }
        };
        let collect = raw.collect.unwrap_or_else(|| PgCollector::DEFAULT.to_vec());
        let databases = raw.databases.map_or_else(Vec::new, |DatabaseNames(names)| names);
        let connection = Self::connection(raw.url, password, raw.tls, raw.pgbouncer)?;
        if databases.contains(&connection.database) {
            return Err(format!(
                "`databases` lists `{}`, the database of the URL, which is always read: remove it from `databases`",
                connection.database
            ));
        }
        Ok(Self { databases, top_tables, collect, ..connection })
    }
}

impl Config {
    /// The names of the collectors that are turned on.
    pub(super) fn collecting(&self) -> Vec<&'static str> {
        self.collect.iter().map(|collector| collector.name()).collect()
    }

    /// Connection parameters: the URL and the other keys.
    pub(super) fn connection(
        url: UrlParts,
        password: Option<Secret>,
        tls: Tls,
        pgbouncer: Option<bool>,
    ) -> Result<Self, String> {
        let host = url.host.unwrap_or_else(|| "localhost".to_owned());
        let ssl_mode = SslMode::in_force(url.ssl_mode, &host, &tls)?;
        Ok(Self {
            host,
            ssl_mode,
            port: url.port.unwrap_or(DEFAULT_PORT),
            user: url.user.unwrap_or_else(|| DEFAULT_USER.to_owned()),
            password: password.or(url.password),
            database: url.database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            tls: Tls { trust: ssl_mode.trust(), ..tls },
            pgbouncer: pgbouncer.or(url.pgbouncer).unwrap_or(false),
            databases: Vec::new(),
            top_tables: DEFAULT_TOP_TABLES,
            collect: PgCollector::DEFAULT.to_vec(),
        })
    }
}

/// The address, without credentials.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Address::of_parts("postgres", &self.host, self.port, &self.database).fmt(formatter)
    }
}
