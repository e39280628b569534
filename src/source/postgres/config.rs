//! The keys of a `postgres` source, and its URL taken apart.
//!
//! The driver would read a URL itself, but starts from the `PG*` variables and `~/.pgpass`, which belong to whoever
//! starts the exporter and not to a source. So every field is told to it.

use std::fmt;
use std::path::PathBuf;

use url::{Url, form_urlencoded};

use crate::setting::{Address, Secret};
use crate::source::tls::Tls;

/// The account that the documented GRANTs make.
const DEFAULT_USER: &str = "platform_exporter";
/// The database that every server has.
const DEFAULT_DATABASE: &str = "postgres";
const DEFAULT_PORT: u16 = 5432;
const DEFAULT_TOP_TABLES: usize = 10;
const LARGEST_TOP_TABLES: usize = 1000;

/// A `postgres` source.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "Raw")]
pub struct Config {
    /// A host name or address, or the directory of a UNIX socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: String,
    pub(super) ssl_mode: SslMode,
    pub(super) tls: Tls,
    /// Whether the connections of a pool in between are shared, so that nothing may be kept in a session.
    pub(super) pgbouncer: bool,
    /// How many tables have series of their own.
    pub(super) top_tables: usize,
}

/// How much TLS there has to be: libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// If the server has it.
    Prefer,
    /// Whatever certificate the server shows.
    Require,
    /// A certificate by a trusted authority.
    VerifyCa,
    /// A certificate by a trusted authority for this very host.
    VerifyFull,
}

#[derive(serde::Deserialize)]
struct Raw {
    url: Address,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    tls: Tls,
    pgbouncer: Option<bool>,
    top_tables: Option<usize>,
}

/// What a URL says; `None` where it says nothing.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<Secret>,
    database: Option<String>,
    ssl_mode: Option<SslMode>,
    pgbouncer: Option<bool>,
}

impl TryFrom<Raw> for Config {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let password = Secret::from_keys("password", raw.password, raw.password_file)
            .map_err(|error| error.to_string())?;
        let top_tables = raw.top_tables.unwrap_or(DEFAULT_TOP_TABLES);
        if !(1..=LARGEST_TOP_TABLES).contains(&top_tables) {
            return Err(format!("expected `top_tables` from 1 to {LARGEST_TOP_TABLES}"));
        }
        Ok(Self { top_tables, ..Self::connection(&raw.url, password, raw.tls, raw.pgbouncer)? })
    }
}

impl Config {
    /// What it takes to connect: a URL, and what is given beside it.
    pub(super) fn connection(
        url: &Address,
        password: Option<Secret>,
        tls: Tls,
        pgbouncer: Option<bool>,
    ) -> Result<Self, String> {
        let url = Parts::of(url)?;
        tls.refuse_server_name()?;
        let host = url.host.unwrap_or_else(|| "localhost".to_owned());
        Ok(Self {
            ssl_mode: ssl_mode(url.ssl_mode, &host, &tls)?,
            host,
            port: url.port.unwrap_or(DEFAULT_PORT),
            user: url.user.unwrap_or_else(|| DEFAULT_USER.to_owned()),
            password: password.or(url.password),
            database: url.database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            tls,
            pgbouncer: pgbouncer.or(url.pgbouncer).unwrap_or(false),
            top_tables: DEFAULT_TOP_TABLES,
        })
    }
}

impl Parts {
    fn of(url: &Address) -> Result<Self, String> {
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("expected a URL that starts with postgres:// or postgresql://".to_owned());
        }
        let url = Url::parse(&with_host(url.expose())).map_err(|error| {
            format!(
                "the URL cannot be read ({error}): expected postgres://user@host:5432/database with one host; \
                 percent-encode any of / ? # @ : % in a password, or give it under `password_file`"
            )
        })?;
        let given = |text: &str| (!text.is_empty()).then(|| decoded(text));
        let mut parts = Self {
            host: url.host_str().and_then(|host| given(host.trim_start_matches('[').trim_end_matches(']'))),
            port: url.port(),
            user: given(url.username()),
            password: url.password().and_then(given).map(|password| Secret::Value(password.into())),
            database: given(url.path().trim_start_matches('/')),
            ..Self::default()
        };
        for (key, value) in url.query_pairs() {
            parts.parameter(&key, value.into_owned())?;
        }
        match &parts.host {
            Some(host) if host.contains(',') => {
                Err("expected one host: give every server of a cluster as a source of its own".to_owned())
            }
            _ => Ok(parts),
        }
    }

    /// A parameter of the URL. Applications' URLs have many that concern their own client: these do not matter.
    fn parameter(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "host" | "hostaddr" => self.host = Some(value),
            "port" => self.port = Some(value.parse().map_err(|_| "expected a number after `port=`")?),
            "user" => self.user = Some(value),
            "password" => self.password = Some(Secret::Value(value.into())),
            "dbname" => self.database = Some(value),
            "sslmode" => self.ssl_mode = Some(SslMode::parse(&value)?),
            "pgbouncer" => self.pgbouncer = Some(value == "true"),
            "sslrootcert" | "sslcert" | "sslkey" => {
                return Err(format!("give `{key}` as a key of `tls`: ca_file, cert_file, key_file"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl SslMode {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "disable" => Ok(Self::Disable),
            // The driver cannot come back with TLS to a server that asks for it; the other way round it can.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err("expected sslmode to be one of disable, allow, prefer, require, verify-ca, verify-full"
                .to_owned()),
        }
    }
}

/// As libpq: an authority asks for verification, and a UNIX socket has no TLS.
fn ssl_mode(given: Option<SslMode>, host: &str, tls: &Tls) -> Result<SslMode, String> {
    if host.starts_with('/') {
        return Ok(SslMode::Disable);
    }
    match (given, &tls.ca_file) {
        (None, Some(_)) => Ok(SslMode::VerifyFull),
        (Some(SslMode::Require), Some(_)) => Ok(SslMode::VerifyCa),
        (Some(SslMode::Disable | SslMode::Prefer), Some(_)) => {
            Err("`tls.ca_file` needs sslmode=verify-full in the URL, or no sslmode at all".to_owned())
        }
        (given, _) => Ok(given.unwrap_or(SslMode::Prefer)),
    }
}

/// `user@/database?host=/run/postgresql` is a URL to libpq, but not to the URL standard.
fn with_host(url: &str) -> String {
    let authority = url.find("://").map_or(0, |start| start + 3);
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |length| authority + length);
    let host = if url[..end].ends_with('@') { "localhost" } else { "" };
    format!("{}{host}{}", &url[..end], &url[end..])
}

/// Percent-decoding alone: in this part of a URL, `+`, `&` and `=` are themselves.
fn decoded(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

/// Where it is, without credentials.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        match host.contains(':') && !host.starts_with('/') {
            true => write!(formatter, "postgres://[{host}]:{port}/{database}"),
            false => write!(formatter, "postgres://{host}:{port}/{database}"),
        }
    }
}
