//! Resident memory: all nine kinds in one process, beside four exporters that cover four of them.

use std::time::Duration;

use nix::unistd::Pid;

use crate::support::platform::Platform;
use crate::support::platform_data::while_living;
use crate::{exporter, peers, status_mib};

/// Both sides probe and are scraped this often.
const EVERY: Duration = Duration::from_secs(15);
const ROUNDS: u32 = 6;

pub(crate) async fn run() {
    let platform = Platform::start().await;
    while_living(&platform, compare(&platform)).await;
}

async fn compare(platform: &Platform) {
    let config = Platform::CONFIG
        .replace("interval: 5s\n", "interval: 15s\n")
        .replace("interval: 10s\n", "interval: 15s\n");
    let mut exporter = exporter(platform, &config).await;
    let peers = peers::start(platform).await;
    println!("Each probes and is scraped every {EVERY:?}, for {:?}.", EVERY * ROUNDS);
    for round in 1..=ROUNDS {
        tokio::time::sleep(EVERY).await;
        exporter.get("/metrics").await;
        for peer in &peers {
            peer.scrape().await;
        }
        println!("  round {round} of {ROUNDS}");
    }
    println!("\n{:<44}{:>12}{:>12}", "", "resident", "peak");
    let mut sum = 0.0;
    for peer in &peers {
        sum += print(peer.name, peer.process.pid());
    }
    println!("{:<44}{sum:>8.1} MiB", "the four together");
    let ours = print("platform_exporter, all nine kinds", exporter.process().pid());
    println!("\nplatform_exporter / the four together: {:.2}", ours / sum);
}

/// Prints resident and peak memory of a process, and returns the resident one in MiB.
fn print(name: &str, pid: Pid) -> f64 {
    let mib = |key| status_mib(pid, key);
    println!("{name:<44}{:>8.1} MiB{:>8.1} MiB", mib("VmRSS:"), mib("VmHWM:"));
    mib("VmRSS:")
}
