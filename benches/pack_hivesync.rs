//! The hivesync pack on a large platform: time and blocks read by each query, without and with the pack's indexes.
//!
//! `BENCH_USERS` is the number of users, by default a million; each has ten rows of activity, and one in five is
//! online.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use platform_core::query::Ask;
use platform_exporter::config::{self, Surroundings};
use serde_json::Value;

use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::redis::Redis;

const SCHEMA: &str = include_str!("../demo/hivesync.schema.sql");
const ROWS: &str = include_str!("pack_hivesync.sql");
const ROLES: &str = include_str!("../platforms/hivesync/role.sql");
const INDEXES: &str = include_str!("../platforms/hivesync/indexes.sql");
const PAGE: &str = include_str!("../platforms/hivesync/README.md");

/// A whole cycle, also without indexes and on a slow disk.
const PATIENCE: Duration = Duration::from_secs(600);

/// The cost of a statement.
#[derive(Default)]
struct Cost {
    seconds: f64,
    rows: f64,
    blocks: f64,
}

pub(crate) async fn run() {
    let users = std::env::var("BENCH_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let postgres = Postgres::options().setting("shared_buffers = 512MB").setting("max_wal_size = 8GB");
    let (postgres, redis) = tokio::join!(postgres.start(), Redis::start());
    let started = Instant::now();
    fill(&postgres, users).await;
    println!("{users} users, {} rows of activity: filled in {:.0?}.\n", users * 10, started.elapsed());
    let config = configuration(&postgres, &redis);
    let statements = statements(&config);
    let bare = measure(&postgres, &statements).await;
    for statement in script(INDEXES) {
        let started = Instant::now();
        postgres.sql(&statement).await;
        let name = statement.split_whitespace().nth(6).unwrap_or_default();
        let size = postgres.sql(&format!("SELECT pg_size_pretty(pg_relation_size('{name}'))")).await;
        println!("{name:<36}{size:>10}{:>8.1} s", started.elapsed().as_secs_f64());
    }
    postgres.sql("VACUUM ANALYZE").await;
    let indexed = measure(&postgres, &statements).await;
    print(&bare, &indexed);
    online(&redis, &config, users / 5).await;
}

async fn fill(postgres: &Postgres, users: u64) {
    postgres.sql(SCHEMA).await;
    for statement in script(ROWS) {
        let statement = statement.replace(":users", &users.to_string());
        // References are valid by construction; checking them would take longer than inserting the rows.
        postgres.sql(&format!("SET session_replication_role = replica; {statement}")).await;
    }
    postgres.sql(ROLES).await;
    postgres.sql("VACUUM ANALYZE").await;
}

/// The statements of a script, without its comments.
fn script(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn configuration(postgres: &Postgres, redis: &Redis) -> String {
    format!(
        "sources:\n  db: {{postgres: {{url: '{}'}}}}\n  cache: {{redis: {{url: '{}'}}}}\n\
         packs: {{hivesync: {{db: db, cache: cache, input_price: 0.5, output_price: 1.5}}}}\n",
        postgres.url_as("platform_exporter", "", "postgres"),
        redis.url()
    )
}

/// Every SELECT of the pack, and those of the dashboard's tables.
fn statements(config: &str) -> BTreeMap<String, String> {
    let nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let surroundings = Surroundings { variable: &|_| None, file: &nothing };
    let config = config::load(config, "bench", surroundings).unwrap_or_else(|faults| panic!("{faults}"));
    let mut all = BTreeMap::new();
    for query in config.queries() {
        let questions = match &query.ask {
            Ask::One { question, .. } => vec![question],
            Ask::Distinct(parts) => parts.iter().map(|part| &part.question).collect(),
        };
        for question in questions {
            if let Some(sql) = question.value().as_str() {
                all.insert(query.spec.name.clone(), sql.to_owned());
            }
        }
    }
    for (block, name) in PAGE.split("```sql\n").skip(1).zip(["table: top 20", "table: incidents"]) {
        let sql = block.split("```").next().expect("a block has an end");
        all.insert(name.to_owned(), sql.to_owned());
    }
    all
}

/// The cost of each statement, as reported by the server for its second run.
async fn measure(postgres: &Postgres, statements: &BTreeMap<String, String>) -> BTreeMap<String, Cost> {
    let mut costs = BTreeMap::new();
    for (name, sql) in statements {
        postgres.sql(&format!("SELECT count(*) FROM ({sql}) AS answer")).await;
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}");
        let plan = postgres.sql(&explain).await;
        let plan: Value = serde_json::from_str(&plan).expect("the server writes JSON");
        let mut cost = Cost { seconds: number(&plan[0], "Execution Time") / 1000.0, ..Cost::default() };
        let root = &plan[0]["Plan"];
        cost.blocks = ["Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks", "Temp Written Blocks"]
            .iter()
            .map(|key| number(root, key))
            .sum();
        cost.rows = rows_read(root);
        costs.insert(name.clone(), cost);
    }
    costs
}

fn number(node: &Value, key: &str) -> f64 {
    node[key].as_f64().unwrap_or_default()
}

/// Rows that the scans of a plan looked at, kept or not.
fn rows_read(node: &Value) -> f64 {
    let own = match node.get("Relation Name") {
        Some(_) => {
            let removed =
                number(node, "Rows Removed by Filter") + number(node, "Rows Removed by Index Recheck");
            (number(node, "Actual Rows") + removed) * number(node, "Actual Loops")
        }
        None => 0.0,
    };
    own + node["Plans"].as_array().into_iter().flatten().map(rows_read).sum::<f64>()
}

fn print(bare: &BTreeMap<String, Cost>, indexed: &BTreeMap<String, Cost>) {
    println!("\n{:<32}{:>32}{:>32}", "", "without indexes", "with indexes");
    let head = format!("{:>10}{:>11}{:>11}", "seconds", "rows", "blocks");
    println!("{:<32}{head}{head}", "query");
    let line = |cost: &Cost| format!("{:>10.3}{:>11.0}{:>11.0}", cost.seconds, cost.rows, cost.blocks);
    for (name, cost) in bare {
        println!("{name:<32}{}{}", line(cost), line(&indexed[name]));
    }
    let of_pack = |costs: &BTreeMap<String, Cost>| {
        let own = costs.iter().filter(|(name, _)| name.starts_with("hivesync."));
        own.fold(Cost::default(), |sum, (_, cost)| Cost {
            seconds: sum.seconds + cost.seconds,
            rows: sum.rows + cost.rows,
            blocks: sum.blocks + cost.blocks,
        })
    };
    println!("{:<32}{}{}", "the whole cycle", line(&of_pack(bare)), line(&of_pack(indexed)));
}

/// The memory of an exact count of online users: as many sockets as heartbeats, half of them of the same users.
async fn online(redis: &Redis, config: &str, online: u64) {
    let mut exporter = Exporter::options(config).start().await;
    let series = "hivesync_online_users{source=\"cache\"}";
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (alone, both) = (online as f64, (online + online / 2) as f64);
    exporter.wait_for(series, alone, PATIENCE).await;
    let pid = exporter.process().pid();
    println!("\n{online} heartbeats: {}", memory(pid));
    let step = 5000;
    for first in (online / 2..online / 2 + online).step_by(step) {
        let last = (first + 5000).min(online / 2 + online);
        let sockets =
            "for user = ARGV[1] + 1, ARGV[2] do redis.call('SET', 'ws_sessions:' .. user .. ':1', '') end";
        redis.run::<()>(&["EVAL", sockets, "0", &first.to_string(), &last.to_string()]).await;
    }
    for round in 1..=6 {
        exporter.wait_for(series, both, PATIENCE).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        println!("and {online} sockets, {both} users online, after {} s: {}", round * 20, memory(pid));
    }
    let labels = "{source=\"cache\",query=\"hivesync.online_users\"}";
    let seconds = exporter.value(&format!("platform_query_duration_seconds{labels}")).await;
    println!("one count takes {:.3} s", seconds.unwrap_or_default());
}

fn memory(pid: nix::unistd::Pid) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let mib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("every process has it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    };
    format!("{:.1} MiB resident, {:.1} MiB at its peak", mib("VmRSS:"), mib("VmHWM:"))
}
