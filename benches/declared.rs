//! Declared queries, beside sql_exporter with the same ones. Both put them by their own clocks.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::report::{Section, Table, ratio, time};
use crate::stats::milliseconds;
use crate::support::platform::Platform;
use crate::support::process::Process;
use crate::usage::cpu;
use crate::{ours, peers};

const QUERIES: usize = 50;
const TURNS: u32 = 3;
const TURN: Duration = Duration::from_secs(3);

pub(crate) async fn run(platform: &Platform, section: &mut Section) {
    println!("declared queries");
    section.text(&format!(
        "{QUERIES} declared queries of ten rows each, put every second, in platform_exporter and in sql_exporter; \
         nobody scrapes. While one works, the other is frozen. PostgreSQL counts the runs: each is one transaction.",
    ));
    let url = platform.postgres.url();
    let mut ours = ours::start(&platform_exporter(&url), Vec::new(), 1).await;
    let theirs = peers::sql(&sql_exporter(&peers::without_tls(&url))).await;
    let contenders = [("platform_exporter", &*ours.process()), (theirs.name, &theirs.process)];
    contenders.iter().for_each(|(_, process)| process.stop());
    let mut costs = [Cost::default(), Cost::default()];
    for _ in 0..TURNS {
        for ((_, process), cost) in contenders.iter().zip(&mut costs) {
            turn(platform, process, cost).await;
        }
    }
    let mut table = Table::new(&["exporter", "runs", "CPU a run", "÷ peer"]);
    for ((name, _), cost) in contenders.iter().zip(&costs) {
        let of = if *name == "platform_exporter" {
            ratio(cost.per_run(), costs[1].per_run())
        } else {
            String::new()
        };
        table.row([(*name).to_owned(), format!("{:.0}", cost.runs), time(cost.per_run()), of]);
    }
    section.table(&table);
}

#[derive(Default)]
struct Cost {
    cpu: Duration,
    runs: f64,
}

impl Cost {
    fn per_run(&self) -> f64 {
        milliseconds(self.cpu) / self.runs
    }
}

async fn turn(platform: &Platform, process: &Process, cost: &mut Cost) {
    let pid: Pid = process.pid();
    process.resume();
    // What was due in the meantime is done, and sessions tell of their transactions once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (before, runs) = (cpu(pid), transactions(platform).await);
    let started = Instant::now();
    tokio::time::sleep(TURN.saturating_sub(started.elapsed())).await;
    cost.cpu += cpu(pid) - before;
    // The count itself is one.
    cost.runs += transactions(platform).await - runs - 1.0;
    process.stop();
}

async fn transactions(platform: &Platform) -> f64 {
    let sql = "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database";
    platform.postgres.sql(sql).await.parse().expect("a number")
}

const SQL: &str = "SELECT 'plan-' || n AS plan, random() AS users FROM generate_series(1, 10) AS n";

fn platform_exporter(url: &str) -> String {
    let query = |number| {
        format!(
            "  - {{name: q{number}, source: db, every: 1s, labels: [plan], sql: \"{SQL}\", \
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
    format!("jobs: [{{name: bench, interval: 1s, connections: ['{url}'], queries: [{queries}]}}]\n")
}
