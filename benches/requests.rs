//! Requests per second of `/metrics` beside a bare hyper server that has the same bytes, in one process, by wrk in turn.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use platform_exporter::metric::Format;
use platform_exporter::schedule::{Schedule, by_kind};
use platform_exporter::server::{App, Gate, Pushes, Server};
use platform_exporter::snapshot::{Coding, Store};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::encode::World;

const ROUNDS: usize = 5;

/// Requests per second of both, and of the exporter as a share of the bare server.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) exporter: f64,
    pub(crate) bare: f64,
    pub(crate) ratio: f64,
}

pub(crate) async fn run() {
    println!("{:<44}{:>14}{:>14}{:>8}", "requests per second", "exporter", "bare hyper", "ratio");
    for Row { name, exporter, bare, ratio } in rows().await {
        println!("{name:<44}{exporter:>14.0}{bare:>14.0}{ratio:>8.3}");
    }
}

/// The medians of some rounds, at 10,000 series.
pub(crate) async fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let store = Arc::new(World::new(100, 100).store(0));
    let ours = exporter(&store).await;
    for (coding_name, coding) in [("identity", Coding::Identity), ("gzip", Coding::Gzip)] {
        let bytes = Bytes::from(store.current().body(Format::OpenMetrics, coding).concat());
        let length = bytes.len();
        let bare = bare(bytes).await;
        for connections in [1, 16] {
            let (mut by_ours, mut by_bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let ours = wrk(ours, connections, coding_name).await;
                let bare = wrk(bare, connections, coding_name).await;
                by_ours.push(ours);
                by_bare.push(bare);
                ratios.push(ours / bare);
            }
            let [exporter, bare, ratio] = [by_ours, by_bare, ratios].map(median);
            let name = format!("{coding_name}, {length} bytes, {connections} connections");
            rows.push(Row { name, exporter, bare, ratio });
        }
    }
    rows
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn exporter(store: &Arc<Store>) -> u16 {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let (reloads, _) = mpsc::channel(1);
    let app = App {
        store: Arc::clone(store),
        schedule: Schedule::new(by_kind(Arc::default(), None), Arc::clone(store), tasks, stop.clone()),
        beats: Arc::default(),
        pushes: ArcSwap::from_pointee(Pushes::from_iter([])),
        reloads,
        access_log: false,
        timeout_offset: Duration::ZERO,
    };
    let (listener, port) = listen().await;
    tokio::spawn(Arc::new(Server::new(Arc::new(app), Gate::open())).serve(listener, stop));
    port
}

async fn bare(bytes: Bytes) -> u16 {
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            let answer = service_fn(move |_| {
                let bytes = bytes.clone();
                async move { Ok::<_, Infallible>(Response::new(Full::new(bytes))) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    port
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

async fn wrk(port: u16, connections: usize, coding: &str) -> f64 {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), "-d2s"])
        .args([
            "-H",
            "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
        ])
        .args(["-H", &format!("Accept-Encoding: {coding}"), &format!("http://127.0.0.1:{port}/metrics")])
        .stdout(Stdio::piped())
        .output()
        .await
        .expect("wrk is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    line.and_then(|rate| rate.trim().parse().ok()).unwrap_or_else(|| panic!("{text}"))
}
