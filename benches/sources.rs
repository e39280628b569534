//! Thousands of sources in one exporter: CPU over time, memory, start, reload, and what readers of the status page cost.

mod readers;

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::load::{self, Load, scrape};
use crate::report::{Section, Table, grouped, time};
use crate::stats::{milliseconds, quantile};
use crate::usage::{cpu, memory};
use testkit::exporter::Exporter;
use testkit::http;
use testkit::platform::Platform;
use testkit::wait::eventually;

const SIZES: [usize; 5] = [100, 500, 2_000, 5_000, 10_000];
const QUERIES: usize = 2_000;
const INTERVAL: u64 = 15;
/// Until everything runs at its regular times.
const SETTLING: Duration = Duration::from_secs(INTERVAL + 5);
/// Two intervals are measured.
const SECONDS: u64 = 2 * INTERVAL;
const ONE: Load = Load { connections: 1, gzip: true };
const SECONDS_OF_LOAD: u32 = 3;
/// Long enough for the first probes of ten thousand sources on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(&format!(
        "Half redis, half http, all on one server of their kind, probed every {INTERVAL} s and scraped with gzip as \
         often. *First answer* and *ready* are measured from the start of the process; *CPU* over {SECONDS} s after \
         that, as a share of one core; the durations are those of each source's last probe. *Reload* is the time of \
         `POST /-/reload` with one changed source, and with all changed."
    ));
    let platform = Platform::start().await;
    platform.redis.run::<()>(&["CONFIG", "SET", "maxclients", "18000"]).await;
    let mut table = Table::new(&[
        "sources",
        "first answer",
        "ready",
        "CPU",
        "busiest second",
        "resident",
        "each more",
        "probe: median",
        "p99",
        "`/metrics`: median",
        "p99",
        "reload of one",
        "reload of all",
        "resident after that",
    ]);
    let mut fewer: Option<(usize, f64)> = None;
    for size in SIZES {
        println!("{} sources", grouped(size));
        let started = Instant::now();
        let exporter = Exporter::start(&config(&platform, size, "a")).await;
        exporter.get("/metrics").await;
        let first_answer = milliseconds(started.elapsed());
        eventually(PATIENCE, "it is ready", async || exporter.get("/-/ready").await.contains("is ready"))
            .await;
        let ready = milliseconds(started.elapsed());
        load::once(&exporter.url("/metrics")).await;
        tokio::time::sleep(SETTLING).await;
        let (average, busiest) = cpu_over_time(&exporter).await;
        let resident = memory(exporter.pid()).resident;
        let each_more = fewer.map(|(fewer, less)| (resident - less) * 1024.0 / (size - fewer) as f64);
        fewer = Some((size, resident));
        let durations = durations(&exporter).await;
        let scraped = scrape(&exporter.url("/metrics"), ONE, SECONDS_OF_LOAD).await;
        if size == SIZES[SIZES.len() - 1] {
            section.table(&readers::table(&exporter).await);
        }
        let of_one = reload(&exporter, &(config(&platform, size, "a") + &one_changed(&platform))).await;
        let of_all = reload(&exporter, &config(&platform, size, "b")).await;
        eventually(PATIENCE, "it is ready", async || exporter.get("/-/ready").await.contains("is ready"))
            .await;
        tokio::time::sleep(SETTLING).await;
        table.row([
            grouped(size),
            time(first_answer),
            time(ready),
            percent(average),
            percent(busiest),
            format!("{resident:.1} MiB"),
            each_more.map(|kib| format!("{kib:.1} KiB")).unwrap_or_default(),
            time(quantile(&durations, 0.5)),
            time(quantile(&durations, 0.99)),
            time(scraped.median),
            time(scraped.p99),
            time(of_one),
            time(of_all),
            format!("{:.1} MiB", memory(exporter.pid()).resident),
        ]);
    }
    section.table(&table);
    let each = memory_of_queries(&platform).await;
    section.text(&format!(
        "Each of {} declared queries takes {each:.1} KiB of resident memory.",
        grouped(QUERIES)
    ));
    section
}

fn config(platform: &Platform, size: usize, path: &str) -> String {
    let mut config = "sources:\n".to_owned();
    for number in 0..size {
        let source = match number % 2 {
            0 => format!("redis: {{url: '{}/{}'}}", platform.redis.url(), usize::from(path == "b")),
            _ => format!("http: {{url: '{}'}}", platform.website.url(&format!("/{path}"))),
        };
        writeln!(config, "  s{number}: {{{source}, interval: {INTERVAL}s}}")
            .expect("a string takes everything");
    }
    config
}

fn one_changed(platform: &Platform) -> String {
    format!("  changed: {{http: {{url: '{}'}}}}\n", platform.website.url("/changed"))
}

/// The average CPU of the exporter, and that in its busiest second, as shares of one core.
async fn cpu_over_time(exporter: &Exporter) -> (f64, f64) {
    let mut seconds = Vec::new();
    for second in 0..SECONDS {
        let (before, started) = (cpu(exporter.pid()), Instant::now());
        let pause = tokio::time::sleep(Duration::from_secs(1));
        if second % INTERVAL == INTERVAL / 2 {
            load::once(&exporter.url("/metrics")).await;
        }
        pause.await;
        seconds.push((cpu(exporter.pid()) - before).as_secs_f64() / started.elapsed().as_secs_f64());
    }
    (seconds.iter().sum::<f64>() / seconds.len() as f64, quantile(&seconds, 1.0))
}

/// How long the last probe of each source took, in milliseconds.
async fn durations(exporter: &Exporter) -> Vec<f64> {
    let exposition = exporter.get("/metrics").await;
    let lines = exposition.lines().filter(|line| line.starts_with("platform_probe_duration_seconds{"));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.1.parse::<f64>().ok()? * 1e3)).collect()
}

/// Reloads with this configuration, and returns how long that took.
async fn reload(exporter: &Exporter, config: &str) -> f64 {
    std::fs::write(exporter.directory().join("platform.yml"), config).expect("the directory is writable");
    let started = Instant::now();
    let answer = http::client().post(exporter.url("/-/reload")).send().await.expect("it answers");
    assert!(answer.status().is_success(), "{answer:?}");
    milliseconds(started.elapsed())
}

/// The resident memory in KiB of one query more.
async fn memory_of_queries(platform: &Platform) -> f64 {
    let source = format!("sources: {{cache: {{redis: {{url: '{}'}}}}}}\n", platform.redis.url());
    let mut queries = source.clone() + "queries:\n";
    for number in 0..QUERIES {
        writeln!(
            queries,
            "  - {{name: q{number}, source: cache, every: {INTERVAL}s, redis: {{command: [LLEN, k{number}]}}, \
             metrics: [{{name: bench_{number}, value: value, help: A length.}}]}}"
        )
        .expect("a string takes everything");
    }
    let mut resident = Vec::new();
    for config in [source, queries] {
        let exporter = Exporter::start(&config).await;
        tokio::time::sleep(SETTLING).await;
        load::once(&exporter.url("/metrics")).await;
        tokio::time::sleep(SETTLING).await;
        resident.push(memory(exporter.pid()).resident);
    }
    (resident[1] - resident[0]) * 1024.0 / QUERIES as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
