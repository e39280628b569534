//! The keys of an `s3` source.

use std::path::PathBuf;
use std::time;

use platform_core::setting::{Address, Duration, Secret};
use platform_core::tls::Tls;
use rusty_s3::{Bucket, UrlStyle};
use url::Url;

use super::keys::Keys;
use super::objects::{ObjectsConfig, validated};

/// The keys of an `s3` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) bucket: Bucket,
    /// The STS endpoint.
    pub(super) sts: Url,
    /// Whether STS is called to check the credentials.
    pub(super) asks_sts: bool,
    /// What each probe lists one key of.
    pub(super) prefix: String,
    pub(super) objects: Vec<ObjectsConfig>,
    pub(super) canary: Option<CanaryConfig>,
    pub(super) tls: Tls,
    /// If absent, the default chain is used.
    pub(super) keys: Option<Keys>,
}

/// The `canary` key.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawCanary")]
#[schemars(with = "RawCanary")]
pub(super) struct CanaryConfig {
    /// Ends in a slash.
    pub(super) prefix: String,
    pub(super) interval: time::Duration,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// The name of the bucket, without `s3://` and without a path.
    bucket: String,
    /// The region of the bucket.
    #[serde(default = "first_region")]
    region: String,
    /// The URL of another store; default: AWS in `region`.
    endpoint: Option<Endpoint>,
    /// Whether the bucket is in the path; default: `true` with `endpoint`, or with a dot in the bucket's
    /// name.
    path_style: Option<bool>,
    /// The id of the access key. Without a key, AWS's chain of credentials is used.
    access_key_id: Option<Secret>,
    /// A file that holds the id; re-read for every probe.
    access_key_id_file: Option<PathBuf>,
    /// The secret of the access key.
    secret_access_key: Option<Secret>,
    /// A file that holds the secret; re-read for every probe.
    secret_access_key_file: Option<PathBuf>,
    /// The token of temporary credentials.
    session_token: Option<Secret>,
    /// A file that holds the token; re-read for every probe.
    session_token_file: Option<PathBuf>,
    /// The prefix that each probe lists, so that nothing else has to be listable; default: the first of
    /// `objects`.
    prefix: Option<String>,
    /// Objects below prefixes, such as backups: how many there are, and how old the newest is.
    #[serde(default)]
    objects: Vec<ObjectsConfig>,
    /// Whose credentials these are, according to STS.
    sts: Option<StsConfig>,
    /// Writes, reads and deletes an object; default: none.
    canary: Option<CanaryConfig>,
    /// Certificates.
    #[serde(default)]
    tls: Tls,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct StsConfig {
    /// Whether STS is called; without `sts`, only for AWS.
    #[serde(default = "yes")]
    enabled: bool,
    /// The URL of STS; default: that of AWS in `region`.
    endpoint: Option<Endpoint>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawCanary {
    /// The folder of the object, such as `health/`.
    prefix: String,
    /// How often it runs; default: 5m.
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
        is_word(&raw.region, "-").then_some(()).ok_or("`region` must be a name such as eu-west-1")?;
        let secret =
            |key, value, file| Secret::from_keys(key, value, file).map_err(|error| error.to_string());
        let id = secret("access_key_id", raw.access_key_id, raw.access_key_id_file)?;
        let key = secret("secret_access_key", raw.secret_access_key, raw.secret_access_key_file)?;
        let token = secret("session_token", raw.session_token, raw.session_token_file)?;
        let (sts, asks_sts) = sts(raw.sts, &raw.region, raw.endpoint.is_some())?;
        let objects = validated(raw.objects)?;
        let first = || objects.first().map(|watched| watched.prefix.clone());
        Ok(Self {
            prefix: raw.prefix.or_else(first).unwrap_or_default(),
            objects,
            bucket: bucket(raw.bucket, &raw.region, raw.endpoint, raw.path_style)?,
            sts,
            asks_sts,
            canary: raw.canary,
            tls: raw.tls,
            keys: keys(id, key, token)?,
        })
    }
}

impl TryFrom<RawCanary> for CanaryConfig {
    type Error = String;

    fn try_from(raw: RawCanary) -> Result<Self, String> {
        let prefix = format!("{}/", raw.prefix.trim_end_matches('/'));
        // A URL would resolve these, and escape the prefix or even the bucket.
        if prefix.split('/').rev().skip(1).any(|part| matches!(part, "" | "." | "..")) {
            return Err("`prefix` must be a folder such as health/ or ops/health/".to_owned());
        }
        Ok(Self { prefix, interval: raw.interval.get() })
    }
}

fn keys(
    id: Option<Secret>,
    key: Option<Secret>,
    session_token: Option<Secret>,
) -> Result<Option<Keys>, &'static str> {
    match (id, key) {
        (None, None) if session_token.is_none() => Ok(None),
        (None, _) => Err("the key `access_key_id` is missing"),
        (Some(_), None) => Err("`secret_access_key` or `secret_access_key_file` is missing"),
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(Keys { access_key_id, secret_access_key, session_token }))
        }
    }
}

fn is_word(text: &str, more: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|character| character.is_ascii_alphanumeric() || more.contains(character))
}

fn bucket(
    name: String,
    region: &str,
    endpoint: Option<Endpoint>,
    path_style: Option<bool>,
) -> Result<Bucket, String> {
    if !is_word(&name, "-._") || name.split('.').any(str::is_empty) {
        return Err("`bucket` must be a bucket name, without s3:// and without a path".to_owned());
    }
    // AWS's wildcard certificates do not cover bucket names with dots.
    let in_path = path_style.unwrap_or(endpoint.is_some() || name.contains('.'));
    let style = if in_path { UrlStyle::Path } else { UrlStyle::VirtualHost };
    let url = match endpoint {
        Some(Endpoint(url)) => url,
        None => aws("s3", region)?,
    };
    Bucket::new(url, style, name, region.to_owned()).map_err(|_| {
        "the bucket name cannot be part of the endpoint's host: use `path_style: true`".to_owned()
    })
}

/// The STS endpoint, and whether it is called: stores other than AWS have none unless configured.
fn sts(config: Option<StsConfig>, region: &str, elsewhere: bool) -> Result<(Url, bool), String> {
    let is_asked = config.as_ref().map_or(!elsewhere, |config| config.enabled);
    let url = match config.and_then(|config| config.endpoint) {
        Some(Endpoint(url)) => url,
        None => aws("sts", region)?,
    };
    Ok((url, is_asked))
}

fn aws(service: &str, region: &str) -> Result<Url, String> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Url::parse(&format!("https://{service}.{region}.{domain}"))
        .map_err(|_| "`region` must be a name such as eu-west-1".to_owned())
}

/// The endpoint of a store or STS.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
struct Endpoint(Url);

impl TryFrom<Address> for Endpoint {
    type Error = String;

    fn try_from(address: Address) -> Result<Self, String> {
        const EXAMPLE: &str = "https://s3.example.com";
        address.expect_scheme(&["http", "https"], EXAMPLE)?;
        let url = Url::parse(address.expose())
            .map_err(|error| format!("invalid URL ({error}): expected one such as {EXAMPLE}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "`endpoint` must not contain credentials: use `access_key_id` and `secret_access_key`"
                    .to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "`endpoint` must not contain a query or fragment: expected a URL such as {EXAMPLE}"
            ));
        }
        Ok(Self(url))
    }
}

impl Config {
    /// TLS for STS: `server_name` applies to the store only.
    pub(super) fn sts_tls(&self) -> Tls {
        let is_store = self.sts.host() == self.bucket.base_url().host();
        let server_name = self.tls.server_name.clone().filter(|_| is_store);
        Tls { server_name, ..self.tls.clone() }
    }
}
