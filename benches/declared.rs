//! Declared queries, compared with sql_exporter. Both run them on their own clocks.

use std::time::Duration;

use crate::report::{Section, Table, ratio, time};
use crate::stats::milliseconds;
use crate::usage::cpu;
use crate::{load, ours, peers};
use testkit::platform::Platform;

const QUERIES: usize = 50;
const EVERY: Duration = Duration::from_secs(1);
const CYCLES: u32 = 10;

/// Each contender has its own database, so that PostgreSQL counts them separately.
const DATABASES: [&str; 2] = ["ours", "theirs"];

pub(crate) async fn run(platform: &Platform, section: &mut Section) {
    println!("declared queries");
    section.text(&format!(
        "{QUERIES} declared queries of ten rows each, run and scraped with gzip every {EVERY:?}, {CYCLES} times, in \
         platform_exporter and in sql_exporter at the same time. PostgreSQL counts the runs: each is one transaction. \
         platform_exporter spreads the runs over the second and builds its exposition when they have finished; \
         sql_exporter runs them back to back and builds its exposition when scraped. PostgreSQL's responses pass \
         through a relay that checks every message before the driver sees it: this adds two hops per round trip, and \
         takes about a fifth of the CPU here.",
    ));
    for database in DATABASES {
        platform.postgres.sql(&format!("CREATE DATABASE {database}")).await;
    }
    let [ours, theirs] = DATABASES.map(|database| platform.postgres.url_as("postgres", "", database));
    let ours = ours::start(&platform_exporter(&ours), Vec::new(), 1).await;
    let theirs = peers::sql(&sql_exporter(&peers::without_tls(&theirs))).await;
    // First runs are spread over two seconds.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let processes = [ours.pid(), theirs.process.pid()];
    let (cpu_before, before) = (processes.map(cpu), transactions(platform).await);
    for _ in 0..CYCLES {
        tokio::time::sleep(EVERY).await;
        for url in [ours.url("/metrics"), theirs.url.clone()] {
            load::once(&url).await;
        }
    }
    let (cpu_after, after) = (processes.map(cpu), transactions(platform).await);
    let runs = [after[0] - before[0], after[1] - before[1]];
    let a_run = [0, 1].map(|which| milliseconds(cpu_after[which] - cpu_before[which]) / runs[which]);
    let mut table = Table::new(&["exporter", "runs", "CPU per run", "÷ peer"]);
    let row = |name: &str, which: usize, ratio: String| {
        [name.to_owned(), format!("{:.0}", runs[which]), time(a_run[which]), ratio]
    };
    table.row(row("platform_exporter", 0, ratio(a_run[0], a_run[1])));
    table.row(row(theirs.name, 1, String::new()));
    section.table(&table);
}

/// Transactions counted by PostgreSQL in each database.
async fn transactions(platform: &Platform) -> [f64; 2] {
    let mut counts = [0.0; 2];
    for (count, database) in counts.iter_mut().zip(DATABASES) {
        let sql =
            format!("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{database}'");
        *count = platform.postgres.sql(&sql).await.parse().expect("a number");
    }
    counts
}

/// Reads a table: otherwise, a session does not report its transactions before it ends.
const SQL: &str = "SELECT 'plan-' || oid AS plan, random() AS users FROM pg_collation ORDER BY oid LIMIT 10";

fn platform_exporter(url: &str) -> String {
    let query = |number| {
        format!(
            "  - {{name: q{number}, source: db, every: {EVERY:?}, labels: [plan], sql: \"{SQL}\", \
             metrics: [{{name: bench_{number}, value: users, help: Users.}}]}}\n"
        )
    };
    let queries: String = (0..QUERIES).map(query).collect();
    format!("sources: {{db: {{postgres: {{url: '{url}'}}, interval: 1h}}}}\nqueries:\n{queries}")
}

fn sql_exporter(url: &str) -> String {
    let query = |number| {
        format!("{{name: bench_{number}, help: Users., labels: [plan], values: [users], query: \"{SQL}\"}}")
    };
    let queries = (0..QUERIES).map(query).collect::<Vec<_>>().join(", ");
    format!("jobs: [{{name: bench, interval: {EVERY:?}, connections: ['{url}'], queries: [{queries}]}}]\n")
}
