//! Files that were at the path only between two looks.

use std::fs;
use std::time::Duration;

use super::rotation::total;
use super::{Logs, append, everything};
use testkit::wait::eventually;

#[tokio::test]
async fn a_file_that_came_and_went_between_two_looks_is_read() {
    let logs = Logs::new();
    // Neither a log of its own nor what lay there before is a part of this one.
    append(&logs.beside("app.log.7"), "{}\n{}\n");
    let created = |name: &str| fs::metadata(logs.beside(name)).unwrap().created().unwrap();
    eventually(Duration::from_secs(10), "the clock of the file system has moved on", async || {
        let _ = fs::remove_file(logs.beside("now"));
        append(&logs.beside("now"), "");
        created("now") > created("app.log.7") + Duration::from_millis(10)
    })
    .await;
    let mut source = logs.source("", &[everything()]);
    logs.append("{}\n");
    assert_eq!(total(&mut source).await, 1.0);
    logs.append("{}\n");
    fs::rename(logs.path(), logs.beside("app.log.3")).unwrap();
    for name in ["app.log.2", "app.log-20260101"] {
        logs.append("{}\n{}\n");
        fs::rename(logs.path(), logs.beside(name)).unwrap();
    }
    append(&logs.beside("app.log.errors"), "{}\n");
    append(&logs.beside("app.log.4.gz"), "\x1f\x08");
    logs.append("{}\n");
    assert_eq!(total(&mut source).await, 7.0);
    assert_eq!(total(&mut source).await, 7.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 3.0);
    assert_eq!(logs.value(&observation, "logfile_malformed_lines_total"), 0.0);
}

#[tokio::test]
async fn of_hundreds_of_files_the_last_are_read_and_the_rest_is_a_problem() {
    let logs = Logs::new();
    let mut source = logs.source("", &[everything()]);
    logs.append("{}\n");
    assert_eq!(total(&mut source).await, 1.0);
    for number in 0..40 {
        fs::rename(logs.path(), logs.beside(&format!("app.log.{number}"))).unwrap();
        logs.append("{}\n");
    }
    let observation = source.probe().await.unwrap();
    let [problem] = &observation.problems[..] else { panic!("{:?}", observation.problems) };
    assert!(problem.to_string().contains("the oldest 7 files were not read"), "{problem}");
    // 32 that were missed, the one before them and the one at the path.
    assert_eq!(total(&mut source).await, 34.0);
}

#[tokio::test]
async fn a_file_that_came_and_went_while_the_exporter_was_down_is_read() {
    let logs = Logs::new();
    logs.append("{}\n");
    let mut source = logs.remembering(&[everything()]);
    assert_eq!(total(&mut source).await, 1.0);
    drop(source);
    for name in ["app.log.2", "app.log.1"] {
        logs.append("{}\n");
        fs::rename(logs.path(), logs.beside(name)).unwrap();
    }
    logs.append("{}\n");
    let mut source = logs.remembering(&[everything()]);
    assert_eq!(total(&mut source).await, 4.0);
    let observation = source.probe().await.unwrap();
    assert_eq!(logs.value(&observation, "logfile_rotations_total"), 2.0);
}
