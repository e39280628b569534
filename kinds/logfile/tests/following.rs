//! Files that are not there, may not be read, hang, or are larger than a turn.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use platform_core::probe::Reason;

use super::{Logs, append, count, everything};
use testkit::subject::{Surroundings, config, source, value};

#[tokio::test]
async fn counting_begins_at_the_end_of_a_file_that_was_there_and_at_the_start_of_one_that_comes() {
    let logs = Logs::new();
    logs.append("{}\n{}\n{\"begun\": ");
    let mut source = logs.source_from("end", "", &[everything()]);
    assert_eq!(count(&source.rows(&everything()).await.unwrap()), 0.0);
    // The rest of the line that was being written is none of ours.
    logs.append("1}\n{}\n");
    assert_eq!(count(&source.rows(&everything()).await.unwrap()), 1.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);

    let logs = Logs::new();
    let mut source = logs.source_from("end", "", &[everything()]);
    assert_eq!(source.probe().await.unwrap_err().reason, Reason::NotFound);
    assert_eq!(source.rows(&everything()).await.unwrap_err().reason, Reason::NotFound);
    logs.append("{}\n{}\n");
    assert_eq!(count(&source.rows(&everything()).await.unwrap()), 2.0);
    assert_eq!(source.probe().await.unwrap().problems, []);
}

#[tokio::test]
async fn the_last_line_counts_when_its_line_break_comes() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    for (text, expected) in
        [("{\"a\"", 0.0), (": 1", 0.0), ("}", 0.0), ("\n", 1.0), ("{}", 1.0), ("\n{}\n", 3.0)]
    {
        logs.append(text);
        assert_eq!(count(&source.rows(&everything()).await.unwrap()), expected, "{text:?}");
    }
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_a_permission_problem() {
    // Write-only for root too.
    let mut subject = source("logfile: {path: /sys/bus/platform/drivers_probe}");
    let problem = subject.probe().await.unwrap_err();
    assert_eq!(problem.reason, Reason::Permission, "{problem}");

    let logs = Logs::new();
    logs.append("{}\n");
    let yaml = format!(
        "logfile: {{paths: [{}, /sys/bus/platform/drivers_probe], from: beginning}}",
        logs.path().display()
    );
    let mut both = Surroundings { questions: vec![everything()], ..Surroundings::default() }.source(&yaml);
    let observation = both.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_lines_total"), 1.0);
    let [problem] = &observation.problems[..] else { panic!("{:?}", observation.problems) };
    assert_eq!(problem.reason, Reason::Permission);
    assert!(problem.detail.contains("/sys/bus/platform/drivers_probe"), "{problem}");
    assert_eq!(count(&both.rows(&everything()).await.unwrap()), 1.0);
}

/// Makes a named pipe.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo is there").success());
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    let logs = Logs::new();
    pipe(&logs.path());
    let problem = logs.source("", &[]).probe().await.unwrap_err();
    assert_eq!(problem.reason, Reason::NotFound, "{problem}");
    let mut directory = source(&format!("logfile: {{path: {}}}", logs.directory.path().display()));
    assert_eq!(directory.probe().await.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test]
async fn a_read_that_hangs_is_a_timeout_and_does_not_pile_up() {
    let logs = Logs::new();
    logs.append("{}\n");
    // Opening a pipe hangs until its other end is there: as a dead network file system does.
    let state = logs.state.path().join("logfile-subject.json");
    pipe(&state);
    let yaml = format!("logfile: {{path: {}, from: beginning}}", logs.path().display());
    let surroundings = Surroundings {
        timeout: Duration::from_millis(300),
        questions: vec![everything()],
        state_dir: Some(logs.state.path().to_owned()),
        ..Surroundings::default()
    };
    let mut subject = surroundings.source(&yaml);
    for _ in 0..3 {
        assert_eq!(subject.probe().await.unwrap_err().reason, Reason::Timeout);
        assert_eq!(subject.rows(&everything()).await.unwrap_err().reason, Reason::Timeout);
    }
    // One writer lets one reader go on: there is no other.
    drop(fs::OpenOptions::new().write(true).open(&state).unwrap());
    logs.append("{}\n");
    testkit::wait::eventually(Duration::from_secs(10), "it answers again", async || {
        subject.probe().await.is_ok()
    })
    .await;
    assert_eq!(count(&subject.rows(&everything()).await.unwrap()), 2.0);
}

#[tokio::test]
async fn a_backlog_is_read_in_parts_that_do_not_wait_for_the_next_probe() {
    const LINES: usize = 1500;
    let logs = Logs::new();
    let line = format!("{{\"text\": \"{}\"}}\n", "x".repeat(100_000));
    let mut file = super::appender(&logs.path());
    for _ in 0..LINES {
        file.write_all(line.as_bytes()).unwrap();
    }
    let size = line.len() * LINES;
    let mut subject = logs.remembering(&[everything()]);
    let observation = subject.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_size_bytes"), size as f64);
    let offset = logs.value(&observation, "logfile_offset_bytes");
    assert!(offset > 0.0 && offset <= f64::from(128 << 20), "{offset}");
    let [problem] = &observation.problems[..] else { panic!("{:?}", observation.problems) };
    assert_eq!(problem.reason, Reason::Slow);
    assert!(problem.detail.ends_with(" MiB are not read yet"), "{problem}");

    let state = logs.state.path().join("logfile-subject.json");
    testkit::wait::eventually(Duration::from_secs(60), "all is read", async || {
        fs::read_to_string(&state).unwrap().contains(&format!("\"offset\":{size}"))
    })
    .await;
    let observation = subject.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_offset_bytes"), size as f64);
    assert_eq!(observation.problems, []);
    assert_eq!(count(&subject.rows(&everything()).await.unwrap()), LINES as f64);
}

#[tokio::test]
async fn a_file_without_new_lines_is_stale() {
    let logs = Logs::new();
    logs.append("{\"ts\": 1700000000}\n");
    let mut old = logs.source_from("end", "stale_after: 1h", &[]);
    assert_eq!(old.probe().await.unwrap().problems, [], "written to just now");
    let file = fs::File::options().write(true).open(logs.path()).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(7200)).unwrap();
    let mut old = logs.source_from("end", "stale_after: 1h", &[]);
    let observation = old.probe().await.unwrap();
    let [problem] = &observation.problems[..] else { panic!("{:?}", observation.problems) };
    assert_eq!(problem.reason, Reason::Stale);
    assert!(!observation.families.is_empty());
    logs.append("{}\n");
    assert_eq!(old.probe().await.unwrap().problems, []);
}

#[tokio::test]
async fn several_files_are_counted_together() {
    let logs = Logs::new();
    let other = logs.beside("other.log");
    logs.append("{}\n");
    append(&other, "{}\n{}\n");
    let yaml = format!(
        "logfile: {{path: {}, paths: [{}], from: beginning}}",
        logs.path().display(),
        other.display()
    );
    let mut both = Surroundings { questions: vec![everything()], ..Surroundings::default() }.source(&yaml);
    assert_eq!(count(&both.rows(&everything()).await.unwrap()), 3.0);
    let families = both.probe().await.unwrap().families;
    let other = other.display().to_string();
    assert_eq!(value(&families, "logfile_lines_total", &[&other]), Some(2.0));
    // One is gone: the other goes on.
    fs::remove_file(logs.path()).unwrap();
    both.probe().await.unwrap();
    let observation = both.probe().await.unwrap();
    assert_eq!(
        observation.problems.iter().map(|problem| problem.reason).collect::<Vec<_>>(),
        [Reason::NotFound]
    );
    assert_eq!(value(&observation.families, "logfile_lines_total", &[&other]), Some(2.0));
}

#[test]
fn the_keys_are_checked() {
    for (yaml, expected) in [
        ("logfile: {}", "expected `path: /var/log/app.log`"),
        ("logfile: {paths: []}", "expected `path: /var/log/app.log`"),
        ("logfile: {path: /a, paths: [/b, /a]}", "listed twice"),
        ("logfile: {path: /a, from: start}", "expected one of beginning, end"),
        ("logfile: {path: /a, stale_after: soon}", "expected a duration"),
        ("logfile: {path: /a, follow: true}", "unknown key"),
    ] {
        let faults = config(yaml).unwrap_err().to_string();
        assert!(faults.contains(expected), "{yaml}: {faults}");
    }
    let config = config("logfile: {path: /b, paths: [/a]}").unwrap();
    assert_eq!(config.definition().target(), "/a, /b");
}

#[test]
fn the_example_is_valid() {
    let example = include_str!("../example.yml");
    let config = testkit::config::load(example, "kinds/logfile/example.yml", &|_| None);
    assert_eq!(config.unwrap_or_else(|faults| panic!("{faults}")).queries().len(), 3);
}
