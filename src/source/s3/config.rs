//! The keys of an `s3` source.

use std::path::PathBuf;
use std::time;

use rusty_s3::{Bucket, Credentials, UrlStyle};
use secrecy::ExposeSecret;
use url::Url;

use crate::probe::{Problem, Reason};
use crate::setting::{Address, Duration, Secret};
use crate::source::tls::Tls;

/// The keys of an `s3` source.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "Raw")]
pub struct Config {
    pub(super) bucket: Bucket,
    /// Where STS is, when it is asked.
    pub(super) sts: Option<Url>,
    pub(super) prefix: String,
    pub(super) canary: Option<CanaryConfig>,
    pub(super) tls: Tls,
    access_key_id: Secret,
    secret_access_key: Secret,
    session_token: Option<Secret>,
}

/// The `canary` key.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "RawCanary")]
pub(super) struct CanaryConfig {
    /// Ends in a slash.
    pub(super) prefix: String,
    pub(super) interval: time::Duration,
}

#[derive(serde::Deserialize)]
struct Raw {
    bucket: String,
    #[serde(default = "first_region")]
    region: String,
    endpoint: Option<Address>,
    path_style: Option<bool>,
    access_key_id: Option<Secret>,
    access_key_id_file: Option<PathBuf>,
    secret_access_key: Option<Secret>,
    secret_access_key_file: Option<PathBuf>,
    session_token: Option<Secret>,
    session_token_file: Option<PathBuf>,
    #[serde(default)]
    prefix: String,
    sts: Option<StsConfig>,
    canary: Option<CanaryConfig>,
    #[serde(default)]
    tls: Tls,
}

#[derive(serde::Deserialize)]
struct StsConfig {
    #[serde(default = "yes")]
    enabled: bool,
    endpoint: Option<Address>,
}

#[derive(serde::Deserialize)]
struct RawCanary {
    prefix: String,
    #[serde(default = "five_minutes")]
    interval: Duration,
}

fn first_region() -> String {
    "us-east-1".to_owned()
}

fn yes() -> bool {
    true
}

fn five_minutes() -> Duration {
    Duration::seconds(300)
}

impl TryFrom<Raw> for Config {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        is_word(&raw.region, "-").then_some(()).ok_or("`region` has to be a name such as eu-west-1")?;
        let secret =
            |key, value, file| Secret::from_keys(key, value, file).map_err(|error| error.to_string());
        let access_key_id = secret("access_key_id", raw.access_key_id, raw.access_key_id_file)?;
        let key = secret("secret_access_key", raw.secret_access_key, raw.secret_access_key_file)?;
        Ok(Self {
            bucket: bucket(raw.bucket, &raw.region, raw.endpoint.as_ref(), raw.path_style)?,
            sts: sts(raw.sts, &raw.region, raw.endpoint.is_some())?,
            prefix: raw.prefix,
            canary: raw.canary,
            tls: raw.tls,
            access_key_id: access_key_id.ok_or("the key `access_key_id` is missing")?,
            secret_access_key: key.ok_or("`secret_access_key` or `secret_access_key_file` is missing")?,
            session_token: secret("session_token", raw.session_token, raw.session_token_file)?,
        })
    }
}

impl TryFrom<RawCanary> for CanaryConfig {
    type Error = String;

    fn try_from(raw: RawCanary) -> Result<Self, String> {
        let prefix = format!("{}/", raw.prefix.trim_end_matches('/'));
        // A URL would resolve these, and lead out of the prefix or even out of the bucket.
        if prefix.split('/').rev().skip(1).any(|part| matches!(part, "" | "." | "..")) {
            return Err("`prefix` has to be a folder such as health/ or ops/health/".to_owned());
        }
        Ok(Self { prefix, interval: raw.interval.get() })
    }
}

fn is_word(text: &str, more: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|character| character.is_ascii_alphanumeric() || more.contains(character))
}

fn bucket(
    name: String,
    region: &str,
    endpoint: Option<&Address>,
    path_style: Option<bool>,
) -> Result<Bucket, String> {
    if !is_word(&name, "-._") || name.split('.').any(str::is_empty) {
        return Err("`bucket` has to be a bucket's name, without s3:// and without a path".to_owned());
    }
    // AWS's certificates do not cover a name with dots in front of the host.
    let in_path = path_style.unwrap_or(endpoint.is_some() || name.contains('.'));
    let style = if in_path { UrlStyle::Path } else { UrlStyle::VirtualHost };
    let url = match endpoint {
        Some(endpoint) => parse(endpoint)?,
        None => aws("s3", region)?,
    };
    Bucket::new(url, style, name, region.to_owned()).map_err(|_| {
        "the bucket's name cannot be part of the endpoint's host: use `path_style: true`".to_owned()
    })
}

/// Another store than AWS has no STS unless the configuration says so.
fn sts(config: Option<StsConfig>, region: &str, elsewhere: bool) -> Result<Option<Url>, String> {
    match config {
        Some(StsConfig { enabled: false, .. }) => Ok(None),
        Some(StsConfig { endpoint: Some(endpoint), .. }) => parse(&endpoint).map(Some),
        None if elsewhere => Ok(None),
        _ => aws("sts", region).map(Some),
    }
}

fn aws(service: &str, region: &str) -> Result<Url, String> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Url::parse(&format!("https://{service}.{region}.{domain}"))
        .map_err(|_| "`region` has to be a name such as eu-west-1".to_owned())
}

fn parse(endpoint: &Address) -> Result<Url, String> {
    let url = Url::parse(endpoint.expose()).map_err(|error| format!("`endpoint` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("`endpoint` has to start with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("`endpoint` takes no credentials: use `access_key_id` and `secret_access_key`".to_owned());
    }
    Ok(url)
}

impl Config {
    /// The credentials as they are now: files are read anew.
    pub(super) fn credentials(&self) -> Result<Credentials, Problem> {
        let read = |secret: &Secret| secret.read().map_err(|error| Problem::new(Reason::Auth, error));
        let (id, key) = (read(&self.access_key_id)?, read(&self.secret_access_key)?);
        let (id, key) = (id.expose_secret(), key.expose_secret());
        match &self.session_token {
            None => Ok(Credentials::new(id, key)),
            Some(token) => Ok(Credentials::new_with_token(id, key, read(token)?.expose_secret())),
        }
    }
}
