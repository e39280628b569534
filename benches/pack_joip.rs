//! The cost of a cycle of the joip pack on a large database, without and with its indexes, and that of its tables of users.
//!
//! The number of accounts and activity rows are optional arguments: `bench pack-joip 10000 100000`.

use std::process::Command;
use std::time::{Duration, Instant};

use platform_core::query::{Ask, Declared, Question};
use platform_exporter::config::{self, Config, Surroundings};
use serde_json::Value;
use tempfile::TempDir;

use testkit::postgres::Postgres;
use testkit::subject;

const SCHEMA: &str = include_str!("../crates/testkit/src/joip/schema.sql");
const ROWS: &str = include_str!("pack_joip.sql");
const ROLES: &str = include_str!("../platforms/joip/role.sql");
const INDEXES: &str = include_str!("../platforms/joip/indexes.sql");
const EXPORT: &str = include_str!("../platforms/joip/export.sql");

/// Runs per query; the cheapest one counts.
const RUNS: usize = 3;
/// PostgreSQL's pages.
const PAGE: f64 = 8192.0;

struct Bench {
    postgres: Postgres,
    files: TempDir,
}

/// The cost of a query.
struct Cost {
    /// CPU time, so that other load on the machine does not count.
    time: Duration,
    rows: f64,
    bytes: f64,
}

pub(crate) async fn run() {
    let number = |position, default| {
        std::env::args().nth(position).map_or(default, |text| text.parse().expect("a number"))
    };
    let (users, events): (u64, u64) = (number(2, 1_000_000), number(3, 10_000_000));
    // Without parallel workers, the whole cost of a query is in one process.
    let postgres = Postgres::options()
        .setting("shared_buffers = 128MB")
        .setting("max_wal_size = 8GB")
        .setting("max_parallel_workers_per_gather = 0");
    let files = TempDir::with_prefix("bench-").expect("a temporary directory");
    let bench = Bench { postgres: postgres.start().await, files };
    println!("{users} accounts, {events} rows of activity");
    bench.run(SCHEMA);
    // References are valid by construction; no need to check them.
    let rows = ROWS.replace("$(users)", &users.to_string()).replace("$(events)", &events.to_string());
    bench.run(&format!("SET session_replication_role = replica;\n{rows}\nVACUUM ANALYZE;"));
    bench.run(ROLES);
    let config = bench.config();
    let before = bench.cycle(&config).await;
    let started = Instant::now();
    bench.run(INDEXES);
    println!("the index script took {:.0} s", started.elapsed().as_secs_f64());
    bench.run("VACUUM ANALYZE;");
    let after = bench.cycle(&config).await;
    print(&config, &before, &after);
    bench.tables(&config);
}

impl Bench {
    fn run(&self, script: &str) {
        let file = self.files.path().join("script.sql");
        std::fs::write(&file, script).expect("the directory is writable");
        self.psql(&["-f", file.to_str().expect("a plain path")], &self.postgres.url());
    }

    fn psql(&self, arguments: &[&str], url: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]).args(arguments);
        let output = psql.output().expect("psql is not installed: run `make deps`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the database is in UTF-8")
    }

    fn url(&self) -> String {
        self.postgres.url_as("platform_exporter", "", "postgres")
    }

    fn config(&self) -> Config {
        let text =
            format!("sources: {{db: {{postgres: {{url: '{}'}}}}}}\npacks: {{joip: {{db: db}}}}", self.url());
        let missing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let surroundings = Surroundings { variable: &|_| None, file: &missing };
        config::load(&text, "bench.yml", surroundings).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Runs every query as the exporter does, and once more to see what it reads.
    async fn cycle(&self, config: &Config) -> Vec<Cost> {
        let surroundings =
            subject::Surroundings { timeout: Duration::from_secs(600), ..subject::Surroundings::default() };
        let mut subject = surroundings.source(&format!("postgres: {{url: '{}'}}", self.url()));
        subject.rows(&Question::new("sql", "SELECT 1")).await.expect("the role may connect");
        let backend = self.backend().await;
        let mut costs = Vec::new();
        for query in config.queries() {
            let question = question(query);
            let mut time = Duration::MAX;
            for _ in 0..RUNS {
                let before = used(backend);
                subject
                    .rows(question)
                    .await
                    .unwrap_or_else(|problem| panic!("{}: {problem}", query.spec.name));
                time = time.min(used(backend) - before);
            }
            let sql = question.value().as_str().expect("the pack queries PostgreSQL alone");
            let (rows, bytes) = self.read(sql);
            costs.push(Cost { time, rows, bytes });
        }
        costs
    }

    /// Prints how long each table of users takes over the last 30 days, as Grafana's role, and the export of all users.
    fn tables(&self, config: &Config) {
        let url = self.postgres.url_as("grafana_joip", "", "postgres");
        println!("\n| table | time | read |");
        println!("|---|---:|---:|");
        for (title, sql) in selects(config) {
            let sql = sql
                .replace("$__timeFrom()", "(now() - interval '30 days')")
                .replace("$__timeTo()", "now()")
                .replace("${sort:sqlstring}", "'session_viewed'")
                .replace("${names:sqlstring}", "'shown'")
                .replace("${user:sqlstring}", "'user-1000'");
            let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}");
            let run = |_| serde_json::from_str(&self.psql(&["-c", &explain], &url)).expect("it is JSON");
            let plans: Vec<Value> = (0..RUNS).map(run).collect();
            let time = |plan: &Value| plan[0]["Execution Time"].as_f64().expect("ANALYZE gives it");
            let cheapest = plans.iter().map(time).fold(f64::INFINITY, f64::min);
            let megabytes = bytes(&plans[0]) / 1e6;
            println!("| {title} | {cheapest:.0} ms | {megabytes:.1} MB |");
        }
        let started = Instant::now();
        let file = self.files.path().join("export.sql");
        std::fs::write(&file, EXPORT).expect("the directory is writable");
        let rows = self.psql(&["-f", file.to_str().expect("a plain path")], &url);
        let megabytes = rows.len() / 1_000_000;
        println!("| export.sql | {} ms | {megabytes} MB written |", started.elapsed().as_millis());
    }

    /// The server process of the queries' session.
    async fn backend(&self) -> i32 {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'platform_exporter'";
        self.postgres.sql(sql).await.parse().expect("there is one session")
    }

    /// The number of table and index rows a query scans, and the bytes of pages.
    fn read(&self, sql: &str) -> (f64, f64) {
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql};");
        // In the same transaction.
        let rows = "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class \
                    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace";
        let output = self.psql(&["-c", &(explain + rows)], &self.url());
        let (plan, rows) = output.trim_end().rsplit_once('\n').expect("two answers");
        let plan = serde_json::from_str::<Value>(plan).expect("EXPLAIN gives JSON");
        (rows.parse().expect("a number"), bytes(&plan))
    }
}

/// The bytes of pages that a query read, by its plan.
fn bytes(plan: &Value) -> f64 {
    let pages = |key: &str| plan[0]["Plan"][key].as_f64().expect("BUFFERS gives it");
    (pages("Shared Hit Blocks") + pages("Shared Read Blocks")) * PAGE
}

/// The title and the SELECT of each table of users.
fn selects(config: &Config) -> Vec<(String, String)> {
    let files = platform_exporter::bundle::render(Some(config)).unwrap_or_else(|faults| panic!("{faults}"));
    let file = files.iter().find(|file| file.path.ends_with("joip-users.json")).expect("it is rendered");
    let dashboard: Value = serde_json::from_str(&file.text).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels").iter();
    let selects = panels.filter_map(|panel| {
        let sql = panel["targets"][0]["rawSql"].as_str()?;
        Some((panel["title"].as_str()?.to_owned(), sql.to_owned()))
    });
    selects.collect()
}

/// The CPU time of a process.
fn used(pid: i32) -> Duration {
    let process = procfs::process::Process::new(pid).expect("it runs");
    let stat = process.stat().expect("it runs");
    let ticks = u32::try_from(stat.utime + stat.stime).expect("a bench is no year long");
    let second = u32::try_from(procfs::ticks_per_second()).expect("a hundred or so");
    Duration::from_secs(1) * ticks / second
}

fn question(query: &Declared) -> &Question {
    match &query.ask {
        Ask::One { question, .. } => question,
        Ask::Distinct(_) => panic!("the pack has no such query"),
    }
}

fn print(config: &Config, before: &[Cost], after: &[Cost]) {
    println!("\n| query | without indexes: CPU | rows | read | with indexes: CPU | rows | read |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let cells = |cost: &Cost| {
        let (ms, mb) = (cost.time.as_secs_f64() * 1e3, cost.bytes / 1e6);
        format!("{ms:.0} ms | {:.0} | {mb:.1} MB", cost.rows)
    };
    for ((query, before), after) in config.queries().iter().zip(before).zip(after) {
        println!("| `{}` | {} | {} |", query.spec.name, cells(before), cells(after));
    }
    let frequent = |costs: &[Cost]| {
        let shortest = config.queries().iter().map(|query| query.every).min();
        let queries = config.queries().iter().zip(costs);
        let of_cycle: Vec<_> = queries.filter(|(query, _)| Some(query.every) == shortest).collect();
        cells(&Cost {
            time: of_cycle.iter().map(|(_, cost)| cost.time).sum(),
            rows: of_cycle.iter().map(|(_, cost)| cost.rows).sum(),
            bytes: of_cycle.iter().map(|(_, cost)| cost.bytes).sum(),
        })
    };
    println!("| one cycle, without `joip.event_totals` | {} | {} |", frequent(before), frequent(after));
}
