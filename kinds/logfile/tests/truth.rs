//! Every sample in hard states, recounted from all that the test has ever written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::UNIX_EPOCH;

use platform_core::query::Question;
use serde_json::{Map, Value, json};

use super::{Logs, appender, question};
use testkit::recount::{Recounts, Series, series};
use testkit::subject::{Subject, Surroundings};
use testkit::time::now;

/// A file that not even root may read.
const UNREADABLE: &str = "/sys/bus/platform/drivers_probe";

/// A longer line is not a log line.
const LONGEST: usize = 1 << 20;

const WINDOW: f64 = 3600.0;

/// A log, everything that was ever written to it, and another log that nothing happens to.
struct Scene {
    logs: Logs,
    other: String,
    subject: Subject,
    /// The file at the path.
    current: File,
    written: String,
    rotations: usize,
}

fn by_level(window: &str) -> Question {
    question(json!({"by": ["level"], "window": window}))
}

fn subject(logs: &Logs, other: &str) -> Subject {
    let state_dir = Some(logs.state.path().to_owned());
    let questions = vec![by_level("1h")];
    Surroundings { questions, state_dir, ..Surroundings::default() }
        .source(&format!("logfile: {{paths: [{}, {other}], from: beginning}}", logs.label()))
}

fn line(level: &str, age: f64) -> String {
    super::line(&json!({"ts": (now() - age).floor(), "level": level, "text": "as long as lines usually are"}))
}

fn object(line: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(line).ok().filter(|_| line.len() <= LONGEST)
}

impl Scene {
    fn new() -> Self {
        let logs = Logs::new();
        let other = logs.state.path().join("other.log");
        fs::write(&other, "{\"ts\": 1700000000}\n").expect("it is writable");
        let other = other.display().to_string();
        let (subject, current) = (subject(&logs, &other), appender(&logs.path()));
        Self { logs, other, subject, current, written: String::new(), rotations: 0 }
    }

    /// Writes to a file that is or was the log.
    fn write_to(&mut self, mut file: &File, text: &str) {
        file.write_all(text.as_bytes()).expect("it is writable");
        self.written.push_str(text);
    }

    fn write(&mut self, text: &str) {
        let file = self.current.try_clone().expect("a second handle");
        self.write_to(&file, text);
    }

    /// Renames the file, and begins another one; returns the old one.
    fn rotate(&mut self, name: &str) -> File {
        fs::rename(self.logs.path(), self.logs.beside(name)).expect("it is there");
        self.begin()
    }

    fn begin(&mut self) -> File {
        self.rotations += 1;
        std::mem::replace(&mut self.current, appender(&self.logs.path()))
    }

    /// The whole lines that were written.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.written.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
    }

    fn series(&self) -> Series {
        let metadata = self.current.metadata().expect("it is open");
        let newest = self.lines().filter_map(|line| object(line)?.get("ts")?.as_f64()).reduce(f64::max);
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let count = |number: usize| number as f64;
        let values = [
            ("lines_total", count(self.lines().count())),
            ("bytes_total", count(self.lines().map(|line| line.len() + 1).sum())),
            ("malformed_lines_total", count(self.lines().filter(|line| object(line).is_none()).count())),
            ("size_bytes", metadata.len() as f64),
            ("offset_bytes", metadata.len() as f64),
            ("rotations_total", count(self.rotations)),
            ("last_line_timestamp_seconds", newest.or(modified.map(|at| at.as_secs_f64())).expect("a time")),
        ];
        let label = self.logs.label();
        values.map(|(name, value)| (series(&format!("logfile_{name}"), &[&label]), value)).into()
    }

    /// The log that nothing happens to.
    fn other(&self) -> Series {
        let values = [
            ("lines_total", 1.0),
            ("bytes_total", 19.0),
            ("malformed_lines_total", 0.0),
            ("size_bytes", 19.0),
            ("offset_bytes", 19.0),
            ("rotations_total", 0.0),
            ("last_line_timestamp_seconds", 1_700_000_000.0),
        ];
        values.map(|(name, value)| (series(&format!("logfile_{name}"), &[&self.other]), value)).into()
    }

    /// Compares a probe, and the lines of the window by level.
    async fn check(&mut self, recounts: &mut Recounts, state: &str) {
        let probe = self.subject.probe().await.unwrap_or_else(|problem| panic!("{state}: {problem}"));
        let mut all = self.series();
        if !self.logs.path().exists() {
            // There is no file that could have a size.
            all.retain(|name, _| !name.starts_with("logfile_size") && !name.starts_with("logfile_offset"));
        }
        all.extend(self.other());
        recounts.compare(state, &all, &probe.families, &all, &[]);
        let rows =
            self.subject.rows(&by_level("1h")).await.unwrap_or_else(|problem| panic!("{state}: {problem}"));
        let cell = |row: &[platform_core::query::Cell]| Some((row[0].text()?, row[1].number()?));
        let counted: BTreeMap<String, f64> = rows.rows.iter().filter_map(|row| cell(row)).collect();
        let mut recounted = BTreeMap::new();
        for object in self.lines().filter_map(object) {
            let is_within = object["ts"].as_f64().is_some_and(|at| at > now() - WINDOW);
            let level = object.get("level").and_then(Value::as_str).unwrap_or("unknown");
            if is_within {
                *recounted.entry(level.to_owned()).or_default() += 1.0;
            }
        }
        assert_eq!(counted, recounted, "{state}");
    }

    /// While the log may not be read, there is only the other one.
    async fn check_without_log(&mut self, recounts: &mut Recounts, state: &str) {
        let probe = self.subject.probe().await.unwrap_or_else(|problem| panic!("{state}: {problem}"));
        recounts.compare(state, &self.other(), &probe.families, &self.other(), &[]);
    }

    /// Another run of the exporter, which begins where the last one has stopped.
    fn start_again(&mut self) {
        self.subject = subject(&self.logs, &self.other);
    }
}

/// By renaming, by copying, and more often than anybody looks.
async fn rotations(scene: &mut Scene, recounts: &mut Recounts) {
    scene.write(&line("info", 5.0));
    let old = scene.rotate("app.log.1");
    scene.write(&line("info", 4.0));
    scene.write_to(&old, &line("error", 3.0));
    scene.check(recounts, "renamed, and still written to").await;

    scene.write(&line("info", 2.0));
    fs::copy(scene.logs.path(), scene.logs.beside("app.log.2")).expect("there is room");
    scene.current.set_len(0).expect("it is writable");
    scene.rotations += 1;
    scene.write(&line("warning", 1.0));
    scene.check(recounts, "copied and truncated").await;

    for name in ["app.log.4", "app.log.3"] {
        scene.write(&line("info", 1.0));
        scene.rotate(name);
    }
    scene.write(&line("error", 1.0));
    scene.check(recounts, "rotated twice between two probes").await;
}

/// The file is deleted, is there again, and may not be read for a while.
async fn losses(scene: &mut Scene, recounts: &mut Recounts) {
    fs::remove_file(scene.logs.path()).expect("it is there");
    scene.write(&line("error", 1.0));
    scene.check(recounts, "deleted, and still written to").await;
    scene.begin();
    scene.write(&line("info", 1.0));
    scene.check(recounts, "created again").await;

    let away = scene.logs.state.path().join("away");
    fs::rename(scene.logs.path(), &away).expect("it is there");
    symlink(UNREADABLE, scene.logs.path()).expect("nothing is there");
    scene.check_without_log(recounts, "permission is taken away").await;
    scene.write(&line("error", 1.0));
    fs::rename(&away, scene.logs.path()).expect("it is there");
    scene.check(recounts, "permission is given back").await;
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    let mut scene = Scene::new();
    scene.check(&mut recounts, "an empty file").await;
    for (level, age) in [("info", 10.0), ("info", 1800.0), ("error", 20.0), ("error", 7200.0)] {
        scene.write(&line(level, age));
    }
    scene.write(&super::line(&json!({"ts": (now() - 30.0).floor()})));
    scene.check(&mut recounts, "lines by level, within the window and before it").await;
    let long =
        |length: usize| super::line(&json!({"ts": (now() - 15.0).floor(), "text": "x".repeat(length)}));
    for text in ["nonsense\n", "[1]\n", &long(LONGEST), &long(LONGEST - 100)] {
        scene.write(text);
    }
    scene.check(&mut recounts, "malformed lines, long ones, and one that is too long").await;
    let last = line("warning", 8.0);
    let (begin, end) = last.split_at(20);
    scene.write(begin);
    scene.check(&mut recounts, "a line that is not finished").await;
    scene.write(end);
    rotations(&mut scene, &mut recounts).await;
    losses(&mut scene, &mut recounts).await;
    scene.write(&line("info", 1.0));
    scene.rotate("app.log.5");
    scene.write(&line("error", 1.0));
    scene.start_again();
    scene.check(&mut recounts, "rotated while the exporter was down").await;
    recounts.finish("logfile");
}
