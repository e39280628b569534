//! The `objects` key.

use std::time;

use platform_core::setting::Duration;

/// What is watched of the objects below a prefix.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawObjects")]
#[schemars(with = "RawObjects")]
pub(crate) struct ObjectsConfig {
    pub(crate) prefix: String,
    pub(crate) max_age: Option<time::Duration>,
    pub(crate) interval: time::Duration,
    /// How many requests a listing takes at most.
    pub(crate) pages: u16,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawObjects {
    /// What their keys begin with, such as `backups/`; with `""`, all objects of the bucket.
    prefix: String,
    /// How old the newest may be before `S3ObjectsStale` fires; default: no limit.
    max_age: Option<Duration>,
    /// How often they are listed; default: 5m.
    #[serde(default = "five_minutes")]
    interval: Duration,
    /// How many pages of 1,000 keys a listing reads at most, from 1 to 100; default: 10.
    #[serde(default = "ten")]
    pages: u16,
}

fn five_minutes() -> Duration {
    Duration::seconds(300)
}

fn ten() -> u16 {
    PAGES
}

/// How many pages a listing reads by default.
pub(crate) const PAGES: u16 = 10;

/// A listing has to fit in a probe, and to be affordable.
const MOST_PAGES: u16 = 100;
/// Each takes requests of its own.
const MOST_PREFIXES: usize = 20;

impl TryFrom<RawObjects> for ObjectsConfig {
    type Error = String;

    fn try_from(raw: RawObjects) -> Result<Self, String> {
        if !(1..=MOST_PAGES).contains(&raw.pages) {
            return Err(format!(
                "`pages` must be from 1 to {MOST_PAGES}: for more objects, use a longer `prefix`"
            ));
        }
        let (max_age, interval) = (raw.max_age.map(Duration::get), raw.interval.get());
        if max_age.is_some_and(|max_age| max_age <= interval) {
            return Err(
                "`max_age` must be longer than `interval`: the age is only known that often".to_owned()
            );
        }
        Ok(Self { prefix: raw.prefix, max_age, interval, pages: raw.pages })
    }
}

/// Checks the whole list.
pub(crate) fn validated(objects: Vec<ObjectsConfig>) -> Result<Vec<ObjectsConfig>, String> {
    if objects.len() > MOST_PREFIXES {
        return Err(format!("`objects` must have at most {MOST_PREFIXES} entries"));
    }
    let mut seen = std::collections::BTreeSet::new();
    match objects.iter().find(|watched| !seen.insert(watched.prefix.as_str())) {
        Some(twice) => Err(format!("`objects` has the prefix {:?} twice", twice.prefix)),
        None => Ok(objects),
    }
}
