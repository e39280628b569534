//! Rotation, truncation and restarts: every line once.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use platform_core::probe::Reason;
use platform_core::query::Question;
use serde_json::json;

use super::{Logs, append, appender, count, everything, line, question, table};
use testkit::subject::Subject;

pub(super) async fn total(subject: &mut Subject) -> f64 {
    count(&subject.rows(&everything()).await.expect("the file can be read"))
}

#[tokio::test]
async fn a_renamed_file_is_read_to_its_end_and_beyond() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    let mut writer = appender(&logs.path());
    writer.write_all(b"{}\n").unwrap();
    assert_eq!(total(&mut source).await, 1.0);
    writer.write_all(b"{}\n{\"half\":").unwrap();
    fs::rename(logs.path(), logs.beside("app.log.1")).unwrap();
    // Nothing is at the path for a moment: no problem.
    assert_eq!(source.probe().await.unwrap().problems, []);
    assert_eq!(total(&mut source).await, 2.0);
    logs.append("{}\n");
    assert_eq!(total(&mut source).await, 3.0);
    // The writer has not heard of it yet.
    writer.write_all(b"1}\n{}\n").unwrap();
    assert_eq!(total(&mut source).await, 5.0);
    fs::remove_file(logs.beside("app.log.1")).unwrap();
    assert_eq!(total(&mut source).await, 5.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 1.0);
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
    assert_eq!(logs.value(&observation, "logfile_size_bytes"), 3.0);
}

#[tokio::test]
async fn a_smaller_file_in_its_place_is_read_from_its_start() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    logs.append("{\"long\": \"xxxxxxxxxxxxxxxx\"}\n{\"unfinished\": ");
    assert_eq!(total(&mut source).await, 1.0);
    append(&logs.beside("new"), "{}\n{}\n");
    fs::rename(logs.beside("new"), logs.path()).unwrap();
    // The line that was left unfinished is no line.
    assert_eq!(total(&mut source).await, 3.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 1.0);
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 1.0);
}

#[tokio::test]
async fn a_truncated_file_is_read_from_its_start_however_large_it_has_grown() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    logs.append("{\"n\": 1}\n{\"n\": 2}\n");
    assert_eq!(total(&mut source).await, 2.0);
    fs::write(logs.path(), "{}\n").unwrap();
    assert_eq!(total(&mut source).await, 3.0);
    fs::write(logs.path(), "{\"n\": 3}\n{\"n\": 4}\n{\"n\": 5}\n").unwrap();
    assert_eq!(total(&mut source).await, 6.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 2.0);
}

#[tokio::test]
async fn what_was_copied_before_a_truncation_is_read_from_the_copy() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    let event = |n: u32| line(&json!({"at": "2026-01-01T00:00:00.000000Z", "n": n}));
    let (begun, rest) = (&event(2)[..20], &event(2)[20..]);
    logs.append(event(1) + begun);
    assert_eq!(total(&mut source).await, 1.0);
    logs.append(rest.to_owned() + &event(3));
    fs::copy(logs.path(), logs.beside("app-20260101.log")).unwrap();
    fs::write(logs.path(), event(4)).unwrap();
    assert_eq!(total(&mut source).await, 4.0);
    // The name of the copy is used again for the next.
    logs.append(event(5));
    assert_eq!(total(&mut source).await, 5.0);
    logs.append(event(6));
    fs::copy(logs.path(), logs.beside("app-20260101.log")).unwrap();
    fs::write(logs.path(), "").unwrap();
    assert_eq!(total(&mut source).await, 6.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 2.0);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_run_stopped() {
    let logs = Logs::new();
    let by = question(json!({"by": ["class"], "sum": ["ms"], "window": "1d"}));
    let questions = [by.clone(), everything()];
    let event = |class: &str| line(&json!({"class": class, "ms": 10}));
    logs.append(event("a") + "{\"class\": \"b\",");
    let mut source = logs.remembering(&questions);
    assert_eq!(total(&mut source).await, 1.0);
    drop(source);
    logs.append("\"ms\": 10}\n".to_owned() + &event("a"));
    let mut source = logs.remembering(&questions);
    assert_eq!(total(&mut source).await, 3.0);
    assert_eq!(table(&source.rows(&by).await.unwrap()), [["a", "2", "20", "10"], ["b", "1", "10", "10"]]);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_lines_total"), 3.0);
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
    // A question that is new begins with the next line.
    let class_a = question(json!({"where": {"class": ["a"]}}));
    let mut source = logs.remembering(&[everything(), class_a.clone()]);
    logs.append(event("a"));
    assert_eq!(count(&source.rows(&class_a).await.unwrap()), 1.0);
    assert_eq!(total(&mut source).await, 4.0);
}

#[tokio::test]
async fn a_file_that_was_rotated_while_the_exporter_was_down_is_found_again() {
    let logs = Logs::new();
    logs.append("{}\n");
    let mut source = logs.remembering(&[everything()]);
    assert_eq!(total(&mut source).await, 1.0);
    drop(source);
    logs.append("{}\n");
    fs::rename(logs.path(), logs.beside("app.log.1")).unwrap();
    logs.append("{\"next\": \"the start of a file identifies it\"}\n{\"next\": 2}\n");
    let mut source = logs.remembering(&[everything()]);
    assert_eq!(total(&mut source).await, 4.0);
    drop(source);

    logs.append("{\"next\": 3}\n");
    fs::copy(logs.path(), logs.beside("app.log.0")).unwrap();
    fs::write(logs.path(), "{\"last\": 1}\n").unwrap();
    let mut source = logs.remembering(&[everything()]);
    assert_eq!(total(&mut source).await, 6.0);
    drop(source);

    // Gone for good, and its inode perhaps given to the next file.
    fs::remove_file(logs.path()).unwrap();
    logs.append("{\"other\": 1}\n{\"other\": 2}\n");
    assert_eq!(total(&mut logs.remembering(&[everything()])).await, 8.0);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_or_written_does_not_end_the_source() {
    let logs = Logs::new();
    logs.append("{}\n");
    let state = logs.state.path().join("logfile-subject.json");
    fs::write(&state, "{\"version\": 1, \"files\": [").unwrap();
    assert_eq!(total(&mut logs.remembering(&[everything()])).await, 1.0);
    assert_eq!(total(&mut logs.remembering(&[everything()])).await, 1.0, "it has been repaired");
    fs::remove_dir_all(logs.state.path()).unwrap();
    let mut source = logs.remembering(&[everything()]);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_lines_total"), 1.0);
    let [problem] = &observation.problems[..] else { panic!("{:?}", observation.problems) };
    assert!(problem.detail.contains("cannot save the state"), "{problem}");
}

/// A program that logs and rotates its log in every way that there is, at random.
struct Writer {
    logs: Arc<Logs>,
    random: fastrand::Rng,
    file: File,
    written: u64,
    bytes: u64,
    copies: u64,
    looks: Arc<AtomicU64>,
    /// The number of looks at the last rotation.
    looks_before: u64,
}

impl Writer {
    /// Writes at least as many lines, and rotates at least as often; returns the numbers of lines, bytes and rotations.
    fn run(mut self, lines: u64, rotations: u32) -> (u64, u64, u32) {
        let mut rotated = 0;
        while self.written < lines || rotated < rotations {
            let pieces = if self.random.bool() { 1 } else { 2 };
            self.write(pieces);
            // Each file is seen at least once: no follower could know of one that came and went between two looks.
            let seen = self.looks.load(Ordering::SeqCst) >= self.looks_before + 2;
            if seen && self.random.u32(..20) == 0 {
                match self.random.u32(..3) {
                    0 => self.rename(),
                    1 => self.copy_and_truncate(),
                    _ => self.rename_at_once(),
                }
                rotated += 1;
                self.looks_before = self.looks.load(Ordering::SeqCst);
            }
            if self.random.u32(..50) == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        (self.written, self.bytes, rotated)
    }

    /// Writes a line, in one piece or two.
    fn write(&mut self, pieces: u32) {
        let padding = "x".repeat(self.random.usize(..200));
        let text = line(&json!({"n": self.written, "class": self.random.u32(..3), "padding": padding}));
        let cut = if pieces == 1 { text.len() } else { self.random.usize(..text.len()) };
        self.file.write_all(&text.as_bytes()[..cut]).expect("the file is writable");
        self.file.write_all(&text.as_bytes()[cut..]).expect("the file is writable");
        self.written += 1;
        self.bytes += text.len() as u64;
    }

    fn shift(&self) {
        let [first, second, third] =
            ["app.log.1", "app.log.2", "app.log.3"].map(|name| self.logs.beside(name));
        // The first ones are not there yet.
        let _ = fs::rename(&second, third);
        let _ = fs::rename(&first, second);
        fs::rename(self.logs.path(), first).expect("the file is there");
    }

    /// As logrotate does: the program goes on writing to the old file until it gets a signal.
    fn rename(&mut self) {
        self.shift();
        let next = self.random.bool().then(|| appender(&self.logs.path()));
        for _ in 0..self.random.u32(..20) {
            self.write(1);
        }
        self.file = next.unwrap_or_else(|| appender(&self.logs.path()));
        self.write(1);
    }

    /// As a program does that rotates its own log.
    fn rename_at_once(&mut self) {
        self.shift();
        self.file = appender(&self.logs.path());
        self.write(1);
    }

    fn copy_and_truncate(&mut self) {
        self.copies += 1;
        let copy: PathBuf = self.logs.beside(&format!("app.log.copy{}", self.copies % 3));
        fs::copy(self.logs.path(), copy).expect("the file is there");
        self.file.set_len(0).expect("the file is writable");
        self.write(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_or_counted_twice_whatever_happens() {
    let logs = Arc::new(Logs::new());
    let by = question(json!({"by": ["class"]}));
    let questions: [Question; 2] = [everything(), by.clone()];
    let looks = Arc::new(AtomicU64::new(0));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let writer = Writer {
        logs: Arc::clone(&logs),
        random: fastrand::Rng::with_seed(seed),
        file: appender(&logs.path()),
        written: 0,
        bytes: 0,
        copies: 0,
        looks: Arc::clone(&looks),
        looks_before: 0,
    };
    let ended = Arc::new(AtomicBool::new(false));
    let writing = thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let result = writer.run(5000, 40);
            ended.store(true, Ordering::SeqCst);
            result
        }
    });
    let mut source = logs.remembering(&questions);
    while !ended.load(Ordering::SeqCst) {
        // Between a rename and the next file, right after a restart, there may be nothing to find.
        if let Err(problem) = source.probe().await {
            assert_eq!(problem.reason, Reason::NotFound);
        }
        looks.fetch_add(1, Ordering::SeqCst);
        if fastrand::u32(..5) == 0 {
            source = logs.remembering(&questions);
        }
    }
    let (written, bytes, rotations) = writing.join().unwrap();
    let observation = source.probe().await.unwrap();
    assert_eq!(total(&mut source).await, written as f64);
    assert_eq!(logs.value(&observation, "logfile_lines_total"), written as f64);
    assert_eq!(logs.value(&observation, "logfile_bytes_total"), bytes as f64);
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), f64::from(rotations));
    let rows = source.rows(&by).await.unwrap();
    let counted: f64 = rows.rows.iter().map(|row| row[1].number().unwrap()).sum();
    assert_eq!((rows.rows.len(), counted), (3, written as f64));
}
