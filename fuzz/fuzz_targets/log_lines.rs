//! A log file that grows by arbitrary bytes, is truncated and replaced, and its follower is restarted.
#![no_main]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_core::query::{Columns, Question};
use platform_exporter_fuzz::{check_families, source};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a temporary directory"));
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

#[derive(arbitrary::Arbitrary, Debug)]
enum Step<'a> {
    Append(&'a [u8]),
    Line(&'a str),
    /// Lines with this many classes, possibly more than are counted individually.
    Classes(u16),
    Truncate,
    Replace(&'a [u8]),
    Restart,
}

fn question(window: Option<u16>) -> Question {
    let window = window.map(|seconds| format!("{}s", seconds.max(1)));
    let query =
        json!({"where": {"event": ["error"]}, "by": ["class", "a.b"], "sum": ["ms"], "window": window});
    Question::new("log", query)
}

fuzz_target!(|input: (Option<u16>, Vec<Step<'_>>)| {
    let (window, steps) = input;
    let question = question(window);
    let (log, state) = (DIRECTORY.path().join("app.log"), DIRECTORY.path().join("state"));
    let _ = (fs::remove_file(&log), fs::remove_dir_all(&state));
    fs::create_dir(&state).expect("the directory is writable");
    fs::write(&log, "").expect("the directory is writable");
    let yaml = format!("logfile: {{path: {}, from: beginning}}", log.display());
    let build = || source(&yaml, std::slice::from_ref(&question), &BTreeMap::new(), Some(&state));
    let mut parts = build();
    for step in steps.into_iter().take(16) {
        let append = |bytes: &[u8]| {
            let file = OpenOptions::new().append(true).create(true).open(&log);
            file.and_then(|mut file| file.write_all(bytes)).expect("the file is writable");
        };
        match step {
            Step::Append(bytes) => append(bytes),
            Step::Line(text) => append(format!("{{\"event\": \"error\", \"class\": {text}}}\n").as_bytes()),
            Step::Classes(count) => {
                let line = |class| format!("{{\"event\": \"error\", \"class\": {class}, \"ms\": 1}}\n");
                append((0..count % 2048).map(line).collect::<String>().as_bytes());
            }
            Step::Truncate => fs::write(&log, "").expect("the file is writable"),
            Step::Replace(bytes) => {
                fs::remove_file(&log).expect("it is there");
                append(bytes);
            }
            Step::Restart => parts = build(),
        }
        RUNTIME.block_on(async {
            check_families(parts.prober.probe().await.expect("the file is there").families);
            let rows = parts.answers.as_mut().expect("it can be asked");
            let rows = rows.rows(&question, &Columns::All, std::time::Duration::from_secs(1));
            let rows = rows.await.expect("the file is there");
            assert!(rows.rows.iter().all(|row| row.len() == rows.columns.len()));
            assert!(rows.rows.len() <= 1001, "a thousand, and all others together");
        });
    }
});
