//! The life of the process: its start, its signals, its end, its log.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use testkit::exporter::{Exporter, binary};
use testkit::postgres::Postgres;
use testkit::proxy::{Mode, Proxy};
use testkit::wait::eventually;

/// A server that takes connections, and never says a word.
struct Silent {
    proxy: Proxy,
    _server: TcpListener,
}

impl Silent {
    async fn start() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).await;
        proxy.set(Mode::Blackhole).await;
        Self { proxy, _server: server }
    }
}

/// The port is bound, and every source is there, before any source is contacted.
#[tokio::test]
async fn the_first_scrape_needs_no_source() {
    let silent = Silent::start().await;
    let config =
        format!("sources: {{db: {{postgres: {{url: \"postgres://u:p@{}/x\"}}}}}}", silent.proxy.address());
    let exporter = Exporter::start(&config).await;
    let started = Instant::now();
    assert_eq!(exporter.value("platform_source_up{source=\"db\",kind=\"postgres\"}").await, Some(0.0));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn sigterm_ends_it_with_every_source_hung() {
    let silent = Silent::start().await;
    let sources: String = (0..20)
        .map(|number| {
            let address = silent.proxy.address();
            format!("  s{number}: {{postgres: {{url: \"postgres://u:p@{address}/x\"}}, timeout: 15s}}\n")
        })
        .collect();
    let mut exporter = Exporter::start(&format!("sources:\n{sources}")).await;
    eventually(Duration::from_secs(10), "every source is being probed", async || silent.proxy.open() >= 20)
        .await;
    let started = Instant::now();
    kill(exporter.process().pid(), Signal::SIGTERM).unwrap();
    assert_eq!(exporter.process().ended(Duration::from_secs(5)).await.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(exporter.log().contains("signal=SIGTERM"), "{}", exporter.log());
}

/// How many bytes wait in the kernel for the process at the other end: `rx_queue` of proc_net_tcp(5).
fn unread(client: &TcpStream) -> Option<u64> {
    let ports = [client.peer_addr(), client.local_addr()].map(|address| address.unwrap().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let port = |column: usize| u16::from_str_radix(columns[column].rsplit(':').next()?, 16).ok();
        let queue = columns[4].rsplit(':').next()?;
        ([port(1)?, port(2)?] == ports).then(|| u64::from_str_radix(queue, 16).ok())?
    })
}

/// A request that is under way is waited for, but not after a second signal.
#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut exporter = Exporter::start("sources: {page: {http: {url: http://127.0.0.1:1/}}}").await;
    let mut client = TcpStream::connect(exporter.address()).await.unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: unfinished").await.unwrap();
    // A connection that has said nothing yet as far as the exporter knows is not waited for.
    eventually(Duration::from_secs(5), "the request is read", async || unread(&client) == Some(0)).await;
    let pid = exporter.process().pid();
    kill(pid, Signal::SIGINT).unwrap();
    eventually(Duration::from_secs(2), "it drains", async || exporter.log().contains("signal=SIGINT")).await;
    assert!(exporter.process().is_running());
    let started = Instant::now();
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(exporter.process().ended(Duration::from_secs(2)).await.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(exporter.log().contains("not waiting any longer"), "{}", exporter.log());
}

#[tokio::test]
async fn a_taken_port_is_reported_before_any_source_is_contacted() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let output = Command::new(binary())
        .args([format!("--web.listen-address={address}")])
        .env("DATABASE_URL", "postgres://u:p@127.0.0.1:1/x")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(reported.contains(&format!("cannot listen on {address}")), "{reported}");
    assert!(!reported.contains("system.analytics"), "{reported}");
}

/// One line when it goes, one when it comes back, and none for the failures between.
#[tokio::test]
async fn a_change_of_status_is_one_line() {
    let mut postgres = Postgres::start().await;
    let config = format!("sources: {{db: {{postgres: {{url: \"{}\"}}, interval: 1s}}}}", postgres.url());
    let exporter = Exporter::start(&config).await;
    let up = "platform_source_up{source=\"db\",kind=\"postgres\"}";
    let failed = "platform_probe_failures_total{source=\"db\",kind=\"postgres\",reason=\"connect\"}";
    exporter.wait_for(up, 1.0, Duration::from_secs(10)).await;
    assert!(!exporter.log().contains("system.analytics"), "being well is no news: {}", exporter.log());
    postgres.kill();
    exporter.wait_until(failed, |failures| failures >= 4.0, Duration::from_secs(15)).await;
    postgres.restart().await;
    exporter.wait_for(up, 1.0, Duration::from_secs(5)).await;
    let log = exporter.log();
    let events: Vec<_> = log.lines().filter(|line| line.contains("system.analytics")).collect();
    assert_eq!(events.len(), 2, "{log}");
    for part in
        ["event=system.analytics.degraded", "source=db", "kind=postgres", "status=down", "reasons=connect"]
    {
        assert!(events[0].contains(part), "{part}: {}", events[0]);
    }
    assert!(events[1].contains("event=system.analytics.recovered"), "{}", events[1]);
}
