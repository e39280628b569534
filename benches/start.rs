//! How long it takes to start, to detect a fault, and to detect the recovery.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::report::{Section, Table, bytes, time};
use crate::stats::{median, milliseconds, quantile};
use crate::{ours, peers};
use testkit::exporter::Exporter;
use testkit::http;
use testkit::platform::Platform;
use testkit::process::Process;
use testkit::redis::Redis;
use testkit::wait::eventually;

const STARTS: usize = 15;
const FAULTS: usize = 4;
const INTERVAL: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    let platform = Platform::start().await;
    first_scrapes(&platform, &mut section).await;
    drop(platform);
    faults(&mut section).await;
    section
}

async fn first_scrapes(platform: &Platform, section: &mut Section) {
    section.text(&format!(
        "From process start to the end of the first successful scrape, {STARTS} starts each. platform_exporter has a \
         source of each kind; sources that have not been probed yet are missing from that scrape, and `/-/ready` shows \
         when all have been: first probes are spread over two seconds to avoid a burst.",
    ));
    let mut exporter = ours::start_all_kinds(platform, &ours::all_kinds("15s"), platform.environment()).await;
    let mut peers = peers::all(platform).await;
    let address = exporter.address();
    let mut times = vec![Vec::new(); peers.len() + 1];
    let mut complete = Vec::new();
    for _ in 0..STARTS {
        times[0].push(first_scrape(exporter.process(), &address));
        for (peer, times) in peers.iter_mut().zip(&mut times[1..]) {
            let address = peer.address.clone();
            times.push(first_scrape(&mut peer.process, &address));
        }
    }
    for _ in 0..3 {
        complete.push(all_probed(&mut exporter).await);
    }
    let mut table = Table::new(&["", "median", "slowest", "binary"]);
    let names = ["platform_exporter"].into_iter().chain(peers.iter().map(|peer| peer.name));
    for (name, times) in names.zip(&times) {
        let file = match name {
            "platform_exporter" => testkit::exporter::binary(),
            name => format!("/usr/bin/prometheus-{name}").into(),
        };
        let size = std::fs::metadata(file).map_or(0, |file| file.len());
        table.row([name.to_owned(), time(median(times)), time(quantile(times, 1.0)), bytes(size as f64)]);
    }
    table.row([
        "platform_exporter, all nine probed".to_owned(),
        time(median(&complete)),
        time(quantile(&complete, 1.0)),
        String::new(),
    ]);
    section.table(&table);
}

/// Restarts a process and waits until it responds. Blocking, so that there is no delay between attempts.
fn first_scrape(process: &mut Process, address: &str) -> f64 {
    process.kill();
    let started = Instant::now();
    process.restart();
    while !is_answered(address) {
        assert!(started.elapsed() < Duration::from_secs(30), "{}", process.log_tail());
        std::thread::sleep(Duration::from_micros(200));
    }
    milliseconds(started.elapsed())
}

fn is_answered(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let done = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
    done.is_ok() && answer.starts_with(b"HTTP/1.1 200")
}

async fn all_probed(exporter: &mut Exporter) -> f64 {
    exporter.process().kill();
    let started = Instant::now();
    exporter.process().restart();
    let url = exporter.url("/-/ready");
    eventually(Duration::from_secs(30), "all is probed", async || http::answers(&url).await).await;
    milliseconds(started.elapsed())
}

async fn faults(section: &mut Section) {
    section.text(&format!(
        "From a fault of a Redis server to `platform_source_up` 0 on `/metrics`, and from its recovery to 1, {FAULTS} \
         times each at random moments of the interval ({INTERVAL:?} here, with a timeout of {TIMEOUT:?}; the defaults \
         are 15 s and 5 s). A fault is detected after at most an interval plus a timeout, a recovery after at most an \
         interval; add Prometheus' scrape interval to both.",
    ));
    let mut redis = Redis::start().await;
    let config = format!(
        "sources: {{cache: {{redis: {{url: '{}'}}, interval: {INTERVAL:?}, timeout: {TIMEOUT:?}}}}}",
        redis.url()
    );
    let exporter = ours::start(&config, Vec::new(), 1).await;
    let mut table =
        Table::new(&["fault", "detected: median", "slowest", "recovery detected: median", "slowest"]);
    for fault in ["killed, then started", "frozen, then woken"] {
        println!("{fault}");
        let (mut seen, mut recovered) = (Vec::new(), Vec::new());
        for _ in 0..FAULTS {
            tokio::time::sleep(INTERVAL.mul_f64(fastrand::f64())).await;
            let is_kill = fault.starts_with("killed");
            if is_kill {
                redis.kill()
            } else {
                redis.stop()
            }
            seen.push(until_up_is(&exporter, 0).await);
            if is_kill {
                redis.restart().await
            } else {
                redis.resume()
            }
            recovered.push(until_up_is(&exporter, 1).await);
        }
        table.row([
            fault.to_owned(),
            time(median(&seen)),
            time(quantile(&seen, 1.0)),
            time(median(&recovered)),
            time(quantile(&recovered, 1.0)),
        ]);
    }
    section.table(&table);
}

async fn until_up_is(exporter: &Exporter, sources: usize) -> f64 {
    let started = Instant::now();
    let is_so = async || ours::up(exporter).await == sources;
    eventually(Duration::from_secs(30), "the change is seen", is_so).await;
    milliseconds(started.elapsed())
}
