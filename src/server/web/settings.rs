//! The content of a web configuration file, in the format of Prometheus' exporter-toolkit.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use platform_core::setting;
use platform_core::yaml::{self, Faults};
use rustls::ServerConfig;

use super::files::Files;
use super::passwords::Users;
use super::section::Section;
use super::tls::{self, ServerTls};
use crate::server::bucket::Bucket;
use crate::server::response::ServerResponse;

const KEYS: [&str; 4] = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/// The allowed headers, each with its allowed values; an empty list allows any value.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    ("X-Content-Type-Options", X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
];

/// The current settings of the HTTP server.
#[derive(Debug, Default)]
pub(in crate::server) struct WebSettings {
    tls: Option<ServerTls>,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) users: Users,
    pub(super) rate: Option<Arc<Bucket>>,
}

impl WebSettings {
    /// Reads the text of a web configuration file, and the files it refers to. Returns `None` if it is not YAML at all.
    /// All errors are in `faults`.
    pub(super) fn read(text: &str, files: &mut Files, faults: &mut Faults) -> Option<Self> {
        let tree = yaml::parse_literally(text, faults)?;
        let Some(root) = Section::root(&tree, &KEYS, faults) else { return Some(Self::default()) };
        let (http2, headers) = http(&root, faults);
        let section = root.below("tls_server_config", &tls::KEYS, faults);
        let tls = section.and_then(|section| tls::read(&section, http2, files, faults));
        Some(Self { tls, headers, users: users(&root, faults), rate: rate(&root, faults) })
    }

    /// The TLS configuration, if TLS is enabled.
    pub(in crate::server) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.config))
    }

    /// Adds the configured headers, which take precedence over our own.
    pub(in crate::server) fn add_headers(&self, response: &mut ServerResponse) {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
    }

    /// Keeps the rate limiter of earlier settings if the rate is the same.
    pub(super) fn keep_counting(&mut self, earlier: &Self) {
        if let (Some(rate), Some(earlier)) = (&mut self.rate, &earlier.rate)
            && rate.is_like(earlier)
        {
            *rate = Arc::clone(earlier);
        }
    }

    /// A requirement on clients that earlier settings had and these lack.
    pub(super) fn gives_up(&self, earlier: &Self) -> Option<&'static str> {
        let given_up = match (&earlier.tls, &self.tls) {
            (Some(_), None) => Some("TLS"),
            (Some(earlier), Some(tls)) => tls.clients.gives_up(&earlier.clients),
            (None, _) => None,
        };
        let users = !earlier.users.is_empty() && self.users.is_empty();
        given_up.or(users.then_some("basic_auth_users"))
    }
}

fn http(root: &Section<'_>, faults: &mut Faults) -> (bool, Vec<(HeaderName, HeaderValue)>) {
    let Some(section) = root.below("http_server_config", &["http2", "headers"], faults) else {
        return (true, Vec::new());
    };
    let http2 = section.key("http2", faults).unwrap_or(true);
    let known = HEADERS.map(|(key, ..)| key);
    let Some(section) = section.below("headers", &known, faults) else { return (http2, Vec::new()) };
    let headers = HEADERS.into_iter().filter_map(|(key, name, values)| {
        let value: String = section.key(key, faults)?;
        if !values.is_empty() && !values.contains(&value.as_str()) {
            section.fault(key, format!("expected {}", values.join(" or ")), faults);
        }
        let value = HeaderValue::try_from(value);
        if value.is_err() {
            section.fault(key, "expected a header value on one line", faults);
        }
        Some((name, value.ok()?))
    });
    (http2, headers.collect())
}

fn users(root: &Section<'_>, faults: &mut Faults) -> Users {
    let users: Users = root.key("basic_auth_users", faults).unwrap_or_default();
    for name in root.names("basic_auth_users").filter(|name| name.contains(':')) {
        root.fault(
            "basic_auth_users",
            format!("`{name}` cannot sign in: a user name cannot contain a colon"),
            faults,
        );
    }
    users
}

fn rate(root: &Section<'_>, faults: &mut Faults) -> Option<Arc<Bucket>> {
    let section = root.below("rate_limit", &["interval", "burst"], faults)?;
    let interval: Option<Interval> = section.key("interval", faults);
    let burst: Option<u32> = if section.has("burst") { section.key("burst", faults) } else { Some(0) };
    let interval = interval.map(|Interval(interval)| interval).filter(|interval| !interval.is_zero())?;
    if burst == Some(0) {
        section.fault(
            "burst",
            "expected a `burst` of at least 1: without it, every request is rejected",
            faults,
        );
    }
    Some(Arc::new(Bucket::new(interval, burst?)))
}

/// The time between two requests; 0 means no limit.
#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected a duration such as 1s or 100ms, or 0 for no limit")]
enum Raw {
    Number(u64),
    Text(String),
}

#[derive(serde::Deserialize)]
#[serde(try_from = "Raw")]
struct Interval(Duration);

impl TryFrom<Raw> for Interval {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let interval = match raw {
            Raw::Number(0) => Some(Duration::ZERO),
            Raw::Number(_) => None,
            Raw::Text(text) => humantime::parse_duration(&text)
                .ok()
                .filter(|interval| *interval <= setting::Duration::LONGEST),
        };
        interval
            .map(Self)
            .ok_or_else(|| "expected a duration such as 1s or 100ms, or 0 for no limit".to_owned())
    }
}
