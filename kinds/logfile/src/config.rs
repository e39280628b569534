//! The keys of a source.

use std::path::PathBuf;
use std::time::Duration;

use platform_core::setting;

/// Where to start in a file that already existed at the first look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// At its first line.
    Beginning,
    /// At the next line written.
    #[default]
    End,
}

/// The keys of a `logfile` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) paths: Vec<PathBuf>,
    pub(super) timestamp_field: Option<String>,
    pub(super) from: From,
    pub(super) stale_after: Option<Duration>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// A file of JSON Lines. Either this or `paths`.
    path: Option<PathBuf>,
    /// Several files, which are counted together.
    #[serde(default)]
    paths: Vec<PathBuf>,
    /// The field with the time of a line; default: the first of `ts`, `time`, `timestamp`, `@timestamp`.
    timestamp_field: Option<String>,
    /// Where to start in a file that exists at the first look; later files are read from their beginning; default: `end`.
    #[serde(default)]
    from: From,
    /// No new line for this long makes the source degraded; default: never.
    stale_after: Option<setting::Duration>,
}

impl TryFrom<Raw> for Config {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        let mut paths: Vec<_> = raw.path.into_iter().chain(raw.paths).collect();
        let given = paths.len();
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return Err("expected `path: /var/log/app.log`, or several under `paths`");
        }
        if paths.len() < given {
            return Err("a path is listed twice");
        }
        let stale_after = raw.stale_after.map(setting::Duration::get);
        Ok(Self { paths, timestamp_field: raw.timestamp_field, from: raw.from, stale_after })
    }
}
