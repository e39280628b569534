//! What readers of the status page cost those that scrape.

use std::time::{Duration, Instant};

use crate::load::{Load, scrape};
use crate::report::{Table, time};
use crate::stats::{median, milliseconds, quantile};
use testkit::exporter::Exporter;
use testkit::http;

const READERS: Load = Load { connections: 4, gzip: false };
const SECONDS: u32 = 10;
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(20);

/// Times of `/metrics` and `/-/healthy`, alone and while four clients read the status page without a pause.
pub(super) async fn table(exporter: &Exporter) -> Table {
    let alone = times(exporter, tokio::time::sleep(Duration::from_secs(SECONDS.into()))).await;
    let page = exporter.url("/");
    let beside = times(exporter, async {
        scrape(&page, READERS, SECONDS).await;
    })
    .await;
    let mut table =
        Table::new(&["", "alone: median", "p99", "four readers of the status page: median", "p99"]);
    for (path, (alone, beside)) in PATHS.iter().zip(alone.iter().zip(&beside)) {
        let figures = [alone, beside].map(|times| [median(times), quantile(times, 0.99)]);
        table.row([format!("`{path}`")].into_iter().chain(figures.into_iter().flatten().map(time)));
    }
    table
}

const PATHS: [&str; 2] = ["/metrics", "/-/healthy"];

async fn times(exporter: &Exporter, load: impl Future<Output = ()>) -> [Vec<f64>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    let client = http::client();
    let requests = async {
        loop {
            for (path, times) in PATHS.iter().zip(&mut times) {
                let request = client.get(exporter.url(path)).header("accept-encoding", "gzip");
                let started = Instant::now();
                request.send().await.expect("it answers").bytes().await.expect("it answers in full");
                times.push(milliseconds(started.elapsed()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = load => {}
        () = requests => {}
    }
    times
}
