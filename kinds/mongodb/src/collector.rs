//! What a probe reads in addition to the state of the server and of its set.

/// A part of a probe that a source turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Collector {
    /// The size of each database.
    Dbstats,
    /// The size and latency of each of `collections`.
    Collstats,
    /// The use of each index of `collections`.
    Indexstats,
    /// The size of the oplog.
    Oplog,
    /// The time that operations take, by collection.
    Top,
    /// The slow operations, by collection.
    Currentop,
    /// The configuration of the set.
    Replicasetconfig,
    /// What the server records of its host.
    System,
    /// The compatibility version.
    Fcv,
    /// The operations that the profiler has recorded.
    Profile,
}

impl Collector {
    /// Those that a source has unless it says otherwise.
    pub(super) const DEFAULT: [Self; 3] = [Self::Dbstats, Self::Collstats, Self::Oplog];

    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::Dbstats,
        Self::Collstats,
        Self::Indexstats,
        Self::Oplog,
        Self::Top,
        Self::Currentop,
        Self::Replicasetconfig,
        Self::System,
        Self::Fcv,
        Self::Profile,
    ];

    /// Its name in queries.yml.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dbstats => "dbstats",
            Self::Collstats => "collstats",
            Self::Indexstats => "indexstats",
            Self::Oplog => "oplog",
            Self::Top => "top",
            Self::Currentop => "currentop",
            Self::Replicasetconfig => "replicasetconfig",
            Self::System => "system",
            Self::Fcv => "fcv",
            Self::Profile => "profile",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::QUERIES;
    use super::super::config::COMPATIBLE;
    use super::Collector;

    #[test]
    fn all_are_those_of_the_queries() {
        let queries: BTreeSet<&str> =
            QUERIES.text.lines().filter_map(|line| line.strip_prefix("    collector: ")).collect();
        let all = Collector::ALL.map(Collector::name).into_iter().chain([COMPATIBLE]);
        assert_eq!(all.collect::<BTreeSet<_>>(), queries);
    }
}
