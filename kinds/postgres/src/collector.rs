//! What a probe reads in addition to the state of the server.

/// A part of a probe that a source turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PgCollector {
    /// Every setting that is a number or a switch.
    Settings,
    /// The blocks of each table that were read or found in shared buffers.
    StatioUserTables,
    /// The size of each table.
    TableSizes,
    /// What each statement took.
    StatStatements,
    /// The use of each index.
    StatioUserIndexes,
    /// For how long sessions have been idle.
    ProcessIdle,
    /// The connection limits of roles.
    Roles,
    /// The use of shared buffers.
    BuffercacheSummary,
    /// The tables that are being vacuumed.
    StatActivityAutovacuum,
    /// Reads and writes by type of process.
    StatIo,
    /// What was written to the WAL.
    StatWal,
    /// The subscriptions of logical replication.
    StatSubscription,
}

impl PgCollector {
    /// Those that a source has unless it says otherwise.
    pub(super) const DEFAULT: [Self; 4] =
        [Self::Settings, Self::StatioUserTables, Self::TableSizes, Self::Roles];

    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Settings,
        Self::StatioUserTables,
        Self::TableSizes,
        Self::StatStatements,
        Self::StatioUserIndexes,
        Self::ProcessIdle,
        Self::Roles,
        Self::BuffercacheSummary,
        Self::StatActivityAutovacuum,
        Self::StatIo,
        Self::StatWal,
        Self::StatSubscription,
    ];

    /// Its name in queries.yml.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::StatioUserTables => "statio_user_tables",
            Self::TableSizes => "table_sizes",
            Self::StatStatements => "stat_statements",
            Self::StatioUserIndexes => "statio_user_indexes",
            Self::ProcessIdle => "process_idle",
            Self::Roles => "roles",
            Self::BuffercacheSummary => "buffercache_summary",
            Self::StatActivityAutovacuum => "stat_activity_autovacuum",
            Self::StatIo => "stat_io",
            Self::StatWal => "stat_wal",
            Self::StatSubscription => "stat_subscription",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::QUERIES;
    use super::PgCollector;

    #[test]
    fn all_are_those_of_the_queries() {
        let queries: BTreeSet<&str> =
            QUERIES.text.lines().filter_map(|line| line.strip_prefix("    collector: ")).collect();
        let all = PgCollector::ALL.map(PgCollector::name).into_iter();
        assert_eq!(all.collect::<BTreeSet<_>>(), queries);
    }
}
