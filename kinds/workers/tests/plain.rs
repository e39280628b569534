//! Heartbeats that applications write into Redis themselves.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Cell, Columns, Question, Rows, lane};
use platform_core::setting::SourceName;
use platform_exporter::registry::Kind;
use serde_json::json;

use super::{beside, class, labels, named, of_class, probe, reasons, seconds_ago, states};
use testkit::redis::Redis;
use testkit::subject::{Subject, Surroundings, source, value};
use testkit::wait::eventually;

async fn zadd(server: &Redis, key: &str, worker: &str, at: f64) {
    server.run::<()>(&["ZADD", key, &at.to_string(), worker]).await;
}

#[tokio::test]
async fn a_sorted_set_holds_workers_and_times() {
    let server = Redis::start().await;
    let mut subject = class(&server, "layout: zset, key: hb, expected: 2, interval: 30s");
    for (worker, age) in [("a", 1.0), ("b", 80.0), ("gone", 100.0), ("ahead", -5.0)] {
        zadd(&server, "hb", worker, seconds_ago(age)).await;
    }
    let observation = probe(&mut subject).await;
    assert_eq!(observation.problems, []);
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    assert_eq!(of_class(&observation, "workers_expected"), Some(2.0));
    assert_eq!(of_class(&observation, "worker_heartbeat_interval_seconds"), Some(30.0));
    let at = value(&observation.families, "worker_heartbeat_timestamp_seconds", &["c", "b"]).unwrap();
    assert!((at - seconds_ago(80.0)).abs() < 5.0, "{at}");
    assert!(of_class(&observation, "worker_clock_skew_seconds").unwrap().abs() < 0.1, "the same machine");
    assert_eq!(states(&observation), [], "this layout has no states");

    // Two go, then all; the last one by leaving the set.
    zadd(&server, "hb", "a", seconds_ago(200.0)).await;
    server.run::<()>(&["ZREM", "hb", "ahead"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(1.0));
    assert_eq!(reasons(&observation), [Reason::Stale]);
    assert_eq!(observation.problems[0].detail, "class c: 1 of 2 workers are alive");
    server.run::<()>(&["DEL", "hb"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(0.0), "all gone is 0 and not absent");
    assert_eq!(reasons(&observation), [Reason::Stale]);
}

#[tokio::test]
async fn grace_says_how_late_a_heartbeat_may_be() {
    let server = Redis::start().await;
    zadd(&server, "hb", "nightly", seconds_ago(3700.0)).await;
    for (keys, alive) in
        [("interval: 1h, grace: 1m", 0.0), ("interval: 1h, grace: 10m", 1.0), ("interval: 1h", 1.0)]
    {
        let mut subject = class(&server, &format!("layout: zset, key: hb, {keys}"));
        assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(alive), "{keys}");
    }
}

#[tokio::test]
async fn a_hash_holds_times_or_what_workers_say() {
    let server = Redis::start().await;
    let mut subject =
        class(&server, "layout: hash, key: hb, interval: 30s, states: [active, idle], expected: 4");
    let now = seconds_ago(0.0).floor();
    let gpu = |at: f64, state: &str, spot: bool| {
        format!(
            r#"{{"at": {at}, "state": "{state}", "instance_type": "g5.xlarge", "spot": {spot}, "progress_at": {at}}}"#
        )
    };
    let iso = "2026-01-01T00:00:00Z";
    for (worker, text) in [
        ("seconds", now.to_string()),
        ("milliseconds", format!("{:.0}", now * 1e3)),
        ("long-ago", iso.to_owned()),
        ("gpu-1", gpu(now, "active", true)),
        ("gpu-2", gpu(seconds_ago(120.0), "idle", false)),
    ] {
        server.run::<()>(&["HSET", "hb", worker, &text]).await;
    }
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    let at = value(&observation.families, "worker_heartbeat_timestamp_seconds", &["c", "long-ago"]);
    assert_eq!(at, Some(1_767_225_600.0));
    let at =
        value(&observation.families, "worker_heartbeat_timestamp_seconds", &["c", "milliseconds"]).unwrap();
    assert!((at - now).abs() < 0.01, "{at}");
    assert_eq!(
        labels(&observation.families, "worker_info"),
        [["gpu-1", "active", "g5.xlarge", "spot"], ["gpu-2", "offline", "g5.xlarge", "on-demand"]]
    );
    // Three are heard, of four that are expected; the fifth is of no interest.
    assert_eq!(
        states(&observation),
        named(&[("active", 1.0), ("idle", 0.0), ("offline", 1.0), ("unknown", 2.0)])
    );
    assert_eq!(of_class(&observation, "worker_last_progress_timestamp_seconds"), Some(now));

    server.run::<()>(&["DEL", "hb"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(states(&observation), named(&[("active", 0.0), ("idle", 0.0), ("offline", 4.0)]));
}

/// Nothing expires in a hash, so an entry without a time says nothing of a worker that may be long gone.
#[tokio::test]
async fn a_worker_in_a_hash_without_a_readable_time_is_dead() {
    let server = Redis::start().await;
    for (worker, text) in [
        ("flag", "1"),
        ("word", "alive"),
        ("unreadable", r#"{"at": "yesterday", "state": "active"}"#),
        ("timeless", r#"{"state": "active"}"#),
        ("dismissed", r#"{"alive": false}"#),
        ("confirmed", r#"{"alive": true}"#),
    ] {
        server.run::<()>(&["HSET", "hb", worker, text]).await;
    }
    server.run::<()>(&["HSET", "hb", "timed", &seconds_ago(1.0).to_string()]).await;
    let observation = probe(&mut class(&server, "layout: hash, key: hb, expected: 3")).await;
    assert_eq!(
        (of_class(&observation, "workers_alive"), reasons(&observation)),
        (Some(2.0), vec![Reason::Stale])
    );
    assert_eq!(states(&observation), named(&[("offline", 1.0), ("unknown", 2.0)]));
}

/// The clock of a worker is an hour ahead: it lives while its heartbeat changes.
#[tokio::test]
async fn a_heartbeat_from_the_future_does_not_outlive_its_worker() {
    let server = Redis::start().await;
    for (keys, layout) in [("z", "zset"), ("h", "hash")] {
        let beat = async |at: f64| match layout {
            "zset" => zadd(&server, keys, "ahead", at).await,
            _ => server.run::<()>(&["HSET", keys, "ahead", &at.to_string()]).await,
        };
        beat(seconds_ago(-3600.0)).await;
        let mut subject = class(&server, &format!("layout: {layout}, key: {keys}, interval: 1s, grace: 1s"));
        assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(1.0));
        let at = async |subject: &mut Subject| of_class(&probe(subject).await, "workers_alive");
        eventually(Duration::from_secs(10), "it is missed", async || at(&mut subject).await == Some(0.0))
            .await;
        beat(seconds_ago(-3600.0)).await;
        assert_eq!(at(&mut subject).await, Some(1.0), "it has changed");
    }
}

#[tokio::test]
async fn keys_hold_a_time_or_are_there_for_as_long_as_the_worker_is() {
    let server = Redis::start().await;
    let mut subject = class(&server, "layout: keys, pattern: 'hb:mail:*:up', expected: 3");
    for (key, text) in [
        ("hb:mail:a:up", seconds_ago(1.0).to_string()),
        ("hb:mail:b:up", seconds_ago(1000.0).to_string()),
        ("hb:mail:c:up", "1".to_owned()),
        ("hb:mail:d:up", "alive".to_owned()),
        ("hb:mail:e", seconds_ago(1.0).to_string()),
        ("hb:other:f:up", seconds_ago(1.0).to_string()),
    ] {
        server.run::<()>(&["SET", key, &text, "EX", "1000"]).await;
    }
    server.run::<()>(&["HSET", "hb:mail:g:up", "field", "1"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(4.0));
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds"), [["a"], ["b"]]);
    // What expires is gone.
    server.run::<()>(&["PEXPIRE", "hb:mail:c:up", "1"]).await;
    server.run::<()>(&["PEXPIRE", "hb:mail:d:up", "1"]).await;
    testkit::wait::eventually(Duration::from_secs(5), "two expire", async || {
        let observation = probe(&mut subject).await;
        of_class(&observation, "workers_alive") == Some(2.0) && reasons(&observation) == [Reason::Stale]
    })
    .await;
}

#[tokio::test]
async fn many_workers_are_counted_and_the_freshest_shown() {
    let server = Redis::start().await;
    let mut words = vec!["ZADD".to_owned(), "hb".to_owned()];
    for number in 0..1000 {
        words.extend([seconds_ago(f64::from(number) / 100.0).to_string(), format!("worker-{number:04}")]);
    }
    server.run::<()>(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let observation = probe(&mut class(&server, "layout: zset, key: hb")).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(1000.0));
    let shown = labels(&observation.families, "worker_heartbeat_timestamp_seconds");
    assert_eq!((shown.len(), shown[199][0].as_str()), (200, "worker-0199"));
}

#[tokio::test]
async fn a_large_hash_is_not_read() {
    let server = Redis::start().await;
    let fill = "for i = 1, 10001 do redis.call('HSET', 'hb', i, '1') end";
    server.run::<()>(&["EVAL", fill, "0"]).await;
    let problem = class(&server, "layout: hash, key: hb").probe().await.unwrap_err();
    assert_eq!(problem.reason, Reason::Cardinality, "{problem}");
}

/// A Redis source whose server has another time.
struct Elsewhen {
    source: Subject,
    ahead: f64,
}

#[async_trait::async_trait]
impl Answers for Elsewhen {
    async fn rows(&mut self, question: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        let mut rows = self.source.rows(question).await?;
        if question.value()["command"] == json!(["TIME"]) {
            let now = rows.rows[0][0].number().expect("a time");
            rows.rows[0][0] = Cell::Number(now + self.ahead);
        }
        Ok(rows)
    }
}

#[tokio::test]
async fn the_clock_of_the_store_counts_and_not_ours() {
    let server = Redis::start().await;
    for ahead in [3600.0, -3600.0] {
        let source = source(&format!("redis: {{url: '{}'}}", server.url()));
        let (asking, mut inbox) = lane();
        tokio::spawn(async move { inbox.serve(&mut Elsewhen { source, ahead }).await });
        let mut surroundings = Surroundings::default();
        surroundings.lanes.insert(SourceName::try_from("cache".to_owned()).unwrap(), asking);
        let mut subject =
            surroundings.source("workers: {classes: {c: {from: cache, layout: zset, key: hb, expected: 1}}}");
        zadd(&server, "hb", "fresh", seconds_ago(10.0 - ahead)).await;
        zadd(&server, "hb", "late", seconds_ago(100.0 - ahead)).await;
        let observation = probe(&mut subject).await;
        assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (Some(1.0), vec![]));
        let skew = of_class(&observation, "worker_clock_skew_seconds").unwrap();
        assert!((skew - ahead).abs() < 1.0, "{skew}");
    }
}

#[tokio::test]
async fn every_family_is_in_the_catalogue_and_the_other_way_round() {
    let server = Redis::start().await;
    let at = seconds_ago(0.0);
    let text = format!(r#"{{"at": {at}, "state": "active", "progress_at": {at}, "busy": 1, "slots": 4}}"#);
    server.run::<()>(&["HSET", "hb", "a", &text]).await;
    let classes = "{c: {from: cache, layout: hash, key: hb, expected: 1}, pushed: {push: true, token: secret, interval: 1h}}";
    let observation = probe(&mut beside(&server).source(&format!("workers: {{classes: {classes}}}"))).await;
    let mut given: Vec<_> = observation.families.iter().map(|family| family.desc.name.clone()).collect();
    let mut catalogue: Vec<_> =
        (Kind::Workers.facts().catalogue)().into_iter().map(|desc| desc.name).collect();
    given.sort();
    catalogue.sort();
    assert_eq!(given, catalogue);
    assert_eq!(of_class(&observation, "workers_busy"), Some(1.0));
    assert_eq!(of_class(&observation, "worker_slots"), Some(4.0));
}
