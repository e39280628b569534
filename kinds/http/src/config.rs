//! The keys of an `http` source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper::Method;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use platform_core::setting::{Address, Secret};
use platform_core::tls::Tls;
use secrecy::ExposeSecret;
use url::Url;

use super::endpoint_tls::host;
use super::expect::Expect;

/// The keys of an `http` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) url: Address,
    pub(super) host: String,
    pub(super) method: Method,
    /// Marked as sensitive, so that printing hides the values.
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Secret>,
    pub(super) credentials: Option<Authorization>,
    pub(super) tls: Tls,
    pub(super) follow_redirects: bool,
    pub(super) expect: Expect,
}

/// The contents of the `Authorization` header.
#[derive(Clone, Debug)]
pub(super) enum Authorization {
    Basic { username: String, password: Secret },
    Bearer(Secret),
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// `http://` or `https://`; a user and password in it are sent as basic auth.
    url: Target,
    /// The method.
    #[serde(default = "get")]
    method: String,
    /// Further headers. `Content-Length` and `Transfer-Encoding` are rejected.
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    /// The body of the request.
    body: Option<Secret>,
    /// A user and a password; not together with a bearer token.
    basic_auth: Option<BasicAuth>,
    /// A bearer token.
    bearer_token: Option<Secret>,
    /// A file that holds the token; re-read for every probe.
    bearer_token_file: Option<PathBuf>,
    /// Certificates.
    #[serde(default)]
    tls: Tls,
    /// Whether 301, 302, 303, 307 and 308 are followed, at most 10.
    #[serde(default = "yes")]
    follow_redirects: bool,
    /// What the response has to be.
    #[serde(default)]
    expect: Expect,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct BasicAuth {
    /// The user.
    username: String,
    /// The password. Either this or `password_file`.
    password: Option<Secret>,
    /// A file that holds the password; re-read for every probe.
    password_file: Option<PathBuf>,
}

const EXAMPLE: &str = "https://shop.example.com/health";

fn get() -> String {
    "GET".to_owned()
}

fn yes() -> bool {
    true
}

impl TryFrom<Raw> for Config {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let Target { address, url } = raw.url;
        let method = Method::from_bytes(raw.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| "expected a method such as GET, HEAD or POST".to_owned())?;
        if method == Method::HEAD && (raw.expect.body.is_some() || raw.expect.not_body.is_some()) {
            return Err("a response to HEAD has no body to match: use `method: GET`".to_owned());
        }
        let bearer = Secret::from_keys("bearer_token", raw.bearer_token, raw.bearer_token_file)
            .map_err(|error| error.to_string())?;
        let credentials = match (raw.basic_auth, bearer) {
            (Some(_), Some(_)) => return Err("expected either `basic_auth` or a bearer token".to_owned()),
            (Some(basic), None) => Some(basic.credentials()?),
            (None, Some(token)) => Some(Authorization::Bearer(token)),
            (None, None) => in_url(&address, &url),
        };
        Ok(Self {
            url: address,
            host: host(&url).to_owned(),
            method,
            headers: headers(&raw.headers)?,
            body: raw.body,
            credentials,
            tls: raw.tls,
            follow_redirects: raw.follow_redirects,
            expect: raw.expect,
        })
    }
}

impl BasicAuth {
    fn credentials(self) -> Result<Authorization, String> {
        let password = Secret::from_keys("password", self.password, self.password_file)
            .map_err(|error| error.to_string())?;
        let password = password.ok_or("`basic_auth` needs a `password` or a `password_file`")?;
        Ok(Authorization::Basic { username: self.username, password })
    }
}

/// The parts of an HTTP URL.
pub(super) fn parse(address: &Address) -> Result<Url, String> {
    address.expect_scheme(&["http", "https"], EXAMPLE)?;
    Url::parse(address.expose())
        .map_err(|error| format!("invalid URL ({error}): expected one such as {EXAMPLE}"))
}

/// An HTTP URL.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
struct Target {
    address: Address,
    url: Url,
}

impl TryFrom<Address> for Target {
    type Error = String;

    fn try_from(address: Address) -> Result<Self, String> {
        Ok(Self { url: parse(&address)?, address })
    }
}

fn in_url(address: &Address, url: &Url) -> Option<Authorization> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let has_any = !url.username().is_empty() || url.password().is_some();
    has_any.then(|| Authorization::Basic {
        username: decode(url.username()),
        password: address.secret(decode(url.password().unwrap_or_default())),
    })
}

fn headers(raw: &BTreeMap<String, Secret>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in raw {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{name}` is not a valid header name"))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            return Err(format!("`{name}` is derived from the body: remove it"));
        }
        let Secret::Value(value, _) = value else { continue };
        let mut value = HeaderValue::from_str(value.expose_secret())
            .map_err(|_| format!("the header `{name}` contains a line break or another control character"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
