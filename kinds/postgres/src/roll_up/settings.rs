//! The roll-up settings of a pack and of a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use platform_core::setting::{Duration, Secret, SqlName, TimeZone};
use platform_core::tls::Tls;

use crate::url::UrlParts;
use crate::{Config, statement};

const DEFAULT_EVERY: Duration = Duration::seconds(5 * 60);
const DEFAULT_TIMEOUT: Duration = Duration::seconds(60);
const DAY: u64 = 24 * 60 * 60;
const DEFAULT_BACK_FILL: u16 = 31;
const LONGEST_BACK_FILL: u16 = 366;

/// The table and the contents of its rows: the key `roll_up` of a pack.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawTable")]
#[schemars(with = "RawTable")]
pub struct DailyTable {
    /// The table. Must exist.
    pub table: SqlName,
    /// The column of the day: a `date`, and the primary key.
    pub day: SqlName,
    /// The columns returned by `sql`.
    pub columns: Vec<SqlName>,
    /// A SELECT of one row with `columns`, about the time from `$1` to before `$2`, both `timestamptz`.
    pub sql: String,
    /// The columns observed by the exporter, which no table holds.
    pub observed: BTreeMap<SqlName, Observed>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawTable {
    table: SqlName,
    day: SqlName,
    columns: Vec<SqlName>,
    sql: String,
    #[serde(default)]
    observed: BTreeMap<SqlName, Observed>,
}

impl TryFrom<RawTable> for DailyTable {
    type Error = String;

    fn try_from(raw: RawTable) -> Result<Self, String> {
        let RawTable { table, day, columns, sql, observed } = raw;
        if columns.is_empty() {
            return Err("expected at least one of the columns returned by `sql` in `columns`".to_owned());
        }
        statement::check(&sql).map_err(|error| format!("`sql`: {error}"))?;
        let mut seen = BTreeSet::from([&day]);
        if let Some(twice) = columns.iter().chain(observed.keys()).find(|column| !seen.insert(column)) {
            return Err(format!("the column {twice} is listed twice"));
        }
        Ok(Self { table, day, columns, sql, observed })
    }
}

/// The largest value of a metric during a day, over all its series with these labels.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
pub struct Observed {
    /// One of the pack's own metrics.
    pub metric: String,
    /// Required label values.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Where and when to write: the key `roll_up` of a configured pack. Without it, nothing is written.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "RawConfig")]
#[schemars(with = "RawConfig")]
pub struct RollUpConfig {
    pub(super) connection: Config,
    /// The time zone of the days.
    pub time_zone: TimeZone,
    /// How often it is written.
    pub every: std::time::Duration,
    /// How long each day may take.
    pub timeout: std::time::Duration,
    /// How many past days are filled in if missing.
    pub back_fill: u16,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RawConfig {
    /// The database with the table: `postgres://USER@HOST:PORT/DATABASE`, with `sslmode` as for a source.
    write_url: UrlParts,
    /// The password, instead of the one in the URL.
    write_password: Option<Secret>,
    /// A file that holds the password; re-read for each connection.
    write_password_file: Option<PathBuf>,
    /// Certificates, as for a source.
    #[serde(default)]
    tls: Tls,
    /// Whether the connection goes through PgBouncer; default: `false`.
    pgbouncer: Option<bool>,
    /// The time zone of the days, by its IANA name; default: `UTC`.
    time_zone: Option<TimeZone>,
    /// The pause between the end of a run and the next; default: 5m.
    every: Option<Duration>,
    /// The time limit for one day; default: 60s.
    timeout: Option<Duration>,
    /// How many days before today are filled in if missing, 1d to 366d; default: 31d.
    back_fill: Option<Duration>,
}

impl TryFrom<RawConfig> for RollUpConfig {
    type Error = String;

    fn try_from(raw: RawConfig) -> Result<Self, String> {
        let password = Secret::from_keys("write_password", raw.write_password, raw.write_password_file)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            connection: Config::connection(raw.write_url, password, raw.tls, raw.pgbouncer)?,
            time_zone: raw.time_zone.unwrap_or(TimeZone::UTC),
            every: raw.every.unwrap_or(DEFAULT_EVERY).get(),
            timeout: raw.timeout.unwrap_or(DEFAULT_TIMEOUT).get(),
            back_fill: raw.back_fill.map_or(Ok(DEFAULT_BACK_FILL), back_fill)?,
        })
    }
}

impl RollUpConfig {
    /// The address of the table, without credentials.
    pub fn target(&self) -> String {
        self.connection.to_string()
    }
}

fn back_fill(length: Duration) -> Result<u16, String> {
    let days = u16::try_from(length.get().as_secs() / DAY).ok();
    days.filter(|days| (1..=LONGEST_BACK_FILL).contains(days))
        .ok_or_else(|| format!("expected `back_fill` from 1d to {LONGEST_BACK_FILL}d"))
}
