//! What must not end, freeze or starve the exporter as a whole: files that hang, threads that stop, descriptors that run
//! out, clients that ask too much.

mod clients;
mod clocks;
mod descriptors;
mod files;
mod listening;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use testkit::exporter::Exporter;
use testkit::http;

/// A busy machine needs this long for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts a pipe in the place of a file: whoever opens it to read waits until somebody writes, as on a mount that hangs.
fn hang(path: &Path) {
    let _ = fs::remove_file(path);
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("coreutils are there");
    assert!(made.success(), "{}", path.display());
}

/// `/metrics` answers at once, whatever else hangs.
async fn answers(exporter: &Exporter) -> String {
    let started = Instant::now();
    let answer = tokio::time::timeout(Duration::from_secs(10), exporter.get("/metrics")).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    answer.expect("/metrics answers")
}

/// The status of a GET.
async fn status(exporter: &Exporter, path: &str) -> u16 {
    http::client().get(exporter.url(path)).send().await.expect("the exporter answers").status().as_u16()
}
