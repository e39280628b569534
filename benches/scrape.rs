//! Scrapes while all is well, and while four servers hang.

use std::time::{Duration, Instant};

use crate::support::exporter::Exporter;
use crate::support::http::client;
use crate::support::platform::Platform;
use crate::support::platform_data::while_living;
use crate::support::wait::eventually;
use crate::{exporter, up};

const SCRAPES: usize = 2000;

pub(crate) async fn run() {
    let platform = Platform::start().await;
    while_living(&platform, compare(&platform)).await;
}

async fn compare(platform: &Platform) {
    let config = Platform::CONFIG.replace("interval: 5s\n", "interval: 2s\n    timeout: 2s\n");
    let exporter = exporter(platform, &config).await;
    println!(
        "{SCRAPES} scrapes of /metrics over one connection, {} bytes",
        exporter.get("/metrics").await.len()
    );
    let healthy = measure(&exporter).await;
    platform.postgres.stop();
    platform.mongodb.stop();
    platform.redis.stop();
    platform.rabbitmq.stop();
    let hung = "the hung sources are found down";
    eventually(Duration::from_secs(20), hung, async || up(&exporter.get("/metrics").await) <= 5).await;
    let sick = measure(&exporter).await;
    println!("{:<32}{:>10}{:>10}", "", "median", "p99");
    for (name, times) in [("all sources well", healthy), ("four servers hung (SIGSTOP)", sick)] {
        let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!("{name:<32}{:>7.2} ms{:>7.2} ms", at(0.5), at(0.99));
    }
}

async fn measure(exporter: &Exporter) -> Vec<Duration> {
    let (client, url) = (client(), exporter.url("/metrics"));
    let mut times = Vec::with_capacity(SCRAPES);
    for _ in 0..SCRAPES {
        let started = Instant::now();
        client.get(&url).send().await.expect("it answers").bytes().await.expect("it answers in full");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times
}
