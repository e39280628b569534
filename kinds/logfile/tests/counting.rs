//! What lines count for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_core::metric::Desc;
use platform_core::probe::Reason;
use platform_core::query::{Cell, Rows};
use platform_exporter::registry::Kind;
use serde_json::json;

use super::{Logs, count, everything, line, number, question, table};

fn seconds_ago(seconds: f64) -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64() - seconds
}

#[tokio::test]
async fn golden_values_say_how_far_the_file_was_read() {
    let logs = Logs::new();
    logs.append(
        "{\"ts\": 1700000000.5}\n\n[1]\nnonsense\n{\"ts\": \"2023-11-14T22:13:25Z\"}\n{\"ts\": 1}\n{\"begun",
    );
    let mut source = logs.source("", &[]);
    let observation = source.probe().await.unwrap();
    assert_eq!(observation.problems, []);
    let size = std::fs::metadata(logs.path()).unwrap().len() as f64;
    let begun = "{\"begun".len() as f64;
    for (name, expected) in [
        ("logfile_lines_total", 5.0),
        ("logfile_last_line_timestamp_seconds", 1_700_000_005.0),
        ("logfile_malformed_lines_total", 2.0),
        ("logfile_bytes_total", size - begun),
        ("logfile_size_bytes", size),
        ("logfile_offset_bytes", size),
        ("logfile_rotations_total", 0.0),
    ] {
        assert_eq!(logs.value(&observation, name), expected, "{name}");
    }
    let mut given: Vec<_> = observation.families.iter().map(|family| Desc::clone(&family.desc)).collect();
    let mut catalogue = (Kind::Logfile.facts().catalogue)();
    given.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(given, catalogue);
}

#[tokio::test]
async fn lines_are_counted_by_fields() {
    let logs = Logs::new();
    let question = question(json!({
        "where": {"event": ["ai.error", "ai.fatal"], "meta.live": ["true"]},
        "by": ["meta.class", "code"],
        "sum": ["ms"],
    }));
    let meta = |class: &str| json!({"live": true, "class": class});
    for event in [
        json!({"event": "ai.error", "meta": meta("timeout"), "code": 504, "ms": 100}),
        json!({"event": "ai.fatal", "meta": meta("timeout"), "code": 504, "ms": "50.5"}),
        json!({"event": "ai.error", "meta": meta("timeout"), "code": 504}),
        json!({"event": "ai.error", "meta": meta("provider")}),
        json!({"event": "ai.error", "meta": {"live": false, "class": "provider"}}),
        json!({"event": "ai.done", "meta": meta("provider")}),
        json!({"event": ["ai.error"], "meta": meta("provider")}),
        json!({"event": "ai.error", "meta.live": true, "meta": {"class": "dotted"}, "code": null}),
    ] {
        logs.append(line(&event));
    }
    let mut source = logs.source("", &[question.clone(), everything()]);
    let rows = source.rows(&question).await.unwrap();
    assert_eq!(rows.columns, ["meta.class", "code", "count", "sum_ms", "avg_ms"]);
    assert_eq!(
        table(&rows),
        [
            vec!["dotted", "unknown", "1", "0", ""],
            vec!["provider", "unknown", "1", "0", ""],
            vec!["timeout", "504", "3", "150.5", "75.25"],
        ]
    );
    assert_eq!(count(&source.rows(&everything()).await.unwrap()), 8.0);
}

#[tokio::test]
async fn a_question_that_nothing_matches_has_one_answer_without_by_and_none_with_it() {
    let logs = Logs::new();
    logs.append("{}\n");
    let total = question(json!({"where": {"event": ["none"]}, "sum": ["ms"]}));
    let by = question(json!({"where": {"event": ["none"]}, "by": ["class"]}));
    let mut source = logs.source("", &[total.clone(), by.clone()]);
    assert_eq!(source.rows(&total).await.unwrap().rows, [vec![number(0.0), number(0.0), Cell::Null]]);
    let rows = source.rows(&by).await.unwrap();
    assert_eq!((rows.columns, rows.rows), (vec!["class".to_owned(), "count".to_owned()], vec![]));
}

#[tokio::test]
async fn a_question_that_was_not_declared_is_refused() {
    let logs = Logs::new();
    logs.append("{}\n");
    let problem = logs.source("", &[]).rows(&everything()).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Query);
}

#[tokio::test]
async fn windows_hold_what_was_written_in_them() {
    let logs = Logs::new();
    let [minute, hour, day] = ["1m", "1h", "1d"].map(|window| question(json!({"window": window})));
    // Each in the middle of what has to be distinguished.
    for (age, unit) in [(30.0, 1.0), (30.0 * 60.0, 1e3), (12.0 * 3600.0, 1e6), (48.0 * 3600.0, 1e9)] {
        logs.append(line(&json!({"time": seconds_ago(age) * unit})));
    }
    // The clock of the writer runs ahead; and one line that does not say when it was written.
    logs.append(line(&json!({"time": seconds_ago(-86_400.0)})));
    logs.append(line(&json!({})));
    let mut source = logs.source("", &[minute.clone(), hour.clone(), day.clone(), everything()]);
    for (question, expected) in [(minute, 3.0), (hour, 4.0), (day, 5.0), (everything(), 6.0)] {
        assert_eq!(count(&source.rows(&question).await.unwrap()), expected, "{question:?}");
    }
}

#[tokio::test]
async fn lines_leave_a_window_with_time() {
    let logs = Logs::new();
    let recent = question(json!({"window": "2s", "by": ["class"]}));
    let mut source = logs.source("", std::slice::from_ref(&recent));
    logs.append(line(&json!({"class": "a"})));
    assert_eq!(table(&source.rows(&recent).await.unwrap()), [["a", "1"]]);
    testkit::wait::eventually(Duration::from_secs(10), "the line leaves", async || {
        source.rows(&recent).await.unwrap().rows.is_empty()
    })
    .await;
}

#[tokio::test]
async fn times_are_read_as_programs_write_them() {
    let logs = Logs::new();
    let day = question(json!({"window": "1d"}));
    let mut source = logs.source("timestamp_field: at.written", std::slice::from_ref(&day));
    let now = jiff::Timestamp::now();
    let texts = [
        now.to_string(),
        now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2))).strftime("%FT%T.%f%:z").to_string(),
        now.strftime("%F %T,%3f").to_string(),
        now.as_millisecond().to_string(),
    ];
    for text in &texts {
        logs.append(line(&json!({"at": {"written": text}, "ts": 1})));
    }
    assert_eq!(count(&source.rows(&day).await.unwrap()), 4.0, "{texts:?}");
    let observation = source.probe().await.unwrap();
    let last = logs.value(&observation, "logfile_last_line_timestamp_seconds");
    assert!((last - seconds_ago(0.0)).abs() < 60.0, "{last}");
    // Long ago: out of the window.
    logs.append(line(&json!({"at": {"written": "2001-09-09T01:46:40Z"}})));
    assert_eq!(count(&source.rows(&day).await.unwrap()), 4.0);
}

fn lines_of(users: std::ops::Range<u32>) -> String {
    users.map(|user| line(&json!({"user": user, "ms": 2}))).collect()
}

/// The lines that were counted, and those of them that were counted under `other`.
fn counted(rows: &Rows) -> (f64, f64) {
    let count = rows.column("count").expect("every answer counts");
    let sum = |is_wanted: &dyn Fn(&str) -> bool| {
        let wanted = rows.rows.iter().filter(|row| is_wanted(&row[0].text().expect("a label")));
        wanted.filter_map(|row| row[count].number()).sum::<f64>()
    };
    (sum(&|_| true), sum(&|label| label == "other"))
}

#[tokio::test]
async fn combinations_beyond_a_thousand_are_counted_together() {
    let logs = Logs::new();
    let by = question(json!({"by": ["user"], "sum": ["ms"]}));
    let mut source = logs.remembering(&[by.clone(), everything()]);
    logs.append(lines_of(0..1000));
    logs.append(lines_of(0..1000));
    let rows = source.rows(&by).await.unwrap();
    assert_eq!((rows.rows.len(), counted(&rows), rows.folded), (1000, (2000.0, 0.0), 0));
    logs.append(lines_of(1000..1500));
    logs.append(lines_of(1200..1300));
    logs.append(lines_of(7..8));
    let rows = source.rows(&by).await.unwrap();
    assert_eq!((rows.rows.len(), counted(&rows), rows.folded), (1001, (2601.0, 600.0), 500));
    let other = rows.rows.iter().find(|row| row[0].text().as_deref() == Some("other")).expect("it is there");
    assert_eq!(other[1..], [number(600.0), number(1200.0), number(2.0)]);
    assert_eq!(source.probe().await.unwrap().problems, []);
    assert_eq!(count(&source.rows(&everything()).await.unwrap()), 2601.0);
    // Nothing that was counted is lost with a restart, and no combination moves.
    drop(source);
    logs.append(lines_of(1400..1600));
    let mut source = logs.remembering(&[by.clone(), everything()]);
    let rows = source.rows(&by).await.unwrap();
    assert_eq!((rows.rows.len(), counted(&rows)), (1001, (2801.0, 800.0)));
    assert!(rows.folded >= 200, "{}", rows.folded);
}

#[tokio::test]
async fn what_is_counted_together_leaves_the_window_as_everything_does() {
    let logs = Logs::new();
    let recent = question(json!({"by": ["user"], "window": "2s"}));
    let mut source = logs.source("", std::slice::from_ref(&recent));
    logs.append(lines_of(0..1100));
    let rows = source.rows(&recent).await.unwrap();
    assert_eq!((counted(&rows), rows.folded), ((1100.0, 100.0), 100));
    testkit::wait::eventually(Duration::from_secs(10), "the lines leave", async || {
        let rows = source.rows(&recent).await.unwrap();
        rows.rows.is_empty() && rows.folded == 0
    })
    .await;
    logs.append(lines_of(1000..1100));
    let rows = source.rows(&recent).await.unwrap();
    assert_eq!((rows.rows.len(), counted(&rows), rows.folded), (100, (100.0, 0.0), 0));
}

/// Writes the content of a state file, with its checksum.
fn rewrite(path: &std::path::Path, state: &str) {
    let checksum = ring::digest::digest(&ring::digest::SHA256, state.as_bytes());
    let checksum: String = checksum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(path, format!("{checksum}\n{state}")).expect("the directory is writable");
}

/// Versions that counted no further wrote the same file.
#[tokio::test]
async fn counts_of_an_older_version_are_continued() {
    let logs = Logs::new();
    let by = question(json!({"by": ["user"], "sum": ["ms"]}));
    logs.append(lines_of(0..1000));
    let mut source = logs.remembering(std::slice::from_ref(&by));
    assert_eq!(source.rows(&by).await.unwrap().rows.len(), 1000);
    drop(source);
    let path = logs.state.path().join("logfile-subject.json");
    let state = std::fs::read_to_string(&path).expect("it is there");
    assert!(state.contains("\"overflow\":null"), "{state}");
    let (_, state) = state.split_once('\n').expect("a checksum stands first");
    rewrite(&path, &state.replace("\"overflow\":null", "\"overflow\":0"));
    logs.append(lines_of(999..1010));
    let rows = logs.remembering(std::slice::from_ref(&by)).rows(&by).await.unwrap();
    assert_eq!((counted(&rows), rows.folded), ((1011.0, 10.0), 10));
}

/// What a line of the greatest length takes is bounded by that length; what is nested too deeply is malformed.
#[tokio::test]
async fn lines_of_many_or_nested_values_cost_a_line() {
    let logs = Logs::new();
    let nested =
        |depth: usize| format!("{{\"class\": \"a\", \"x\": {}{}}}\n", "[".repeat(depth), "]".repeat(depth));
    logs.append(nested(100));
    logs.append(nested(100_000));
    logs.append(format!("{{\"class\": \"b\", \"x\": [{}[]]}}\n", "[],".repeat(340_000)));
    let by = question(json!({"by": ["class"]}));
    let mut source = logs.source("", std::slice::from_ref(&by));
    assert_eq!(table(&source.rows(&by).await.unwrap()), [["a", "1"], ["b", "1"]]);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 1.0);
}

#[tokio::test]
async fn wrong_bytes_holes_and_giants_cost_their_own_line_at_most() {
    let logs = Logs::new();
    logs.append(b"{\"message\": \"caf\xe9\", \"class\": \"a\"}\n");
    logs.append("{\"class\": \"b\"}\r\n");
    logs.append([b"{\"message\": \"", &[b'x'; 3 << 20][..], b"\"}\n"].concat());
    // A program that did not see a truncation goes on at its old offset, and leaves zeros before its line.
    logs.append([&[0; 2 << 20][..], b"{\"class\": \"c\"}\n"].concat());
    let by = question(json!({"by": ["class"]}));
    let mut source = logs.source("", std::slice::from_ref(&by));
    assert_eq!(table(&source.rows(&by).await.unwrap()), [["a", "1"], ["b", "1"], ["c", "1"]]);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_lines_total"), 4.0);
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 1.0);
}

#[tokio::test]
async fn no_content_leaves_the_log() {
    const CONTENT: &str = "4111-1111-1111-1111";
    let logs = Logs::new();
    logs.append(line(&json!({"message": CONTENT, "class": "a"})));
    logs.append(format!("{CONTENT}\n{{\"begun\": \"{CONTENT}"));
    let by = question(json!({"by": ["class"], "where": {"class": ["a"]}}));
    let mut source = logs.remembering(std::slice::from_ref(&by));
    let observation = source.probe().await.unwrap();
    assert!(!format!("{observation:?}").contains(CONTENT));
    assert!(!format!("{:?}", source.rows(&by).await).contains(CONTENT));
    for entry in std::fs::read_dir(logs.state.path()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains("app.log") && !text.contains(CONTENT), "{text}");
    }
}
