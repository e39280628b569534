//! One entry of `sources`: the keys that every kind has, and the kind as a key.

use std::collections::BTreeMap;

use platform_core::setting::{Duration, SourceName};
use platform_core::yaml::{self, Faults, Node, Path};
use serde::Deserialize;

use crate::registry::{Kind, SourceConfig};

/// A configured source.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is.
    pub config: SourceConfig,
    /// How often it is probed.
    pub interval: std::time::Duration,
    /// How long a probe may take; at most `interval`.
    pub timeout: std::time::Duration,
    /// A probe that takes longer makes the source degraded.
    pub slow_after: Option<std::time::Duration>,
    /// Equal for sources with equal configuration, within one run of the process.
    pub fingerprint: u64,
}

/// The keys other than that of the kind.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct Common {
    /// How often it is probed; default: 15s, of `stripe` 5m, of `s3` 1m.
    interval: Option<Duration>,
    /// How long a probe may take, at most `interval`; default: 5s, of `stripe` 30s, of `s3` 10s.
    timeout: Option<Duration>,
    /// When an answer is too slow.
    degraded: Option<Degraded>,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Degraded {
    /// A probe that takes longer than this makes the source degraded; default: none.
    latency: Option<Duration>,
}

const COMMON: [&str; 3] = ["interval", "timeout", "degraded"];

/// Reads every source. A source with errors is kept without its content, so that references to it are not errors as
/// well.
pub(super) fn read_all(
    node: &Node,
    path: &Path,
    faults: &mut Faults,
) -> BTreeMap<SourceName, Option<Source>> {
    let mut sources = BTreeMap::new();
    for (key, node) in node.entries() {
        let path = path.key(&key.text);
        match SourceName::try_from(key.text.clone()) {
            Ok(name) => {
                sources.insert(name, read(node, &path, faults));
            }
            Err(error) => faults.at(key.place, &path, error.to_string()),
        }
    }
    sources
}

pub(super) fn read(node: &Node, path: &Path, faults: &mut Faults) -> Option<Source> {
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
    let known: Vec<_> = kinds.iter().copied().chain(COMMON).collect();
    let common = yaml::decode::<Common>(&node.only(&COMMON), path, faults);
    let kind = node.only(&kinds);
    if kind.entries().len() != 1 {
        refuse_kinds(node, path, &kinds, faults);
        return None;
    }
    yaml::refuse_unknown_keys(node, path, &known, faults);
    let config = yaml::decode::<SourceConfig>(&kind, path, faults);
    if let Some(Common { interval: Some(interval), timeout: Some(timeout), .. }) = &common
        && config.is_none()
    {
        check_timeout(timeout.get(), interval.get(), node, path, faults);
    }
    let (config, common) = (config?, common?);
    let facts = config.kind().facts();
    let interval = common.interval.map_or(facts.interval, Duration::get);
    let timeout = common.timeout.map_or(facts.timeout.min(interval), Duration::get);
    check_timeout(timeout, interval, node, path, faults);
    let slow_after = common.degraded.and_then(|degraded| degraded.latency).map(Duration::get);
    Some(Source { config, interval, timeout, slow_after, fingerprint: node.fingerprint() })
}

/// Reports what is wrong with the kind of a source that has none, or several.
fn refuse_kinds(node: &Node, path: &Path, kinds: &[&str], faults: &mut Faults) {
    let has = |is_meant: &dyn Fn(&str) -> bool| node.entries().iter().find(|(key, _)| is_meant(&key.text));
    if let Some((key, _)) = has(&|key| Kind::FEATURES.contains(&key) && !kinds.contains(&key)) {
        let name = &key.text;
        let message = format!("this binary was built without the feature `{name}`, which this kind needs");
        faults.at(key.place, &path.key(name), message);
    } else if let Some((key, _)) =
        has(&|key| !kinds.contains(&key) && yaml::nearest(key, kinds.iter().copied()).is_some())
    {
        let only = node.only(&[&key.text]);
        yaml::refuse_unknown_keys(&only, path, kinds, faults);
    } else {
        let kinds = kinds.join(", ");
        let message =
            format!("expected exactly one kind, as in `NAME: {{redis: {{url: …}}}}`; the kinds are {kinds}");
        faults.at(node.place, path, message);
    }
}

fn check_timeout(
    timeout: std::time::Duration,
    interval: std::time::Duration,
    node: &Node,
    path: &Path,
    faults: &mut Faults,
) {
    if timeout > interval {
        let place = node.get("timeout").map_or(node.place, |node| node.place);
        let interval = humantime::format_duration(interval);
        faults.at(place, &path.key("timeout"), format!("expected at most the interval, which is {interval}"));
    }
}
