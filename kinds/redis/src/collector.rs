//! What a probe reads if a source asks for it.

/// A part of a probe that a source turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RedisCollector {
    /// Some of the settings.
    Config,
}

impl RedisCollector {
    /// Its name in queries.yml.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
        }
    }
}
