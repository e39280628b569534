//! Stores that hang, fail or refuse: their classes fail, the others stay.

use std::time::{Duration, Instant};

use platform_core::probe::Reason;

use super::{beside, class, labels, of_class, probe, reasons, seconds_ago};
use testkit::postgres::Postgres;
use testkit::redis::Redis;
use testkit::subject::{Surroundings, source, value};

async fn zadd(server: &Redis) {
    server.run::<()>(&["ZADD", "hb", &seconds_ago(1.0).to_string(), "a"]).await;
}

#[tokio::test]
async fn a_store_that_hangs_takes_its_own_classes_with_it_and_no_others() {
    let (frozen, server) = (Redis::start().await, Postgres::start().await);
    zadd(&frozen).await;
    let surroundings = beside(&frozen).lane("db", source(&format!("postgres: {{url: '{}'}}", server.url())));
    let mut subject = surroundings.source(
        "workers: {classes: {
           one: {from: cache, layout: zset, key: hb, expected: 1},
           two: {from: cache, layout: sidekiq},
           three: {from: db, sql: \"SELECT 'a' AS worker, now() AS seen_at\", expected: 1}}}",
    );
    assert_eq!(probe(&mut subject).await.problems, []);
    frozen.stop();
    let started = Instant::now();
    let observation = probe(&mut subject).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(reasons(&observation), [Reason::Timeout, Reason::Timeout]);
    assert!(observation.problems[0].detail.starts_with("class one: cache: "), "{:?}", observation.problems);
    let alive = |class| value(&observation.families, "workers_alive", &[class]);
    assert_eq!((alive("one"), alive("two"), alive("three")), (None, None, Some(1.0)));
    assert_eq!(value(&observation.families, "workers_expected", &["one"]), Some(1.0));
    assert_eq!(labels(&observation.families, "worker_heartbeat_timestamp_seconds"), [["a"]]);
    frozen.resume();
    testkit::wait::eventually(Duration::from_secs(10), "it recovers", async || {
        probe(&mut subject).await.problems.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_gone_is_down_with_its_reason_and_comes_back() {
    let mut server = Redis::start().await;
    zadd(&server).await;
    let mut subject = class(&server, "layout: zset, key: hb, expected: 1");
    assert_eq!(probe(&mut subject).await.problems, []);
    server.kill();
    assert_eq!(subject.probe().await.unwrap_err().reason, Reason::Connect);
    server.restart().await;
    zadd(&server).await;
    testkit::wait::eventually(Duration::from_secs(10), "it recovers", async || {
        subject.probe().await.is_ok_and(|observation| of_class(&observation, "workers_alive") == Some(1.0))
    })
    .await;
}

#[tokio::test]
async fn what_the_account_may_not_read_is_a_permission_problem() {
    let server =
        Redis::options().user("reader on >read ~other:* +@read +time +select +ping +info").start().await;
    zadd(&server).await;
    let lane = source(&format!("redis: {{url: '{}'}}", server.url_as("reader", "read")));
    let mut subject = Surroundings::default().lane("cache", lane).source(
        "workers: {classes: {
           forbidden: {from: cache, layout: zset, key: hb},
           allowed: {from: cache, layout: zset, key: 'other:hb'}}}",
    );
    let observation = probe(&mut subject).await;
    assert_eq!(reasons(&observation), [Reason::Permission]);
    assert_eq!(value(&observation.families, "workers_alive", &["allowed"]), Some(0.0));
}

#[tokio::test]
async fn a_key_of_another_type_fails_its_class() {
    let server = Redis::start().await;
    server.run::<()>(&["SET", "hb", "1"]).await;
    let problem = class(&server, "layout: zset, key: hb").probe().await.unwrap_err();
    assert_eq!(problem.reason, Reason::Query, "{problem}");
}
