//! Job systems that keep their workers in Redis: what they write, word for word.

use std::time::Duration;

use platform_core::probe::Reason;

use super::{class, labels, named, of_class, probe, reasons, seconds_ago, states};
use testkit::redis::Redis;
use testkit::wait::eventually;

/// What a Sidekiq process writes every ten seconds.
pub(super) async fn sidekiq_beat(server: &Redis, namespace: &str, identity: &str, busy: u32, quiet: bool) {
    let [hostname, pid, _] = identity.split(':').collect::<Vec<_>>()[..] else { panic!("{identity}") };
    let info = format!(
        r#"{{"hostname":"{hostname}","started_at":1700000000.123,"pid":{pid},"tag":"shop","concurrency":10,"queues":["default","mailers"],"weights":[{{"default":0,"mailers":0}}],"labels":["reliable"],"identity":"{identity}","version":"7.2.4","embedded":false}}"#
    );
    let key = format!("{namespace}{identity}");
    server.run::<()>(&["SADD", &format!("{namespace}processes"), identity]).await;
    server
        .run::<()>(&[
            "HSET",
            &key,
            "info",
            &info,
            "busy",
            &busy.to_string(),
            "beat",
            &seconds_ago(3.0).to_string(),
            "rtt_us",
            "214",
            "quiet",
            &quiet.to_string(),
            "rss",
            "181232",
        ])
        .await;
    server.run::<()>(&["EXPIRE", &key, "60"]).await;
}

#[tokio::test]
async fn sidekiq() {
    let server = Redis::start().await;
    sidekiq_beat(&server, "", "web-1:4:0cb7a8f8d2f1", 3, false).await;
    sidekiq_beat(&server, "", "web-2:4:59f0a64e1b2c", 0, false).await;
    sidekiq_beat(&server, "", "web-3:4:8d1d5ce8bb31", 2, true).await;
    // It was killed: its hash has expired, its name has not been cleaned up.
    server.run::<()>(&["SADD", "processes", "web-0:4:ffffffffffff"]).await;
    sidekiq_beat(&server, "shop:", "other:9:000000000000", 1, false).await;
    let mut subject = class(&server, "layout: sidekiq, expected: 4");
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    assert_eq!(reasons(&observation), [Reason::Stale]);
    assert_eq!(of_class(&observation, "workers_busy"), Some(5.0));
    assert_eq!(of_class(&observation, "worker_slots"), Some(30.0));
    assert_eq!(of_class(&observation, "worker_heartbeat_interval_seconds"), Some(10.0));
    assert_eq!(
        states(&observation),
        named(&[("busy", 1.0), ("idle", 1.0), ("offline", 1.0), ("quiet", 1.0)])
    );
    assert_eq!(
        labels(&observation.families, "worker_heartbeat_timestamp_seconds"),
        [["web-1:4"], ["web-2:4"], ["web-3:4"]]
    );
    let observation = probe(&mut class(&server, "layout: sidekiq, namespace: shop")).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(1.0));
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds"), [["other:9"]]);

    server.run::<()>(&["FLUSHALL"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(0.0));
    assert_eq!(of_class(&observation, "workers_busy"), Some(0.0));
    assert_eq!(
        states(&observation),
        named(&[("busy", 0.0), ("idle", 0.0), ("offline", 4.0), ("quiet", 0.0)])
    );
}

#[tokio::test]
async fn a_sidekiq_process_may_be_held_to_its_rhythm() {
    let server = Redis::start().await;
    sidekiq_beat(&server, "", "web-1:4:0cb7a8f8d2f1", 0, false).await;
    server.run::<()>(&["HSET", "web-1:4:0cb7a8f8d2f1", "beat", &seconds_ago(45.0).to_string()]).await;
    for (keys, alive) in
        [("", 1.0), (", grace: 20s", 0.0), (", interval: 20s", 1.0), (", interval: 10s", 0.0)]
    {
        let mut subject = class(&server, &format!("layout: sidekiq{keys}"));
        assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(alive), "{keys}");
    }
}

/// What an RQ worker writes when it starts, and then renews.
pub(super) async fn rq_beat(server: &Redis, name: &str, queues: &[&str], state: &str) {
    let key = format!("rq:worker:{name}");
    let time = jiff::Timestamp::now().strftime("%FT%T.%6fZ").to_string();
    server.run::<()>(&["SADD", "rq:workers", &key]).await;
    for queue in queues {
        server.run::<()>(&["SADD", &format!("rq:workers:{queue}"), &key]).await;
    }
    server
        .run::<()>(&[
            "HSET",
            &key,
            "birth",
            "2026-01-01T08:00:00.000000Z",
            "last_heartbeat",
            &time,
            "queues",
            &queues.join(","),
            "pid",
            "71",
            "hostname",
            "worker-host",
            "ip_address",
            "10.0.0.7",
            "version",
            "1.16.2",
            "python_version",
            "3.12.4 (main, Jun 12 2026, 10:00:00) [GCC 12.2.0]",
            "state",
            state,
        ])
        .await;
    server.run::<()>(&["EXPIRE", &key, "480"]).await;
}

#[tokio::test]
async fn rq() {
    let server = Redis::start().await;
    rq_beat(&server, "9a1e", &["default", "emails"], "busy").await;
    rq_beat(&server, "77c0", &["emails"], "idle").await;
    server.run::<()>(&["SADD", "rq:workers", "rq:worker:expired"]).await;
    rq_beat(&server, "dying", &["default"], "idle").await;
    server.run::<()>(&["HSET", "rq:worker:dying", "death", "2026-01-01T09:00:00.000000Z"]).await;
    let observation = probe(&mut class(&server, "layout: rq, expected: 2")).await;
    assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (Some(2.0), vec![]));
    assert_eq!(of_class(&observation, "workers_busy"), Some(1.0));
    assert_eq!(of_class(&observation, "worker_slots"), Some(2.0));
    assert_eq!(
        states(&observation),
        named(&[("busy", 1.0), ("idle", 1.0), ("offline", 0.0), ("started", 0.0), ("suspended", 0.0)])
    );
    let beats = labels(&observation.families, "worker_heartbeat_timestamp_seconds");
    assert_eq!(beats, [["77c0"], ["9a1e"]]);
    let observation = probe(&mut class(&server, "layout: rq, queue: default")).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(1.0));
}

#[tokio::test]
async fn resque() {
    let server = Redis::start().await;
    let iso = |age: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(age);
        at.strftime("%FT%T+00:00").to_string()
    };
    // The third is of a version without heartbeats, the fourth has died, the fifth has left.
    for (worker, age) in
        [("a:1:mail,high", Some(20)), ("a:2:*", Some(30)), ("b:3:low", None), ("b:4:low", Some(400))]
    {
        server.run::<()>(&["SADD", "resque:workers", worker]).await;
        server
            .run::<()>(&["SET", &format!("resque:worker:{worker}:started"), "2026-01-01 08:00:00 +0000"])
            .await;
        if let Some(age) = age {
            server.run::<()>(&["HSET", "resque:workers:heartbeat", worker, &iso(age)]).await;
        }
    }
    server.run::<()>(&["HSET", "resque:workers:heartbeat", "b:5:low", &iso(10)]).await;
    let job = r#"{"queue":"mail","run_at":"2026-01-01T08:00:00Z","payload":{"class":"Mail","args":[7]}}"#;
    server.run::<()>(&["SET", "resque:worker:a:1:mail,high", job]).await;
    let mut subject = class(&server, "layout: resque, expected: 4");
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    assert_eq!(reasons(&observation), [Reason::Stale]);
    assert_eq!(of_class(&observation, "workers_busy"), Some(1.0));
    assert_eq!(states(&observation), named(&[("busy", 1.0), ("idle", 2.0), ("offline", 1.0)]));
    let beats = labels(&observation.families, "worker_heartbeat_timestamp_seconds");
    assert_eq!(beats, [["a:1:mail,high"], ["a:2:*"], ["b:4:low"]]);
    server.run::<()>(&["FLUSHALL"]).await;
    assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(0.0));
}

#[tokio::test]
async fn bullmq() {
    let server = Redis::start().await;
    // `bull:` and the queue's name in Base64, as BullMQ names the blocking connections of its workers.
    let mut connections = Vec::new();
    for name in [
        "bull:ZW1haWxz",
        "bull:ZW1haWxz",
        "bull:ZW1haWxz:w:mailer-1",
        "bull:ZW1haWxz:qe",
        "bull:b3RoZXI=",
        "bull:ZW1haWxzMg==",
    ] {
        let mut connection = server.connection().await;
        redis::cmd("CLIENT").arg("SETNAME").arg(name).query_async::<()>(&mut connection).await.unwrap();
        connections.push(connection);
    }
    let mut subject = class(&server, "layout: bullmq, queue: emails, expected: 3");
    let observation = probe(&mut subject).await;
    assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (Some(3.0), vec![]));
    assert_eq!(of_class(&observation, "worker_heartbeat_interval_seconds"), None);
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds"), [[""; 1]; 0]);
    drop(connections);
    eventually(Duration::from_secs(5), "the connections are gone", async || {
        let observation = probe(&mut subject).await;
        of_class(&observation, "workers_alive") == Some(0.0) && reasons(&observation) == [Reason::Stale]
    })
    .await;
}
