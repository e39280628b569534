//! Log files: a long backlog, and an application that writes much.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::report::{Section, Table, bytes, grouped, time};
use crate::stats::milliseconds;
use crate::usage::{cpu, memory};
use testkit::exporter::Exporter;
use testkit::wait::eventually;

const BACKLOG: usize = 5 << 30;
const LINES_PER_SECOND: usize = 50_000;
const SECONDS: u32 = 30;
/// How often the application writes.
const EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(&format!(
        "A `logfile` source with the default settings and two queries: lines by level, and the sum of a number. The \
         *backlog* is {} that were there before the start; *following* is {} lines a second for {SECONDS} s. *All \
         counted* is the time from the start, or from the last line, until every line is counted.",
        bytes(BACKLOG as f64),
        grouped(LINES_PER_SECOND)
    ));
    let mut table = Table::new(&["", "lines", "all counted", "lines per second", "CPU", "resident"]);
    let directory = TempDir::with_prefix("logs-").expect("a temporary directory");
    backlog(&directory.path().join("backlog.log"), &mut table).await;
    following(&directory.path().join("app.log"), &mut table).await;
    section.table(&table);
    section
}

async fn backlog(path: &Path, table: &mut Table) {
    let block = block(10_000);
    let blocks = BACKLOG.div_ceil(block.len());
    println!("writing {}", bytes(BACKLOG as f64));
    let mut file = File::create(path).expect("the directory is writable");
    (0..blocks).for_each(|_| file.write_all(block.as_bytes()).expect("the disk has room"));
    let lines = blocks * 10_000;
    let started = Instant::now();
    let exporter = Exporter::start(&config(path, "beginning")).await;
    all_counted(&exporter, lines).await;
    let lasted = started.elapsed();
    table.row(row("backlog", lines, lasted, lasted, &exporter));
    std::fs::remove_file(path).expect("it is ours");
}

async fn following(path: &Path, table: &mut Table) {
    println!("following");
    let mut file = File::create(path).expect("the directory is writable");
    let exporter = Exporter::start(&config(path, "end")).await;
    all_counted(&exporter, 0).await;
    let times = u32::try_from(EVERY.as_millis()).map_or(1, |each| SECONDS * 1_000 / each);
    let each = LINES_PER_SECOND * SECONDS as usize / times as usize;
    let block = block(each);
    let started = Instant::now();
    let mut clock = tokio::time::interval(EVERY);
    for _ in 0..times {
        clock.tick().await;
        file.write_all(block.as_bytes()).expect("the disk has room");
    }
    let (written, lines) = (started.elapsed(), each * times as usize);
    let ended = Instant::now();
    all_counted(&exporter, lines).await;
    table.row(row("following", lines, ended.elapsed(), written, &exporter));
}

fn row(what: &str, lines: usize, counted: Duration, lasted: Duration, exporter: &Exporter) -> [String; 6] {
    let lasted = lasted.as_secs_f64();
    [
        what.to_owned(),
        grouped(lines),
        time(milliseconds(counted)),
        grouped((lines as f64 / lasted) as usize),
        format!("{:.1} %", cpu(exporter.pid()).as_secs_f64() / lasted * 100.0),
        format!("{:.1} MiB", memory(exporter.pid()).resident),
    ]
}

async fn all_counted(exporter: &Exporter, lines: usize) {
    let all = format!(" {lines}");
    eventually(PATIENCE, "every line is counted", async || {
        let exposition = exporter.get("/metrics").await;
        exposition.lines().any(|line| line.starts_with("logfile_lines_total{") && line.ends_with(&all))
    })
    .await;
}

fn config(path: &Path, from: &str) -> String {
    format!(
        "sources: {{app-log: {{logfile: {{path: '{}', from: {from}}}}}}}\n\
         queries:\n  \
         - {{name: levels, source: app-log, every: 15s, log: {{by: [level]}}, labels: [level], \
         metrics: [{{name: bench_lines, value: count, help: Lines.}}]}}\n  \
         - {{name: latency, source: app-log, every: 15s, log: {{where: {{event: [done]}}, sum: [job.ms]}}, \
         metrics: [{{name: bench_ms, value: sum_job.ms, help: Milliseconds.}}]}}\n",
        path.display()
    )
}

/// Lines as an application writes them.
fn block(lines: usize) -> String {
    let line = |number: usize| {
        let level = ["debug", "info", "info", "warn", "error"][number % 5];
        let event = ["start", "done"][number % 2];
        format!(
            "{{\"ts\":\"2026-11-24T12:00:{:02}Z\",\"level\":\"{level}\",\"event\":\"{event}\",\
             \"job\":{{\"id\":{number},\"ms\":{}}},\"message\":\"a request of tenant {} was served\"}}\n",
            number % 60,
            number % 977,
            number % 100
        )
    };
    (0..lines).map(line).collect()
}
