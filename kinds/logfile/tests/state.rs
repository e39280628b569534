//! What the binary keeps on disk: right after any death, on a full disk, and when it is damaged.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Logs, appender};
use testkit::exporter::{Exporter, binary};
use testkit::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(60);

/// Each class has a count of its own, so that the state is large, and writing it takes its time.
const CLASSES: u64 = 900;

impl Logs {
    fn state_file(&self) -> PathBuf {
        self.state.path().join("logfile-app.json")
    }

    fn config(&self) -> String {
        format!(
            "sources: {{app: {{logfile: {{path: {}, from: beginning}}, interval: 500ms}}}}
queries:
  - name: lines
    source: app
    every: 500ms
    log: {{by: [class]}}
    labels: [class]
    max_series: 1000
    metrics: [{{name: acme_lines, value: count, help: Lines.}}]
",
            self.path().display()
        )
    }

    async fn exporter(&self) -> Exporter {
        Exporter::options(&self.config())
            .argument(&format!("--storage.path={}", self.state.path().display()))
            .start()
            .await
    }

    fn series(&self, name: &str) -> String {
        format!("{name}{{source=\"app\",path=\"{}\"}}", self.label())
    }
}

fn event(number: u64) -> String {
    format!("{{\"number\": {number}, \"class\": \"class {}\"}}\n", number % CLASSES)
}

/// The sum over all series of a family.
fn sum(exposition: &str, name: &str) -> f64 {
    let samples = exposition.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn killed_at_any_moment_it_counts_each_line_once() {
    let logs = Logs::new();
    let mut exporter = logs.exporter().await;
    let ended = Arc::new(AtomicBool::new(false));
    let writing = thread::spawn({
        let (ended, mut file) = (Arc::clone(&ended), appender(&logs.path()));
        move || {
            let mut written = 0;
            while !ended.load(Ordering::SeqCst) {
                let line = event(written);
                let (begin, end) = line.split_at(written as usize % line.len());
                file.write_all(begin.as_bytes()).unwrap();
                file.write_all(end.as_bytes()).unwrap();
                written += 1;
                // A program that logs without a pause would only show how fast a file is read.
                thread::sleep(Duration::from_micros(200));
            }
            written as f64
        }
    });
    let lines = logs.series("logfile_lines_total");
    let mut seen = 0.0;
    for _ in 0..15 {
        let last = seen;
        eventually(PATIENCE, "it counts on", async || {
            let Some(now) = exporter.value(&lines).await else { return false };
            assert!(now >= seen, "it went back from {seen} to {now}");
            seen = now;
            now > last
        })
        .await;
        // The moment is what is tried here: while it reads, while it writes, or between the two.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..600))).await;
        exporter.process().kill();
        exporter.restart().await;
    }
    ended.store(true, Ordering::SeqCst);
    let written = writing.join().unwrap();
    exporter.wait_for(&lines, written, PATIENCE).await;
    eventually(PATIENCE, "the query counts all lines", async || {
        let counted = sum(&exporter.get("/metrics").await, "acme_lines");
        assert!(counted <= written, "{counted} of {written}");
        counted == written
    })
    .await;
    assert_eq!(exporter.value(&logs.series("logfile_malformed_lines_total")).await, Some(0.0));
    assert!(!exporter.log().contains("state file unreadable"), "{}", exporter.log());
    // What was half written when it was killed is gone, and nobody else reads what is there.
    let kept: Vec<_> = fs::read_dir(logs.state.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept, [logs.state_file()]);
    assert_eq!(fs::metadata(logs.state_file()).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A limit of a file's size fails a write in its middle, as a full disk does, and takes no privilege.
#[tokio::test]
async fn a_disk_that_is_full_is_reported_and_costs_nothing_once_there_is_room() {
    let logs = Logs::new();
    let (few, many) = (10, 3 * CLASSES);
    let limited = logs.beside("limited");
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec prlimit --fsize=32768:unlimited {} \"$@\"\n",
        binary().display()
    );
    fs::write(&limited, script).unwrap();
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o700)).unwrap();
    for number in 0..few {
        logs.append(event(number));
    }
    let mut exporter = Exporter::options(&logs.config())
        .binary(&limited)
        .argument(&format!("--storage.path={}", logs.state.path().display()))
        .start()
        .await;
    let lines = logs.series("logfile_lines_total");
    exporter.wait_for(&lines, few as f64, PATIENCE).await;
    for number in few..many {
        logs.append(event(number));
    }
    // It goes on counting, and says that a restart would count again.
    exporter.wait_for(&lines, many as f64, PATIENCE).await;
    let problem = "platform_source_problem{source=\"app\",kind=\"logfile\",reason=\"internal\"}";
    exporter.wait_for(problem, 1.0, PATIENCE).await;
    assert!(exporter.log().contains("File too large"), "{}", exporter.log());
    assert!(!logs.state_file().with_extension("new").exists(), "half a file takes room");
    let pid = exporter.pid().to_string();
    let freed = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(freed.expect("prlimit is part of every Debian").success());
    eventually(PATIENCE, "the problem is gone", async || exporter.value(problem).await.is_none()).await;
    exporter.process().kill();
    let mut exporter = logs.exporter().await;
    exporter.wait_for(&lines, many as f64, PATIENCE).await;
    exporter.process().terminate(PATIENCE).await;
}

#[tokio::test]
async fn a_damaged_state_is_reported_and_started_again() {
    let logs = Logs::new();
    for number in 0..100 {
        logs.append(event(number));
    }
    let lines = logs.series("logfile_lines_total");
    let mut exporter = logs.exporter().await;
    exporter.wait_for(&lines, 100.0, PATIENCE).await;
    exporter.process().kill();
    let good = fs::read(logs.state_file()).unwrap();
    // Each digit that is another one still makes JSON, and a wrong number.
    let offset = good.windows(9).position(|bytes| bytes == b"\"offset\":").unwrap() + 9;
    let mut flipped = good.clone();
    flipped[offset] ^= 1;
    for damaged in
        [flipped, good[..good.len() / 2].to_vec(), good[..70].to_vec(), Vec::new(), vec![0xff; 4096]]
    {
        fs::write(logs.state_file(), damaged).unwrap();
        let mut exporter = logs.exporter().await;
        exporter.wait_for(&lines, 100.0, PATIENCE).await;
        let log = exporter.log();
        let warning = log
            .lines()
            .find(|line| line.contains("state file unreadable, starting fresh"))
            .expect("a warning");
        assert!(warning.contains(&logs.state_file().display().to_string()), "{warning}");
        exporter.process().kill();
    }
    let exporter = logs.exporter().await;
    exporter.wait_for(&lines, 100.0, PATIENCE).await;
    assert!(!exporter.log().contains("state file unreadable"), "it has been repaired: {}", exporter.log());
}
