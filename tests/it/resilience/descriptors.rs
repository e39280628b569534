//! File descriptors: sources that take too many, and clients that take too many, leave enough for who scrapes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{PATIENCE, answers};
use testkit::exporter::{Exporter, binary};
use testkit::wait::eventually;

/// The exporter with a limit of descriptors that it cannot raise.
fn limited(directory: &TempDir, limit: u32) -> PathBuf {
    let wrapper = directory.path().join("limited");
    let script = format!("#!/bin/sh\nset -e\nulimit -n {limit}\nexec '{}' \"$@\"\n", binary().display());
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    wrapper
}

#[tokio::test]
async fn of_idle_clients_are_bounded() {
    let directory = TempDir::new().unwrap();
    let exporter = Exporter::options("sources: {page: {http: {url: http://127.0.0.1:1/}}}\n")
        .binary(&limited(&directory, 64))
        .start()
        .await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(exporter.address()).await.unwrap());
    }
    for _ in 0..10 {
        answers(&exporter).await;
    }
    let log = exporter.log();
    assert!(!log.contains("Too many open files") && log.matches("descriptors.out").count() <= 1, "{log}");
}

#[tokio::test]
async fn of_sources_run_out_before_those_of_who_scrapes() {
    let directory = TempDir::new().unwrap();
    // It accepts, and says nothing: each source holds its connection until its deadline.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut held = Vec::new();
    let accept = async {
        loop {
            held.push(silent.accept().await.unwrap());
        }
    };
    let sources: String = (0..200)
        .map(|number| {
            format!("  s{number}: {{postgres: {{url: 'postgres://u@{address}/db?sslmode=disable'}}, interval: 60s, timeout: 30s}}\n")
        })
        .collect();
    let exporter =
        Exporter::options(&format!("sources:\n{sources}")).binary(&limited(&directory, 128)).start().await;
    let look = async {
        eventually(PATIENCE, "sources have run out of descriptors", async || {
            answers(&exporter).await.contains("reason=\"internal\"} 1")
        })
        .await;
        // While they have none, clients come and go, beside some that stay.
        let mut idle = Vec::new();
        for _ in 0..20 {
            idle.push(TcpStream::connect(exporter.address()).await.unwrap());
            answers(&exporter).await;
        }
    };
    tokio::select! {
        () = accept => unreachable!("it accepts without end"),
        () = look => {}
    }
    let log = exporter.log();
    assert!(log.contains("event=descriptors.few"), "{log}");
    assert!(log.matches("event=descriptors.out").count() <= 1, "{log}");
}

/// The soft limit is often 1024, for programs that cannot do with more.
#[tokio::test]
async fn are_as_many_as_the_system_allows() {
    let exporter = Exporter::start("sources: {page: {http: {url: http://127.0.0.1:1/}}}\n").await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", exporter.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [soft, hard] = numbers[..] else { panic!("{line}") };
    assert!(soft < hard && soft >= hard / 4 * 3, "{line}");
    tokio::time::timeout(Duration::from_secs(5), answers(&exporter)).await.unwrap();
}
