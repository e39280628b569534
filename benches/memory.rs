//! Memory: all nine kinds in one process, compared with four exporters that cover four of them.

use std::time::Duration;

use nix::unistd::Pid;

use crate::load::{Load, scrape};
use crate::ours;
use crate::peers::{self, Peer};
use crate::report::{Section, Table, ratio};
use crate::usage::{Memory, memory};
use testkit::exporter::Exporter;
use testkit::platform::Platform;
use testkit::platform_data::while_living;

/// Probe and scrape interval of both sides.
const EVERY: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 8;
const LOAD: Load = Load { connections: 16, gzip: true };
/// Duration of the load on each.
const SECONDS: u32 = 3;

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    let platform = Platform::start().await;
    while_living(&platform, compare(&platform, &mut section)).await;
    section
}

async fn compare(platform: &Platform, section: &mut Section) {
    section.text(&format!(
        "MiB, as counted by the kernel (`VmRSS`, `VmHWM`). *Idle*: each exporter probes and is scraped every \
         {EVERY:?}, for {:?}. *Under load*: each is then scraped over 16 connections as fast as it responds, for \
         {SECONDS} s. *Peak* is since startup.",
        EVERY * ROUNDS
    ));
    let exporter = ours::start_all_kinds(platform, &ours::all_kinds("5s"), platform.environment()).await;
    let peers = peers::all(platform).await;
    let idle = idle(&exporter, &peers).await;
    scrape(&exporter.url("/metrics"), LOAD, SECONDS).await;
    for peer in &peers {
        scrape(&peer.url, LOAD, SECONDS).await;
    }
    let loaded: Vec<_> = processes(&exporter, &peers).map(memory).collect();

    let mut table = Table::new(&["", "idle: resident", "peak", "under load: resident", "peak"]);
    let row = |name: &str, idle: [f64; 2], loaded: [f64; 2]| {
        let figures = idle.into_iter().chain(loaded).map(|mib| format!("{mib:.1}"));
        [name.to_owned()].into_iter().chain(figures).collect::<Vec<_>>()
    };
    let both = |memory: &Memory| [memory.resident, memory.peak];
    let names = ["platform_exporter, nine kinds"].into_iter().chain(peers.iter().map(|peer| peer.name));
    for ((name, idle), loaded) in names.zip(&idle).zip(&loaded) {
        table.row(row(name, both(idle), both(loaded)));
    }
    let sum = |of: &[Memory]| {
        of[1..].iter().map(both).fold([0.0, 0.0], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    };
    let (of_idle, of_loaded) = (sum(&idle), sum(&loaded));
    table.row(row("the four together", of_idle, of_loaded));
    let ours = both(&idle[0]).into_iter().chain(both(&loaded[0]));
    let ratios = ours.zip(of_idle.into_iter().chain(of_loaded)).map(|(ours, theirs)| ratio(ours, theirs));
    table.row(["platform_exporter ÷ the four".to_owned()].into_iter().chain(ratios));
    section.table(&table);
    section.text("*Growth* and *Queues* show how memory grows with sources, series and queues.");
}

async fn idle(exporter: &Exporter, peers: &[Peer]) -> Vec<Memory> {
    for round in 1..=ROUNDS {
        tokio::time::sleep(EVERY).await;
        exporter.get("/metrics").await;
        for peer in peers {
            peer.scrape().await;
        }
        println!("  round {round} of {ROUNDS}");
    }
    processes(exporter, peers).map(memory).collect()
}

/// Ours, then theirs.
fn processes(exporter: &Exporter, peers: &[Peer]) -> impl Iterator<Item = Pid> {
    [exporter.pid()].into_iter().chain(peers.iter().map(|peer| peer.process.pid()))
}
