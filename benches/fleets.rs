//! Hundreds of servers: as sources of one exporter, as targets of its `/probe`, and as targets of redis_exporter.

use std::fmt::Write;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::report::{Section, Table, grouped, time};
use crate::stats::{milliseconds, quantile};
use crate::usage::{cpu, memory};
use crate::{ours, peers, samples};
use testkit::http;
use testkit::redis::Redis;

/// Beside the peer.
const BESIDE: usize = 500;
const MANY: usize = 2_000;
const EVERY: Duration = Duration::from_secs(15);
/// The first warms up: connections are open from then on.
const ROUNDS: u32 = 3;

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(&format!(
        "Redis servers at as many addresses, each scraped every {EVERY:?}, spread over that time as Prometheus \
         does. *Sources*: the exporter probes them, and one scrape of `/metrics` reads all. *Targets*: one scrape of \
         `/probe?module=…&target=…`, or of redis_exporter's `/scrape?target=…`, for each. CPU as a share of one core, \
         over {} rounds.",
        ROUNDS - 1
    ));
    let redis =
        Redis::options().setting("bind 0.0.0.0").setting("protected-mode no").setting("maxclients 18000");
    let redis = redis.start().await;
    let mut table = Table::new(&[
        "servers",
        "exporter",
        "scraped as",
        "values",
        "CPU",
        "CPU per value",
        "resident",
        "scrape: median",
        "p99",
    ]);
    let url = redis.url();
    let port = url.rsplit_once(':').map(|(_, port)| port.trim_end_matches('/')).expect("the URL has a port");
    let targets = targets(port, MANY);
    let sources = ours::start(&sources(&targets[..BESIDE]), Vec::new(), BESIDE).await;
    let metrics = vec![sources.url("/metrics")];
    row(&mut table, "platform_exporter", "sources", BESIDE, sources.pid(), &metrics).await;
    drop(sources);
    for number in [BESIDE, MANY] {
        let exporter = ours::start(&module(port), Vec::new(), 0).await;
        let path = |target: &String| exporter.url(&format!("/probe?module=cache&target={target}"));
        let urls: Vec<_> = targets[..number].iter().map(path).collect();
        row(&mut table, "platform_exporter", "targets", number, exporter.pid(), &urls).await;
    }
    let peer = peers::redis("").await;
    let path = |target: &String| format!("http://{}/scrape?target=redis://{target}", peer.address);
    let urls: Vec<_> = targets[..BESIDE].iter().map(path).collect();
    row(&mut table, peer.name, "targets", BESIDE, peer.process.pid(), &urls).await;
    section.table(&table);
    section
}

/// A module that allows all addresses of the loopback network.
fn module(port: &str) -> String {
    format!("modules: {{cache: {{redis: {{url: 'redis://{{target}}'}}, targets: ['127.0.0.0/8:{port}']}}}}\n")
}

/// Addresses of one server: all of the loopback network lead to it.
fn targets(port: &str, number: usize) -> Vec<String> {
    (0..number).map(|number| format!("127.1.{}.{}:{port}", number / 250, number % 250 + 1)).collect()
}

fn sources(targets: &[String]) -> String {
    let mut config = "sources:\n".to_owned();
    for (number, target) in targets.iter().enumerate() {
        writeln!(
            config,
            "  s{number}: {{redis: {{url: 'redis://{target}'}}, interval: {}s}}",
            EVERY.as_secs()
        )
        .expect("a string takes everything");
    }
    config
}

/// Scrapes each URL in every round, and adds what that costs.
async fn row(
    table: &mut Table,
    exporter: &str,
    scraped_as: &str,
    servers: usize,
    process: Pid,
    urls: &[String],
) {
    println!("{exporter}: {} {scraped_as}", grouped(servers));
    round(urls).await;
    let (before, started) = (cpu(process), Instant::now());
    let (mut durations, mut values) = (Vec::new(), 0);
    for _ in 1..ROUNDS {
        let scraped = round(urls).await;
        durations.extend(scraped.iter().map(|one| one.duration));
        values += scraped.iter().map(|one| one.values).sum::<usize>();
    }
    let (used, lasted) = ((cpu(process) - before).as_secs_f64(), started.elapsed().as_secs_f64());
    table.row([
        grouped(servers),
        exporter.to_owned(),
        scraped_as.to_owned(),
        grouped(values / (ROUNDS - 1) as usize),
        format!("{:.1} %", used / lasted * 100.0),
        format!("{:.2} µs", used * 1e6 / values as f64),
        format!("{:.1} MiB", memory(process).resident),
        time(quantile(&durations, 0.5)),
        time(quantile(&durations, 0.99)),
    ]);
}

struct Scraped {
    /// In milliseconds.
    duration: f64,
    values: usize,
}

/// One scrape of each URL, spread over the interval.
async fn round(urls: &[String]) -> Vec<Scraped> {
    let client = http::client();
    let mut clock = tokio::time::interval(EVERY / u32::try_from(urls.len()).expect("a few thousand"));
    let mut scrapes = tokio::task::JoinSet::new();
    for url in urls {
        clock.tick().await;
        let request = client.get(url);
        scrapes.spawn(async move {
            let started = Instant::now();
            let answer = http::text(request).await;
            Scraped { duration: milliseconds(started.elapsed()), values: samples::values(&answer) }
        });
    }
    let scraped = scrapes.join_all().await;
    clock.tick().await;
    scraped
}
