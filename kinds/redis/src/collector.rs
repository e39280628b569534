//! What a probe reads if a source asks for it.

/// A part of a probe that a source turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RedisCollector {
    /// Some of the settings.
    Config,
}

impl RedisCollector {
    /// All of them.
    pub(super) const ALL: [Self; 1] = [Self::Config];

    /// Its name in queries.yml.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::QUERIES;
    use super::RedisCollector;

    #[test]
    fn all_are_those_of_the_queries() {
        let queries: BTreeSet<&str> =
            QUERIES.text.lines().filter_map(|line| line.strip_prefix("    collector: ")).collect();
        let all = RedisCollector::ALL.map(RedisCollector::name).into_iter();
        assert_eq!(all.collect::<BTreeSet<_>>(), queries);
    }
}
