//! The keys of a `rabbitmq` source.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use platform_core::setting::{Secret, SecretError};
use platform_core::tls::Tls;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};

use super::collector::RabbitmqCollector;
use super::endpoint::{self, BrokerEndpoint, BrokerUrl, EndpointError, Interface, ManagementUrl};
use super::queue::{Queue, Role};

/// The keys of a `rabbitmq` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) target: String,
    pub(super) broker: BrokerEndpoint,
    pub(super) management: Option<Interface>,
    pub(super) tls: Tls,
    pub(super) scope: QueueScope,
    collect: Vec<RabbitmqCollector>,
}

/// Which queues are monitored, and how.
#[derive(Clone, Debug)]
pub(super) struct QueueScope {
    /// Required queues, sorted.
    pub(super) declared: Vec<String>,
    pub(super) filter: Filter,
    pub(super) max_queues: usize,
    pub(super) consumers_expected: Expected,
    pub(super) dead_letter_queues: Additions,
}

/// A filter of queues by name.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// A regular expression that the name of a queue must match; default: any name.
    include: Option<Pattern>,
    /// A regular expression that the name of a queue must not match.
    exclude: Option<Pattern>,
}

/// Queues added to or removed from those found, by name.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Additions {
    /// A regular expression: the queues that are added.
    include: Option<Pattern>,
    /// A regular expression: the queues that are removed.
    exclude: Option<Pattern>,
}

/// The queues that should have a consumer while they hold messages.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Nowhere,
    In(Filter),
}

#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
struct Pattern(regex::Regex);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// `amqp://` or `amqps://`; the path is the virtual host, `/` unless given. User and password default
    /// to `guest`.
    url: BrokerUrl,
    /// The user, instead of the one in the URL.
    username: Option<String>,
    /// The password, instead of the one in the URL.
    password: Option<Secret>,
    /// A file that holds the password; re-read for every login and every management request.
    password_file: Option<PathBuf>,
    /// The management API, such as `http://localhost:15672`; the login is the broker's unless it has one.
    management_url: Option<ManagementUrl>,
    /// Certificates, for the broker and for the management API.
    #[serde(default)]
    tls: Tls,
    /// Queues of the virtual host that must exist. Without `management_url`, only these are monitored.
    #[serde(default)]
    queues: Vec<String>,
    /// Which other queues have their own series; default: all. Needs `management_url`.
    queue_filter: Option<Filter>,
    /// How many queues have their own series; the rest is summed under `other`; default: 1000.
    max_queues: Option<NonZeroUsize>,
    /// The queues that make the source degraded if they have messages but no consumer; default: `true`,
    /// which is all work queues.
    #[serde(default)]
    consumers_expected: Expected,
    /// Corrects which queues count as dead-letter queues.
    #[serde(default)]
    dead_letter_queues: Additions,
    /// What a probe reads in addition to the state of the broker, with `management_url`; default: none.
    #[serde(default)]
    collect: Vec<RabbitmqCollector>,
}

const MAX_QUEUES: usize = 1000;

#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error(
        "`queue_filter` needs the queue list of the management API: add `management_url`, or \
         list the queues under `queues`"
    )]
    FilterWithoutManagement,
    #[error("`collect` needs the management API: add `management_url`")]
    CollectWithoutManagement,
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("queue {0} is listed twice")]
    QueueTwice(String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl TryFrom<Raw> for Config {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let password = Secret::from_keys("password", raw.password, raw.password_file)?;
        let target = raw.url.address.to_string();
        let broker = endpoint::broker(raw.url, raw.username, password)?;
        if broker.login.is_none() && !(broker.encrypted && raw.tls.identity.is_some()) {
            return Err(EndpointError::External.into());
        }
        let management = raw.management_url.map(|url| endpoint::interface(url, broker.login.as_ref()));
        if management.is_none() && raw.queue_filter.is_some() {
            return Err(ConfigError::FilterWithoutManagement);
        }
        if management.is_none() && !raw.collect.is_empty() {
            return Err(ConfigError::CollectWithoutManagement);
        }
        let mut declared = raw.queues;
        declared.sort_unstable();
        if let Some([name, _]) = declared.array_windows().find(|[a, b]| a == b) {
            return Err(ConfigError::QueueTwice(name.clone()));
        }
        let scope = QueueScope {
            declared,
            filter: raw.queue_filter.unwrap_or_default(),
            max_queues: raw.max_queues.map_or(MAX_QUEUES, NonZeroUsize::get),
            consumers_expected: raw.consumers_expected,
            dead_letter_queues: raw.dead_letter_queues,
        };
        Ok(Self {
            target,
            broker,
            management: management.transpose()?,
            tls: raw.tls,
            scope,
            collect: raw.collect,
        })
    }
}

impl Config {
    /// Of how many queues at most the broker is asked for statistics.
    pub(super) fn most_statistics(&self) -> usize {
        if self.collect.contains(&RabbitmqCollector::Queues) { self.scope.max_queues } else { 0 }
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        regex::Regex::new(&pattern).map(Self).map_err(|error| {
            // The lines before it mark the position.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            format!("expected a regular expression: {}", reason.trim_start_matches("error: "))
        })
    }
}

fn matches(pattern: Option<&Pattern>, name: &str) -> Option<bool> {
    pattern.map(|Pattern(pattern)| pattern.is_match(name))
}

impl Filter {
    pub(super) fn takes(&self, name: &str) -> bool {
        matches(self.include.as_ref(), name).unwrap_or(true)
            && !matches(self.exclude.as_ref(), name).unwrap_or(false)
    }
}

impl QueueScope {
    /// Whether this queue should have a consumer while it holds messages.
    pub(super) fn is_attended(&self, queue: &Queue) -> bool {
        let takes = match &self.consumers_expected {
            Expected::Nowhere => false,
            Expected::In(filter) => filter.takes(&queue.name),
        };
        takes && queue.needs_consumers() && self.is_chosen(&queue.name)
    }

    /// Whether the queue gets its own series.
    pub(super) fn is_chosen(&self, name: &str) -> bool {
        self.filter.takes(name) || self.is_declared(name)
    }

    /// Whether the queue has to exist.
    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.declared.binary_search_by(|declared| (**declared).cmp(name)).is_ok()
    }

    /// The role of a queue as detected, unless the configuration overrides it.
    pub(super) fn role(&self, name: &str, found: Role) -> Role {
        match (found, self.dead_letter_queues.apply(name, found == Role::DeadLetter)) {
            (_, true) => Role::DeadLetter,
            (Role::DeadLetter, false) => Role::Work,
            (found, false) => found,
        }
    }
}

impl Additions {
    /// Whether a queue is included, detected or not.
    fn apply(&self, name: &str, found: bool) -> bool {
        (found || matches(self.include.as_ref(), name).unwrap_or(false))
            && !matches(self.exclude.as_ref(), name).unwrap_or(false)
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self::In(Filter::default())
    }
}

impl JsonSchema for Expected {
    fn schema_name() -> Cow<'static, str> {
        "ExpectedConsumers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "boolean"}, generator.subschema_for::<Filter>()]})
    }
}

impl<'de> serde::Deserialize<'de> for Expected {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectedVisitor)
    }
}

struct ExpectedVisitor;

impl<'de> Visitor<'de> for ExpectedVisitor {
    type Value = Expected;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false, or {include: PATTERN, exclude: PATTERN}")
    }

    fn visit_bool<E>(self, expected: bool) -> Result<Expected, E> {
        Ok(if expected { Expected::default() } else { Expected::Nowhere })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expected, A::Error> {
        serde::Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Expected::In)
    }
}
