//! Heartbeats that workers push, across restarts of the exporter.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use platform_core::heartbeat::{Heartbeats, LARGEST, Push, Signal};
use platform_core::probe::Reason;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{labels, named, of_class, probe, reasons, states};
use testkit::subject::{Subject, Surroundings, config, value};

fn class(heartbeats: &Arc<Heartbeats>, keys: &str, state_dir: Option<&TempDir>) -> Subject {
    let state_dir = state_dir.map(|directory| directory.path().to_owned());
    let surroundings =
        Surroundings { heartbeats: Arc::clone(heartbeats), state_dir, ..Surroundings::default() };
    surroundings.source(&format!("workers: {{classes: {{c: {{push: true, token: secret, {keys}}}}}}}"))
}

fn ago(seconds: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(seconds)
}

#[tokio::test]
async fn workers_are_alive_while_they_push_and_do_not_fail() {
    let heartbeats = Arc::new(Heartbeats::default());
    for (worker, signal, age) in [
        ("a", Signal::Success, 10),
        ("b", Signal::Exit(0), 20),
        ("c", Signal::Start, 30),
        ("d", Signal::Fail, 10),
        ("e", Signal::Exit(3), 10),
        ("f", Signal::Success, 4000),
    ] {
        heartbeats.record("c", worker, Signal::Success, ago(5000)).unwrap();
        heartbeats.record("c", worker, signal, ago(age)).unwrap();
    }
    heartbeats.record("other", "x", Signal::Success, ago(0)).unwrap();
    let mut subject = class(&heartbeats, "interval: 1h, grace: 5m, expected: 4", None);
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    assert_eq!(of_class(&observation, "worker_heartbeat_interval_seconds"), Some(3600.0));
    assert_eq!(
        states(&observation),
        named(&[("failed", 2.0), ("offline", 0.0), ("running", 1.0), ("succeeded", 2.0)])
    );
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds").len(), 6);
    let progress = of_class(&observation, "worker_last_progress_timestamp_seconds").unwrap();
    assert!((progress - super::seconds_ago(10.0)).abs() < 3.0, "{progress}");
    // This process has heard the class for more than an hour, so what is missing is missing.
    assert_eq!(reasons(&observation), [Reason::Stale]);
}

#[tokio::test]
async fn an_exporter_that_has_just_started_misses_nobody_yet() {
    let heartbeats = Arc::new(Heartbeats::default());
    let mut subject = class(&heartbeats, "interval: 500ms, grace: 200ms, expected: 1", None);
    let observation = probe(&mut subject).await;
    assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (None, vec![]));
    assert_eq!(of_class(&observation, "workers_expected"), Some(1.0));
    heartbeats.record("c", "a", Signal::Success, ago(0)).unwrap();
    assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(1.0));
    testkit::wait::eventually(Duration::from_secs(5), "the worker is missed", async || {
        let observation = probe(&mut subject).await;
        of_class(&observation, "workers_alive") == Some(0.0) && reasons(&observation) == [Reason::Stale]
    })
    .await;
}

#[tokio::test]
async fn heartbeats_survive_a_restart() {
    let state = TempDir::new().unwrap();
    let heartbeats = Arc::new(Heartbeats::default());
    let keys = "interval: 1h, expected: 2";
    let mut subject = class(&heartbeats, keys, Some(&state));
    heartbeats.record("c", "a", Signal::Success, ago(60)).unwrap();
    heartbeats.record("c", "b", Signal::Success, ago(50)).unwrap();
    heartbeats.record("c", "b", Signal::Fail, ago(40)).unwrap();
    let before = probe(&mut subject).await;

    let heartbeats = Arc::new(Heartbeats::default());
    // It comes back before the first probe: newer than what was kept.
    heartbeats.record("c", "b", Signal::Success, ago(0)).unwrap();
    let after = probe(&mut class(&heartbeats, keys, Some(&state))).await;
    let at =
        |families, worker| value(families, "worker_heartbeat_timestamp_seconds", &["c", worker]).unwrap();
    assert_eq!(at(&after.families, "a"), at(&before.families, "a"));
    assert!(at(&after.families, "b") > at(&before.families, "b") + 30.0);
    assert_eq!(of_class(&after, "workers_alive"), Some(2.0));

    std::fs::write(state.path().join("workers-subject.json"), "{\"c\": [").unwrap();
    let after = probe(&mut class(&Arc::default(), keys, Some(&state))).await;
    assert_eq!((of_class(&after, "workers_alive"), reasons(&after)), (None, vec![]));
}

#[tokio::test]
async fn a_class_that_is_full_refuses_new_workers_says_so_and_leaves_room_for_others() {
    let heartbeats = Arc::new(Heartbeats::default());
    let mut subject = class(&heartbeats, "interval: 1h", None);
    for worker in 0..LARGEST {
        heartbeats.record("c", &worker.to_string(), Signal::Success, ago(0)).unwrap();
    }
    let refused = async |subject: &mut Subject| {
        let observation = probe(subject).await;
        (of_class(&observation, "worker_heartbeats_refused_total"), reasons(&observation))
    };
    assert_eq!(refused(&mut subject).await, (Some(0.0), vec![]));

    for worker in ["new", "newer"] {
        heartbeats.record("c", worker, Signal::Success, ago(0)).unwrap_err();
    }
    heartbeats.record("c", "17", Signal::Success, ago(0)).unwrap();
    heartbeats.record("other", "new", Signal::Success, ago(0)).unwrap();
    assert_eq!(refused(&mut subject).await, (Some(2.0), vec![Reason::Cardinality]));
}

#[tokio::test]
async fn workers_that_do_not_come_back_are_forgotten() {
    let heartbeats = Arc::new(Heartbeats::default());
    heartbeats.record("c", "old", Signal::Success, ago(86_400 + 60)).unwrap();
    heartbeats.record("c", "new", Signal::Success, ago(86_400 - 60)).unwrap();
    let observation = probe(&mut class(&heartbeats, "interval: 1m", None)).await;
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds"), [["new"]]);
}

#[tokio::test]
async fn tokens_belong_to_their_classes() {
    let config = config(
        "workers: {classes: {a: {push: true, token: hunter2, interval: 1m}, b: {push: true, token_file: /t, interval: 1m}}}",
    );
    let config = config.unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let tokens = config.definition().push_tokens();
    let names: Vec<_> = tokens.iter().map(|(class, _)| class.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(tokens[0].1.read().await.unwrap().expose_secret(), "hunter2");
}

#[test]
fn the_url_says_who_and_what() {
    let push = |path: &str| Push::parse(path).map(|push| (push.class, push.worker, push.signal));
    let expected = |signal| Some(("backup".to_owned(), "host-1".to_owned(), signal));
    for (path, signal) in [
        ("/heartbeat/backup/host-1", Signal::Success),
        ("/heartbeat/backup/host-1/start", Signal::Start),
        ("/heartbeat/backup/host-1/fail", Signal::Fail),
        ("/heartbeat/backup/host-1/0", Signal::Exit(0)),
        ("/heartbeat/backup/host-1/255", Signal::Exit(255)),
    ] {
        assert_eq!(push(path), expected(signal), "{path}");
    }
    for path in [
        "/heartbeat/backup",
        "/heartbeat/backup/",
        "/heartbeat//host-1",
        "/heartbeat/backup/host-1/256",
        "/heartbeat/backup/host-1/-1",
        "/heartbeat/backup/host-1/log",
        "/heartbeat/backup/host-1/start/x",
        "/heartbeat/back%20up/host-1",
        "/ping/backup/host-1",
    ] {
        assert_eq!(push(path), None, "{path}");
    }
}
