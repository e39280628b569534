//! One scrape while the service is frozen.

use std::time::{Duration, Instant};

use crate::ours;
use crate::peers::{self, Peer};
use crate::report::{Section, Table, time};
use crate::stats::{milliseconds, quantile};
use testkit::exporter::Exporter;
use testkit::http;
use testkit::platform::Platform;
use testkit::platform_data::while_living;

/// Prometheus' default scrape timeout.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);
const SCRAPES: usize = 100;

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(
        "One scrape while the service is frozen (SIGSTOP): it accepts connections but does not respond. Prometheus \
         times out after 10 s, and then has no values from that exporter at all, not even about healthy services. \
         platform_exporter is scraped a hundred times from the moment of the freeze; the slowest scrape is included.",
    );
    let mut table = Table::new(&["frozen", "exporter", "median", "slowest"]);
    let platform = Platform::start().await;
    while_living(&platform, measure(&platform, &mut table)).await;
    section.table(&table);
    section
}

async fn measure(platform: &Platform, table: &mut Table) {
    let exporter = ours::start_all_kinds(platform, &ours::all_kinds("5s"), platform.environment()).await;
    let peers =
        [peers::postgres(&platform.postgres.url(), 0).await, peers::redis(&platform.redis.url()).await];
    let services = [platform.postgres.process(), platform.redis.process()];
    for ((name, service), peer) in ["PostgreSQL", "Redis"].into_iter().zip(services).zip(&peers) {
        // So that exporters that keep connections open, or results in memory, have them.
        peer.scrape().await;
        println!("{name} is frozen");
        service.stop();
        let (ours, theirs) = tokio::join!(many(&exporter), one(peer));
        service.resume();
        let slowest = time(quantile(&ours, 1.0));
        table.row([name.into(), "platform_exporter".into(), time(quantile(&ours, 0.5)), slowest]);
        table.row([name.into(), peer.name.into(), theirs.clone(), theirs]);
    }
}

async fn many(exporter: &Exporter) -> Vec<f64> {
    let (client, url) = (http::client(), exporter.url("/metrics"));
    let mut times = Vec::new();
    for _ in 0..SCRAPES {
        let started = Instant::now();
        let answer = client.get(&url).send().await.expect("it answers");
        answer.bytes().await.expect("it answers in full");
        times.push(milliseconds(started.elapsed()));
        tokio::time::sleep(SCRAPE_TIMEOUT / 100).await;
    }
    times
}

async fn one(peer: &Peer) -> String {
    let started = Instant::now();
    match tokio::time::timeout(SCRAPE_TIMEOUT, peer.scrape()).await {
        Ok(_) => time(milliseconds(started.elapsed())),
        Err(_) => "none within 10 s".to_owned(),
    }
}
