//! What a scenario has done to its server: the part of a recount that the server is not asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use testkit::recount::Series;
use testkit::time::now;

/// Between which two moments something happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) earliest: f64,
    pub(super) latest: f64,
}

impl Moment {
    /// Does something, and notes when.
    pub(super) async fn of<T>(action: impl Future<Output = T>) -> (Self, T) {
        let earliest = now();
        let result = action.await;
        (Self { earliest, latest: now() }, result)
    }
}

/// Which of two recounts: that just before a probe has the lower bounds, that just after it the upper ones.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Before,
    /// With the time at which the recount before it began.
    After(f64),
}

impl Side {
    pub(super) fn time(self, moment: Moment) -> f64 {
        match self {
            Self::Before => moment.earliest,
            Self::After(_) => moment.latest,
        }
    }

    pub(super) fn age(self, moment: Moment) -> f64 {
        match self {
            Self::Before => now() - moment.latest,
            Self::After(_) => now() - moment.earliest,
        }
    }
}

/// A transaction that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) database: &'static str,
    pub(super) state: &'static str,
    /// The type and the name of that.
    pub(super) waits_for: [&'static str; 2],
    pub(super) began: Moment,
}

/// A table of the database that the exporter is connected to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) dead: f64,
    /// The same, of which a server that was killed knows nothing until it has looked.
    pub(super) dead_on_disk: f64,
    pub(super) threshold: f64,
    pub(super) scale_factor: f64,
    /// Its rows, when it was last analyzed or vacuumed.
    pub(super) analyzed: f64,
    pub(super) autovacuum: Option<Moment>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            dead: 0.0,
            dead_on_disk: 0.0,
            threshold: 50.0,
            scale_factor: 0.2,
            analyzed: 0.0,
            autovacuum: None,
        }
    }
}

/// How far behind its primary a server is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lag {
    /// Not at all, or it is a primary.
    None,
    /// The first commit that it lacks was not after the one moment, and the last that it has not before the other.
    Since(Moment),
}

/// Where WAL files go.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    pub(super) folder: PathBuf,
    /// A line for each failure.
    pub(super) failures: PathBuf,
}

/// Work that was done in a database since its statistics began, by name of its series.
pub(super) type Work = BTreeMap<&'static str, f64>;

#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Whether the source has every collector turned on.
    pub(super) collects_all: bool,
    /// What the configuration says, by series.
    pub(super) settings: Series,
    /// How many clients there are beside the exporter and the one that recounts.
    pub(super) sessions: usize,
    pub(super) open: Vec<Open>,
    pub(super) prepared: Vec<Moment>,
    pub(super) tables: BTreeMap<String, Table>,
    /// How many of them have series of their own.
    pub(super) top_tables: usize,
    /// Whether rows from before are not counted: a server that was killed forgets its statistics.
    pub(super) forgets_rows: bool,
    pub(super) work: BTreeMap<&'static str, Work>,
    /// Locks that are held or waited for, by database and mode.
    pub(super) locks: BTreeMap<(&'static str, &'static str), f64>,
    /// Whether each slot has a client.
    pub(super) slots: BTreeMap<&'static str, bool>,
    /// What slots may keep, in segments.
    pub(super) slots_keep: Option<u64>,
    pub(super) lag: Lag,
    /// When the last transaction that a standby has replayed was committed.
    pub(super) replayed: Option<Moment>,
    /// Whether it has a primary to stream from.
    pub(super) streams: bool,
    pub(super) archive: Option<Archive>,
    /// Whether the account may see all.
    pub(super) is_monitor: bool,
    /// Databases to which it may not connect.
    pub(super) closed_to_it: Vec<&'static str>,
}

impl Default for Known {
    fn default() -> Self {
        let settings = [
            ("pg_settings_max_connections", 40.0),
            ("pg_settings_superuser_reserved_connections", 3.0),
            ("pg_settings_reserved_connections", 0.0),
            ("pg_settings_max_wal_size_bytes", 1_073_741_824.0),
            ("pg_settings_wal_keep_size_bytes", 0.0),
            ("pg_settings_recovery_min_apply_delay_seconds", 0.0),
        ];
        Self {
            collects_all: false,
            settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
            sessions: 0,
            open: Vec::new(),
            prepared: Vec::new(),
            tables: BTreeMap::new(),
            top_tables: 100,
            forgets_rows: false,
            work: BTreeMap::new(),
            locks: BTreeMap::new(),
            slots: BTreeMap::new(),
            slots_keep: None,
            lag: Lag::None,
            replayed: None,
            streams: false,
            archive: None,
            is_monitor: true,
            closed_to_it: Vec::new(),
        }
    }
}

impl Known {
    /// What a server forgets when it is killed.
    pub(super) fn forget(&mut self) {
        self.open.clear();
        self.locks.clear();
        self.work.clear();
        self.sessions = 0;
        self.forgets_rows = true;
        for table in self.tables.values_mut() {
            (table.dead, table.autovacuum) = (0.0, None);
        }
    }
}
