//! The keys of a `workers` source.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use platform_core::heartbeat::is_name;
use platform_core::setting::{self, Secret, SourceName};

use super::layout::Layout;
use super::pushed;
use super::silence::Silence;

/// The keys of a `workers` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawConfig")]
#[schemars(with = "RawConfig")]
pub struct Config {
    pub(super) classes: BTreeMap<ClassName, Class>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawConfig {
    /// The classes of workers, by name: 1 to 128 letters, digits and `_-.:@`.
    classes: BTreeMap<ClassName, Class>,
}

impl TryFrom<RawConfig> for Config {
    type Error = &'static str;

    fn try_from(RawConfig { classes }: RawConfig) -> Result<Self, Self::Error> {
        match classes.is_empty() {
            true => {
                Err("expected at least one class: `classes: {cpu: {from: cache, layout: zset, key: hb}}`")
            }
            false => Ok(Self { classes }),
        }
    }
}

/// The name of a class: a label value, and a part of the URL to which workers push.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct ClassName(String);

impl ClassName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClassName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if is_name(&name) {
            return Ok(Self(name));
        }
        Err(format!(
            "expected a class name of 1 to 128 letters, digits, `_`, `-`, `.`, `:` or `@`, found `{name}`"
        ))
    }
}

/// Workers of the same kind.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawClass")]
#[schemars(with = "RawClass")]
pub(super) struct Class {
    pub(super) way: HeartbeatOrigin,
    /// How many are expected.
    pub(super) expected: Option<u32>,
    /// The heartbeat interval of a worker.
    pub(super) interval: Option<Duration>,
    /// The heartbeat age above which a worker counts as dead. `None` if its store expires it.
    pub(super) limit: Option<Duration>,
    states: Vec<String>,
}

/// How the exporter learns of the workers of a class.
#[derive(Clone, Debug)]
pub(super) enum HeartbeatOrigin {
    /// It reads another source.
    Ask { from: SourceName, layout: Layout },
    /// They push, with this token.
    Push { token: Secret },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LayoutName {
    Zset,
    Hash,
    Keys,
    Sidekiq,
    Rq,
    Resque,
    Bullmq,
    SolidQueue,
    GoodJob,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawClass {
    /// The source that stores the heartbeats; required unless `push`.
    from: Option<SourceName>,
    /// How heartbeats are stored. Exactly one of `layout`, `sql`, `mongo` and `push` is required.
    layout: Option<LayoutName>,
    /// A SELECT of heartbeats: rows with `worker` and `seen_at`.
    sql: Option<String>,
    /// A MongoDB query of heartbeats: documents with `worker` or `_id`, and `seen_at`.
    mongo: Option<serde_json::Value>,
    /// Whether workers send `POST /heartbeat/CLASS/WORKER`.
    #[serde(default)]
    push: bool,
    /// The key, of the layouts `zset` and `hash`.
    key: Option<String>,
    /// The pattern of the keys, of the layout `keys`.
    pattern: Option<String>,
    /// The namespace, of the layouts `sidekiq` and `resque` (default: `resque`).
    namespace: Option<String>,
    /// The queue, of the layouts `bullmq`, and `rq` (default: all).
    queue: Option<String>,
    /// The prefix of the keys, of the layout `bullmq`; default: `bull`.
    prefix: Option<String>,
    /// The bearer token of `push`.
    token: Option<Secret>,
    /// A file that holds the token; re-read for every push.
    token_file: Option<PathBuf>,
    /// How many workers should be alive; fewer make the source degraded.
    expected: Option<u32>,
    /// How often a worker sends a heartbeat; required with `push`; default: 30s, or by layout.
    interval: Option<setting::Duration>,
    /// How late a heartbeat may be; default: twice `interval`, or by layout.
    grace: Option<setting::Duration>,
    /// The states that are exported as 0 if no worker is in them.
    #[serde(default)]
    states: Vec<String>,
}

impl TryFrom<RawClass> for Class {
    type Error = String;

    fn try_from(mut raw: RawClass) -> Result<Self, String> {
        let token = Secret::from_keys("token", raw.token.take(), raw.token_file.take());
        let token = token.map_err(|error| error.to_string())?;
        let way = match raw.layout()? {
            Some(layout) if token.is_none() => {
                let from =
                    raw.from.take().ok_or("missing key `from`: the source that stores the heartbeats")?;
                HeartbeatOrigin::Ask { from, layout }
            }
            Some(_) => return Err("`token` is only valid with `push: true`".to_owned()),
            None => HeartbeatOrigin::Push {
                token: token
                    .ok_or("expected `token_file` or `token`: the bearer token of workers that push")?,
            },
        };
        raw.refuse_unused()?;
        let given = |duration: Option<setting::Duration>| duration.map(setting::Duration::get);
        let layout = match &way {
            HeartbeatOrigin::Ask { layout, .. } => Some(layout),
            HeartbeatOrigin::Push { .. } => None,
        };
        let Silence { interval, limit } = Silence::of(layout, given(raw.interval), given(raw.grace))?;
        Ok(Self { way, expected: raw.expected, interval, limit, states: raw.states })
    }
}

impl RawClass {
    /// Takes the keys of the layout; `None` for workers that push.
    fn layout(&mut self) -> Result<Option<Layout>, String> {
        const EXPECTED: &str = "expected exactly one of `layout`, `sql`, `mongo` and `push: true`";
        let layout =
            match (self.layout.take(), self.sql.take(), self.mongo.take(), std::mem::take(&mut self.push)) {
                (Some(name), None, None, false) => self.named(name)?,
                (None, Some(sql), None, false) => Layout::Sql(sql),
                (None, None, Some(query), false) => Layout::Mongo(query),
                (None, None, None, true) => return Ok(None),
                _ => return Err(EXPECTED.to_owned()),
            };
        Ok(Some(layout))
    }

    fn named(&mut self, name: LayoutName) -> Result<Layout, String> {
        let needed = |key: &str, value: Option<String>| {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("this layout needs the key `{key}`"))
        };
        Ok(match name {
            LayoutName::Zset => Layout::Zset { key: needed("key", self.key.take())? },
            LayoutName::Hash => Layout::Hash { key: needed("key", self.key.take())? },
            LayoutName::Keys => Layout::Keys { pattern: needed("pattern", self.pattern.take())? },
            LayoutName::Sidekiq => {
                Layout::Sidekiq { namespace: namespace(self.namespace.take().unwrap_or_default()) }
            }
            LayoutName::Rq => Layout::Rq { queue: self.queue.take() },
            LayoutName::Resque => {
                let given = self.namespace.take();
                Layout::Resque { namespace: namespace(given.unwrap_or_else(|| "resque".to_owned())) }
            }
            LayoutName::Bullmq => Layout::Bullmq {
                queue: needed("queue", self.queue.take())?,
                prefix: self.prefix.take().unwrap_or_else(|| "bull".to_owned()),
            },
            LayoutName::SolidQueue => Layout::SolidQueue,
            LayoutName::GoodJob => Layout::GoodJob,
        })
    }

    /// Rejects unused keys, which would have no effect.
    fn refuse_unused(&self) -> Result<(), String> {
        let left = [
            ("from", self.from.is_some()),
            ("key", self.key.is_some()),
            ("pattern", self.pattern.is_some()),
            ("namespace", self.namespace.is_some()),
            ("queue", self.queue.is_some()),
            ("prefix", self.prefix.is_some()),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            Some((key, _)) => Err(format!("`{key}` is not valid for this layout")),
            None => Ok(()),
        }
    }
}

/// The prefix of each key: `name:`, or nothing.
fn namespace(name: String) -> String {
    if name.is_empty() || name.ends_with(':') { name } else { name + ":" }
}

impl Class {
    /// The states exported as 0 if no worker is in them.
    pub(super) fn states(&self) -> impl Iterator<Item = &str> {
        let known: &[&str] = match &self.way {
            HeartbeatOrigin::Ask { layout, .. } => layout.states(),
            HeartbeatOrigin::Push { .. } => &pushed::STATES,
        };
        known.iter().copied().chain(self.states.iter().map(String::as_str))
    }

    /// Whether the number of busy slots is known even without workers.
    pub(super) fn reports_busy(&self) -> bool {
        matches!(&self.way, HeartbeatOrigin::Ask { layout, .. } if layout.reports_busy())
    }
}
