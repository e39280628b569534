use platform_core::probe::Reason;

use super::{probe, reasons, source};
use testkit::redis::Redis;
use testkit::subject::value;

#[tokio::test]
async fn the_size_of_a_key_is_that_of_its_type() {
    let server = Redis::start().await;
    for words in [
        &["RPUSH", "list", "a", "b", "c"][..],
        &["SADD", "set", "a", "b"],
        &["ZADD", "zset", "1", "a", "2", "b", "3", "c", "4", "d"],
        &["HSET", "hash", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5"],
        &["SET", "string", "seven b"],
    ] {
        server.run::<()>(words).await;
    }
    let keys = ["list", "set", "zset", "hash", "string", "gone"];
    let declared: Vec<String> = keys.iter().map(|key| format!("{{name: {key}}}")).collect();
    let observation = probe(&mut source(&server.url(), &format!("keys: [{}]", declared.join(", ")))).await;
    assert_eq!(observation.problems, []);
    let sizes = keys.map(|key| value(&observation.families, "redis_key_size", &["db0", key]));
    assert_eq!(sizes, [3.0, 2.0, 4.0, 5.0, 7.0, 0.0].map(Some));
}

#[tokio::test]
async fn a_key_of_another_database_has_its_label() {
    let server = Redis::start().await;
    let mut connection = server.connection().await;
    let mut pipeline = redis::pipe();
    pipeline.cmd("SELECT").arg(3).cmd("RPUSH").arg("queue").arg("a");
    pipeline.query_async::<()>(&mut connection).await.expect("the server runs");
    for source in [
        source(&format!("{}/3", server.url()), "keys: [{name: queue}]"),
        source(&server.url(), "database: 3, keys: [{name: queue}]"),
    ] {
        let mut source = source;
        let families = probe(&mut source).await.families;
        assert_eq!(value(&families, "redis_key_size", &["db3", "queue"]), Some(1.0));
    }
}

#[tokio::test]
async fn a_stream_reports_its_groups() {
    let server = Redis::start().await;
    for index in 0..5 {
        server.run::<()>(&["XADD", "events", "*", "index", &index.to_string()]).await;
    }
    server.run::<()>(&["XGROUP", "CREATE", "events", "mail", "0"]).await;
    server.run::<()>(&["XGROUP", "CREATE", "events", "index", "0"]).await;
    server
        .run::<redis::Value>(&["XREADGROUP", "GROUP", "mail", "one", "COUNT", "2", "STREAMS", "events", ">"])
        .await;
    let families = probe(&mut source(&server.url(), "keys: [{name: events}]")).await.families;
    assert_eq!(value(&families, "redis_key_size", &["db0", "events"]), Some(5.0));
    assert_eq!(value(&families, "redis_stream_length", &["db0", "events"]), Some(5.0));
    for (group, lag, pending) in [("mail", 3.0, 2.0), ("index", 5.0, 0.0)] {
        let labels = ["db0", "events", group];
        assert_eq!(value(&families, "redis_stream_group_lag", &labels), Some(lag));
        assert_eq!(value(&families, "redis_stream_group_messages_pending", &labels), Some(pending));
    }
}

#[tokio::test]
async fn a_stream_with_too_many_groups_says_so() {
    let server = Redis::start().await;
    server.run::<()>(&["XADD", "events", "*", "a", "b"]).await;
    for index in 0..51 {
        server.run::<()>(&["XGROUP", "CREATE", "events", &format!("group:{index:02}"), "0"]).await;
    }
    let observation = probe(&mut source(&server.url(), "keys: [{name: events}]")).await;
    assert_eq!(reasons(&observation), [Reason::Cardinality]);
    let lags = observation.families.iter().find(|family| family.desc.name == "redis_stream_group_lag");
    assert_eq!(lags.map(|lags| lags.samples.len()), Some(50));
}

#[tokio::test]
async fn a_key_that_may_not_be_read_leaves_the_others() {
    let server = Redis::options().user("limited on >pw ~open:* +@all").start().await;
    server.run::<()>(&["RPUSH", "open:queue", "a"]).await;
    server.run::<()>(&["RPUSH", "closed:queue", "a"]).await;
    let url = server.url_as("limited", "pw");
    let observation = probe(&mut source(&url, "keys: [{name: 'closed:queue'}, {name: 'open:queue'}]")).await;
    assert_eq!(reasons(&observation), [Reason::Permission]);
    assert!(observation.problems[0].detail.contains("closed:queue"), "{:?}", observation.problems);
    assert_eq!(value(&observation.families, "redis_key_size", &["db0", "open:queue"]), Some(1.0));
    assert_eq!(value(&observation.families, "redis_key_size", &["db0", "closed:queue"]), None);
}
