//! Measurements, beside other exporters on the same services in the same run. They print figures; `soak` alone also
//! judges them.
//!
//! `make soak`: memory, descriptors, threads and connections over a long time in which services break.
//! `make bench-scrape`: how fast `/metrics` answers while everything is well, and while servers hang.
//! `make bench-memory`: resident memory beside that of Debian's exporters.
//! `encode`: what a change of one source costs beside encoding everything, and the memory of an exposition.
//! `requests`: requests per second beside a bare hyper server that has the same bytes.
//! `pack-NAME`: what the queries of a pack cost the database of a large platform.

mod encode;
mod memory;
mod pack_hayon;
mod pack_hivesync;
mod pack_joip;
mod peers;
mod requests;
mod scrape;
mod soak;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::time::Duration;

use support::exporter::Exporter;
use support::platform::Platform;
use support::wait::eventually;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    match std::env::args().nth(1).as_deref() {
        Some("encode") => encode::run(),
        Some("encode-memory") => {
            let mut arguments = std::env::args().skip(2);
            let name = arguments.next().unwrap_or_default();
            encode::memory(&name, arguments.next().and_then(|series| series.parse().ok()).unwrap_or(0));
        }
        Some("requests") => requests::run().await,
        Some("scrape") => scrape::run().await,
        Some("memory") => memory::run().await,
        Some("soak") => return soak::run().await,
        Some("pack-hayon") => pack_hayon::run().await,
        Some("pack-hivesync") => pack_hivesync::run().await,
        Some("pack-joip") => pack_joip::run().await,
        _ => {
            return Err(
                "usage: bench encode|requests|scrape|memory|soak|pack-hayon|pack-hivesync|pack-joip".to_owned()
            );
        }
    }
    Ok(())
}

/// The release binary on the services of a platform, with every source up.
async fn exporter(platform: &Platform, config: &str) -> Exporter {
    let options = Exporter::options(config).binary(&release_binary());
    let environment = platform.environment().into_iter();
    let exporter =
        environment.fold(options, |options, (name, value)| options.variable(name, &value)).start().await;
    platform.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    eventually(Duration::from_secs(60), "every source is up", async || {
        up(&exporter.get("/metrics").await) == 9
    })
    .await;
    exporter
}

/// How many sources are up in an exposition.
fn up(exposition: &str) -> usize {
    exposition.lines().filter(|line| line.starts_with("platform_source_up{") && line.ends_with(" 1")).count()
}

/// A size of a process' status in the kernel's words, in MiB.
fn status_mib(process: impl std::fmt::Display, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

fn release_binary() -> PathBuf {
    // This program is TARGET/debug/examples/bench.
    let this = std::env::current_exe().expect("the kernel knows");
    let target = this.ancestors().nth(3).expect("cargo's target directory");
    let binary = target.join("release/platform_exporter");
    assert!(binary.is_file(), "{} is missing: cargo build --release", binary.display());
    binary
}
