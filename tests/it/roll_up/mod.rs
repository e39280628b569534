//! The daily roll-up against real servers.

mod binary;
mod days;
mod failures;
mod hivesync;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use platform_core::yaml::{self, Faults, Path};
use platform_exporter::config::RollUp;
use platform_exporter::schedule::RollUpKeeper;
use platform_exporter::snapshot::RollUpRun;

use testkit::postgres::Postgres;

/// Far more than an interval: the machine may be busy.
const SOON: Duration = Duration::from_secs(60);

const TABLES: &str = "
    CREATE TABLE visits (user_id int NOT NULL, at timestamptz NOT NULL, ms int NOT NULL);
    CREATE TABLE visits_daily (day date PRIMARY KEY, users int NOT NULL, month_users int NOT NULL,
        visits bigint NOT NULL, avg_ms double precision, max_depth int, note text);
    CREATE ROLE writer LOGIN PASSWORD 'pencil';
    GRANT SELECT ON visits TO writer;
    GRANT SELECT, INSERT, UPDATE ON visits_daily TO writer;";

/// What a pack says.
const DECLARED: &str = "
table: visits_daily
day: day
columns: [users, month_users, visits, avg_ms]
sql: |
  SELECT count(*) FILTER (WHERE last >= $1) AS users, count(*) AS month_users, coalesce(sum(visits), 0) AS visits,
         sum(ms) / sum(visits) AS avg_ms
  FROM (
    SELECT user_id, max(at) AS last, count(*) FILTER (WHERE at >= $1) AS visits,
           sum(ms) FILTER (WHERE at >= $1)::float8 AS ms
    FROM visits WHERE at >= $2 - interval '30 days' AND at < $2 GROUP BY user_id
  ) AS of_user  -- the last comment
observed:
  max_depth: {metric: acme_depth}
";

fn decoded<T: serde::de::DeserializeOwned>(yaml: &str) -> Result<T, Faults> {
    let mut faults = Faults::of("roll_up.yml");
    let tree = yaml::parse(yaml, &|_| None, &mut faults);
    tree.and_then(|tree| yaml::decode(&tree, &Path::default(), &mut faults)).ok_or(faults)
}

fn roll_up(declared: &str, config: &str) -> RollUp {
    testkit::install_ring();
    let [table, config] = [declared, config].map(str::to_owned);
    RollUp {
        pack: "acme".to_owned(),
        table: decoded(&table).unwrap_or_else(|faults| panic!("{faults}")),
        config: decoded(&config).unwrap_or_else(|faults| panic!("{faults}")),
        fingerprint: 0,
    }
}

/// A roll-up as the role with the least rights; `more` are further keys of the configuration.
fn keeper(server: &Postgres, more: &str) -> RollUpKeeper {
    let url = server.url_as("writer", "pencil", "postgres");
    RollUpKeeper::new(roll_up(DECLARED, &format!("{{write_url: '{url}', timeout: 20s{more}}}")))
}

const BERLIN: &str = ", time_zone: Europe/Berlin";

async fn server() -> Postgres {
    let server = Postgres::options().password("hunter2").start().await;
    server.sql(TABLES).await;
    server
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// How many rows a run without a problem has written.
async fn written(keeper: &mut RollUpKeeper, now: &str) -> u64 {
    let RollUpRun { written, problem, .. } = keeper.run(at(now)).await;
    assert_eq!(problem, None);
    written
}

/// The table as text, a line for each day, with what shows that a row was written again.
async fn rows(server: &Postgres) -> String {
    server.sql("SELECT *, xmin, ctid FROM visits_daily ORDER BY day").await
}

/// A visit.
#[derive(Clone, Copy)]
struct Visit {
    user: u32,
    at: Timestamp,
    ms: u32,
}

impl Visit {
    fn new(user: u32, at: &str, ms: u32) -> Self {
        Self { user, at: at.parse().unwrap(), ms }
    }
}

async fn insert(server: &Postgres, visits: &[Visit]) {
    // One argument of a command has its limit.
    for visits in visits.chunks(1500) {
        let values: Vec<_> =
            visits.iter().map(|Visit { user, at, ms }| format!("({user},'{at}',{ms})")).collect();
        server.sql(&format!("INSERT INTO visits VALUES {}", values.join(","))).await;
    }
}

/// What the row of a day has to hold: users, users of 30 days, visits, average.
#[derive(Debug, PartialEq)]
struct Expected {
    users: usize,
    month_users: usize,
    visits: usize,
    avg_ms: Option<f64>,
}

/// Computed from the visits themselves; `month` is the first moment of the 30 days that end at `end`.
fn expected(visits: &[Visit], month: Timestamp, start: Timestamp, end: Timestamp) -> Expected {
    let users = |from: Timestamp| {
        let users = visits.iter().filter(|visit| visit.at >= from && visit.at < end).map(|visit| visit.user);
        users.collect::<std::collections::BTreeSet<_>>().len()
    };
    let of_day: Vec<_> = visits.iter().filter(|visit| visit.at >= start && visit.at < end).collect();
    let sum: u32 = of_day.iter().map(|visit| visit.ms).sum();
    Expected {
        users: users(start),
        month_users: users(month),
        visits: of_day.len(),
        avg_ms: (!of_day.is_empty()).then(|| f64::from(sum) / of_day.len() as f64),
    }
}

/// The table's rows by day, with the observed value.
async fn table(server: &Postgres) -> BTreeMap<Date, (Expected, Option<i64>)> {
    let rows = server
        .sql("SELECT to_char(day, 'YYYY-MM-DD'), users, month_users, visits, avg_ms, max_depth FROM visits_daily")
        .await;
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').collect();
        let number = |index: usize| cells[index].parse().unwrap();
        let expected = Expected {
            users: number(1),
            month_users: number(2),
            visits: number(3),
            avg_ms: cells[4].parse().ok(),
        };
        (cells[0].parse().unwrap(), (expected, cells[5].parse().ok()))
    };
    rows.lines().map(row).collect()
}

async fn depth(server: &Postgres, day: &str) -> String {
    server.sql(&format!("SELECT max_depth FROM visits_daily WHERE day = '{day}'")).await
}
