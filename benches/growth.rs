//! How CPU and memory grow with the number of sources and of series.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::report::{Section, Table, grouped, time};
use crate::stats::{milliseconds, slope};
use crate::usage::{Memory, cpu, memory};
use crate::{load, ours, samples, series};
use testkit::exporter::Exporter;
use testkit::platform::Platform;

const SOURCES: [usize; 3] = [10, 100, 500];
const SERIES: [usize; 3] = [1_000, 10_000, 100_000];
/// Probe and scrape interval.
const EVERY: Duration = Duration::from_secs(5);
const WARM_UP: u32 = 1;
const ROUNDS: u32 = 3;

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(&format!(
        "Everything is probed and scraped with gzip every {EVERY:?}, for {:?}; a cycle is one such round. The slope is \
         a least-squares fit; growth is linear if the cost of each additional source or series stays constant.",
        EVERY * (WARM_UP + ROUNDS)
    ));
    let platform = Platform::start().await;
    let head = ["CPU per cycle", "CPU of one", "resident", "peak", "resident, each more"];
    let mut table = Table::new(&[&["sources"], &head[..]].concat());
    rows(&mut table, &SOURCES, async |size| sources(&platform, size).await).await;
    section.text("Sources: half redis, half http, all on one server of their kind.");
    section.table(&table);
    let mut table = Table::new(&[&["series"], &head[..]].concat());
    rows(&mut table, &SERIES, async |size| of_queries(&platform, size).await).await;
    section.text("Series: rows of declared queries on one postgres source; every value changes each time.");
    section.table(&table);
    section
}

/// The cost at one size.
struct Cost {
    cpu: f64,
    memory: Memory,
}

async fn rows(table: &mut Table, sizes: &[usize], measure: impl AsyncFn(usize) -> Exporter) {
    let mut costs = Vec::new();
    for &size in sizes {
        println!("{}", grouped(size));
        let exporter = measure(size).await;
        costs.push((size, cost(&exporter).await));
    }
    let mut previous: Option<(usize, f64)> = None;
    for (size, Cost { cpu, memory }) in &costs {
        let more =
            previous.map(|(fewer, resident)| (memory.resident - resident) * 1024.0 / (size - fewer) as f64);
        previous = Some((*size, memory.resident));
        table.row([
            grouped(*size),
            time(*cpu),
            time(cpu / *size as f64),
            format!("{:.1} MiB", memory.resident),
            format!("{:.1} MiB", memory.peak),
            more.map(|kib| format!("{kib:.2} KiB")).unwrap_or_default(),
        ]);
    }
    let of = |value: fn(&Cost) -> f64| {
        slope(&costs.iter().map(|(size, cost)| (*size as f64, value(cost))).collect::<Vec<_>>())
    };
    table.row([
        "slope".to_owned(),
        String::new(),
        time(of(|cost| cost.cpu)),
        format!("{:.2} KiB", of(|cost| cost.memory.resident) * 1024.0),
        format!("{:.2} KiB", of(|cost| cost.memory.peak) * 1024.0),
        String::new(),
    ]);
}

async fn cost(exporter: &Exporter) -> Cost {
    rounds(exporter, WARM_UP).await;
    let (before, started) = (cpu(exporter.pid()), Instant::now());
    rounds(exporter, ROUNDS).await;
    let cycles = started.elapsed().as_secs_f64() / EVERY.as_secs_f64();
    Cost { cpu: milliseconds(cpu(exporter.pid()) - before) / cycles, memory: memory(exporter.pid()) }
}

async fn rounds(exporter: &Exporter, number: u32) {
    for _ in 0..number {
        tokio::time::sleep(EVERY).await;
        load::once(&exporter.url("/metrics")).await;
    }
}

async fn sources(platform: &Platform, size: usize) -> Exporter {
    let mut config = "sources:\n".to_owned();
    for number in 0..size {
        let source = match number % 2 {
            0 => format!("redis: {{url: '{}'}}", platform.redis.url()),
            _ => format!("http: {{url: '{}'}}", platform.website.url("/")),
        };
        writeln!(config, "  s{number}: {{{source}, interval: 5s}}").expect("a string takes everything");
    }
    ours::start(&config, Vec::new(), size).await
}

async fn of_queries(platform: &Platform, size: usize) -> Exporter {
    let source =
        format!("sources: {{db: {{postgres: {{url: '{}'}}, interval: 5s}}}}", platform.postgres.url());
    let config = format!("{source}\nqueries:\n{}", series::platform_exporter("db", size, "5s"));
    let exporter = ours::start(&config, Vec::new(), 1).await;
    let complete = async || samples::all(&exporter.get("/metrics").await) >= size;
    testkit::wait::eventually(Duration::from_secs(60), "all series are there", complete).await;
    exporter
}
