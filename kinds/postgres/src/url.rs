//! A `postgres://` URL, taken apart as libpq does it.

use percent_encoding::percent_decode_str;
use platform_core::setting::{Address, Secret};
use url::Url;

use super::ssl_mode::SslMode;
use super::url_parameters;

/// The parts of a URL; `None` if absent.
#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
pub(super) struct UrlParts {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) pgbouncer: Option<bool>,
}

const EXAMPLE: &str = "postgres://user@host:5432/database";

impl TryFrom<Address> for UrlParts {
    type Error = String;

    fn try_from(address: Address) -> Result<Self, String> {
        address.expect_scheme(&["postgres", "postgresql"], EXAMPLE)?;
        let url = Url::parse(&with_host(address.expose())).map_err(|error| {
            format!(
                "the URL cannot be read ({error}): expected {EXAMPLE} with one host; percent-encode any of / ? # @ : % \
                 in a password, or set `password_file`"
            )
        })?;
        let given = |text: &str| (!text.is_empty()).then(|| decoded(text));
        let mut parts = Self {
            host: url.host_str().and_then(|host| given(host.trim_start_matches('[').trim_end_matches(']'))),
            port: url.port(),
            user: given(url.username()),
            password: url.password().and_then(given).map(|password| address.secret(password)),
            database: given(url.path().trim_start_matches('/')),
            ..Self::default()
        };
        for (key, value) in address.parameters() {
            parts.parameter(&address, &key, value)?;
        }
        match &parts.host {
            Some(host) if host.contains(',') => {
                Err("expected one host: configure one source per server".to_owned())
            }
            _ => Ok(parts),
        }
    }
}

impl UrlParts {
    fn parameter(&mut self, address: &Address, key: &str, value: String) -> Result<(), String> {
        match key {
            "host" | "hostaddr" => self.host = Some(value),
            "port" => self.port = Some(value.parse().map_err(|_| "expected a number after `port=`")?),
            "user" => self.user = Some(value),
            "password" if value.is_empty() => {
                return Err(
                    "the password in the URL is empty: check the variable that it comes from".to_owned()
                );
            }
            "password" => self.password = Some(address.secret(value)),
            "dbname" => self.database = Some(value),
            "sslmode" => self.ssl_mode = Some(SslMode::parse(&value)?),
            "pgbouncer" => self.pgbouncer = Some(value == "true"),
            _ => url_parameters::check(key, &value).map_err(|error| error.to_string())?,
        }
        Ok(())
    }
}

/// `user@/database?host=/run/postgresql` is valid in libpq, but not in the URL standard.
fn with_host(url: &str) -> String {
    let authority = url.find("://").map_or(0, |start| start + 3);
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |length| authority + length);
    let host = if url[..end].ends_with('@') { "localhost" } else { "" };
    format!("{}{host}{}", &url[..end], &url[end..])
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
