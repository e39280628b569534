//! Scrapes of `/metrics`, compared with a server that only returns the same bytes, and with the exporters of Debian 13.

use std::time::Duration;

use crate::bare::Bare;
use crate::detours::Detours;
use crate::load::{Load, alternate};
use crate::report::{Section, Table, grouped, ratio, time};
use crate::{ours, peers, samples, series};
use testkit::exporter::Exporter;
use testkit::platform::Platform;
use testkit::platform_data::while_living;
use testkit::proxy::Mode;
use testkit::wait::eventually;

const SERIES: [usize; 3] = [500, 10_000, 100_000];
const ROUNDS: usize = 3;
/// Duration of one round.
const SECONDS: u32 = 1;
/// A peer that queries its service for 100,000 rows must complete at least one response.
const SECONDS_OF_PEERS: u32 = 3;

/// The services that are part of this program and therefore cannot be frozen by a signal.
const IN_PROCESS: [&str; 4] = ["STRIPE_API_BASE", "S3_ENDPOINT", "STS_ENDPOINT", "WEBSITE_URL"];

const LOADS: [Load; 4] = [
    Load { connections: 1, gzip: false },
    Load { connections: 1, gzip: true },
    Load { connections: 16, gzip: false },
    Load { connections: 16, gzip: true },
];

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    let platform = Platform::start().await;
    while_living(&platform, measure(&platform, &mut section)).await;
    section
}

async fn measure(platform: &Platform, section: &mut Section) {
    section.text(
        "`wrk` scrapes `/metrics` over keep-alive connections, one scrape at a time on each. The bare server returns \
         the same bytes from memory with the same HTTP library (hyper), on one thread like the exporter, in a separate \
         process, and does nothing else: nothing based on this library can be faster. The exporter monitors one source \
         of each kind, and declared queries provide the rest of the series; all probes and queries run every 5 s \
         meanwhile. *Hung*: PostgreSQL, MongoDB, Redis and RabbitMQ are frozen (SIGSTOP), and traffic from Stripe, S3 \
         and the website is blocked. With 16 connections, `wrk` and the server share the cores.",
    );
    let mut table = Table::new(&[
        "series, representation, connections",
        "bare: median",
        "p99",
        "healthy: median",
        "p99",
        "÷ bare",
        "hung: median",
        "p99",
        "÷ healthy",
    ]);
    let mut of_peers =
        Table::new(&["series, representation", "exporter", "median", "p99", "÷ platform_exporter"]);
    for series in SERIES {
        println!("{} series", grouped(series));
        at(platform, series, &mut table, &mut of_peers).await;
    }
    section.table(&table);
    section.text(
        "Compared with the exporters of Debian 13, on one connection, with everything healthy: postgres_exporter and \
         sql_exporter have the same queries. postgres_exporter, redis_exporter and blackbox_exporter query their \
         service during the scrape; sql_exporter serves from memory. Only the first row of each group has all nine \
         kinds behind it.",
    );
    section.table(&of_peers);
}

async fn at(platform: &Platform, series: usize, table: &mut Table, of_peers: &mut Table) {
    let detours = Detours::start(&platform.environment(), &IN_PROCESS).await;
    let (exporter, rows) = filled(platform, series, &detours).await;
    let bare = Bare::like(&exporter.url("/metrics")).await;
    let urls = [bare.url.clone(), exporter.url("/metrics")];
    let mut well = Vec::new();
    for load in LOADS {
        well.push(alternate(&urls, load, ROUNDS, SECONDS).await);
    }
    let samples = samples::all(&exporter.get("/metrics").await);
    beside_peers(platform, &exporter, rows, of_peers).await;
    hang(platform, &exporter, &detours).await;
    for (load, well) in LOADS.into_iter().zip(well) {
        let hung = alternate(&urls[1..], load, ROUNDS, SECONDS).await[0];
        let (bare, well) = (well[0], well[1]);
        let coding = if load.gzip { "gzip" } else { "identity" };
        table.row([
            format!("{}, {coding}, {}", grouped(samples), load.connections),
            time(bare.median),
            time(bare.p99),
            time(well.median),
            time(well.p99),
            ratio(well.median, bare.median),
            time(hung.median),
            time(hung.p99),
            ratio(hung.median, well.median),
        ]);
    }
    detours.set(Mode::Pass).await;
    wake(platform);
}

/// The nine kinds, filled up with query rows to the given number of series.
async fn filled(platform: &Platform, series: usize, detours: &Detours) -> (Exporter, usize) {
    let config = ours::all_kinds("5s").replace("    interval: 5s\n", "    interval: 5s\n    timeout: 2s\n");
    let environment = || detours.lead(platform.environment());
    let base = ours::start_all_kinds(platform, &config, environment()).await;
    // First runs are spread over two seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let rows = series.saturating_sub(samples::all(&base.get("/metrics").await));
    drop(base);
    let config = config + &series::platform_exporter("orders-db", rows, "5s");
    let exporter = ours::start_all_kinds(platform, &config, environment()).await;
    let complete = async || samples::all(&exporter.get("/metrics").await) >= series;
    eventually(Duration::from_secs(60), "all series are there", complete).await;
    (exporter, rows)
}

async fn beside_peers(platform: &Platform, exporter: &Exporter, rows: usize, table: &mut Table) {
    let url = platform.postgres.url();
    let mut peers = vec![
        peers::postgres(&url, rows).await,
        peers::sql(&series::sql_exporter(&peers::without_tls(&url), rows, "5s")).await,
    ];
    if rows < 1000 {
        peers.push(peers::redis(&platform.redis.url()).await);
        peers.push(peers::blackbox(&platform.website.url("/")).await);
    }
    for load in &LOADS[..2] {
        let urls: Vec<_> =
            [exporter.url("/metrics")].into_iter().chain(peers.iter().map(|peer| peer.url.clone())).collect();
        let times = alternate(&urls, *load, 1, SECONDS_OF_PEERS).await;
        let names = ["platform_exporter"].into_iter().chain(peers.iter().map(|peer| peer.name));
        for ((name, url), measured) in names.zip(&urls).zip(&times) {
            let body = testkit::http::client().get(url).send().await.expect("it answers").text().await;
            let samples = samples::all(&body.expect("it answers in full"));
            let coding = if load.gzip { "gzip" } else { "identity" };
            table.row([
                format!("{}, {coding}", grouped(samples)),
                name.to_owned(),
                time(measured.median),
                time(measured.p99),
                ratio(measured.median, times[0].median),
            ]);
        }
    }
}

/// Freezes everything that can be frozen, and waits until the exporter reports it.
async fn hang(platform: &Platform, exporter: &Exporter, detours: &Detours) {
    detours.set(Mode::Blackhole).await;
    platform.postgres.stop();
    platform.mongodb.stop();
    platform.redis.stop();
    platform.rabbitmq.stop();
    let found = async || ours::up(exporter).await <= NEVER_HUNG;
    eventually(Duration::from_secs(30), "the hung sources are found down", found).await;
}

/// Of the nine sources, the log file needs no service, and pushed heartbeats still arrive while those in Redis do not.
const NEVER_HUNG: usize = 2;

fn wake(platform: &Platform) {
    platform.postgres.resume();
    platform.mongodb.resume();
    platform.redis.resume();
    platform.rabbitmq.resume();
}
