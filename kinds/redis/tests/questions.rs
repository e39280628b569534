use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_core::probe::Reason;
use platform_core::query::{Cell, Question};
use platform_exporter::registry::Kind;
use serde_json::json;

use super::{ask, check, command, connections, probe, reached, scan, single, source, source_of};
use testkit::redis::Redis;

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn pair(key: &str, value: &str) -> Vec<Cell> {
    vec![text(key), text(value)]
}

async fn filled() -> Redis {
    let server = Redis::start().await;
    for words in [
        &["SET", "plain", "42.5"][..],
        &["RPUSH", "queue", "one", "two", "three"],
        &["SADD", "processes", "host:1"],
        &["HSET", "host:1", "beat", "1700000000.5", "busy", "3"],
        &["ZADD", "hb", "1700000001", "a", "1700000002.25", "b"],
        &["XADD", "events", "1-1", "a", "b"],
        &["XGROUP", "CREATE", "events", "mail", "0"],
    ] {
        server.run::<()>(words).await;
    }
    server
}

#[tokio::test]
async fn a_single_answer_is_one_row() {
    let server = filled().await;
    let mut subject = source_of(&server);
    for (words, expected) in [
        (&["LLEN", "queue"][..], Cell::Number(3.0)),
        (&["llen", "gone"], Cell::Number(0.0)),
        (&["GET", "plain"], text("42.5")),
        (&["GET", "gone"], Cell::Null),
        (&["HGET", "host:1", "busy"], text("3")),
        (&["TTL", "plain"], Cell::Number(-1.0)),
        (&["TTL", "gone"], Cell::Number(-2.0)),
        (&["ZSCORE", "hb", "b"], text("1700000002.25")),
        (&["ZCOUNT", "hb", "(1700000001", "+inf"], Cell::Number(1.0)),
        (&["EXISTS", "plain", "queue", "gone"], Cell::Number(2.0)),
        (&["TYPE", "queue"], text("list")),
        (&["OBJECT", "REFCOUNT", "queue"], Cell::Number(1.0)),
        (&["DBSIZE"], Cell::Number(6.0)),
        (&["PING"], text("PONG")),
        (&["LINDEX", "queue", "-1"], text("three")),
    ] {
        let rows = ask(&mut subject, words).await;
        assert_eq!(rows.columns, ["value"], "{words:?}");
        assert_eq!(single(&rows, "value"), &expected, "{words:?}");
    }
}

#[tokio::test]
async fn a_list_is_a_row_for_each_element_and_pairs_have_keys() {
    let server = filled().await;
    let mut subject = source_of(&server);
    let queue = ask(&mut subject, &["LRANGE", "queue", "0", "-1"]).await;
    assert_eq!(queue.columns, ["value"]);
    assert_eq!(queue.rows, ["one", "two", "three"].map(|element| vec![text(element)]));
    assert_eq!(ask(&mut subject, &["SMEMBERS", "processes"]).await.rows, [vec![text("host:1")]]);
    assert!(ask(&mut subject, &["SMEMBERS", "gone"]).await.rows.is_empty());
    assert_eq!(
        ask(&mut subject, &["ZRANGE", "hb", "0", "-1"]).await.rows,
        ["a", "b"].map(|key| vec![text(key)])
    );

    let beats = [pair("a", "1700000001"), pair("b", "1700000002.25")];
    for words in [
        &["ZRANGE", "hb", "0", "-1", "WITHSCORES"][..],
        &["zrangebyscore", "hb", "-inf", "+inf", "withscores"],
    ] {
        let rows = ask(&mut subject, words).await;
        assert_eq!(rows.columns, ["key", "value"]);
        assert_eq!(rows.rows, beats);
    }
    let process = ask(&mut subject, &["HGETALL", "host:1"]).await;
    assert_eq!(process.rows, [pair("beat", "1700000000.5"), pair("busy", "3")]);
    assert!(ask(&mut subject, &["HGETALL", "gone"]).await.rows.is_empty());
    let setting = ask(&mut subject, &["CONFIG", "GET", "maxclients"]).await;
    assert_eq!(setting.rows, [pair("maxclients", "10000")]);
    let fields = ask(&mut subject, &["HMGET", "host:1", "busy", "gone"]).await;
    assert_eq!(fields.columns, ["key", "value"]);
    assert_eq!(fields.rows, [pair("busy", "3"), vec![text("gone"), Cell::Null]]);
    let values = ask(&mut subject, &["MGET", "gone", "plain"]).await;
    assert_eq!(values.rows, [vec![text("gone"), Cell::Null], pair("plain", "42.5")]);
    let scores = ask(&mut subject, &["ZMSCORE", "hb", "a", "gone"]).await;
    assert_eq!(scores.rows, [pair("a", "1700000001"), vec![text("gone"), Cell::Null]]);
}

#[tokio::test]
async fn one_query_reads_several_keys() {
    let server = filled().await;
    let of_keys =
        |command: &str| Question::new("redis", json!({"command": [command], "keys": ["queue", "gone"]}));
    assert_eq!(check(&of_keys("LLEN")), Ok(()));
    assert!(check(&of_keys("HGETALL")).is_err());
    assert!(check(&Question::new("redis", json!({"scan": "*", "keys": ["queue"]}))).is_err());
    let rows = source_of(&server).rows(&of_keys("LLEN")).await.expect("it answers");
    assert_eq!(rows.columns, ["key", "value"]);
    assert_eq!(
        rows.rows,
        [("queue", 3.0), ("gone", 0.0)].map(|(key, length)| vec![text(key), Cell::Number(length)])
    );
}

#[tokio::test]
async fn the_clock_is_that_of_the_server_in_seconds() {
    let server = Redis::start().await;
    let rows = ask(&mut source_of(&server), &["TIME"]).await;
    let now = single(&rows, "value").number().expect("a number");
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!((now - ours).abs() < 5.0, "{now} {ours}");
    assert!(now.fract() > 0.0, "{now}");
}

#[tokio::test]
async fn clients_and_groups_have_the_columns_that_the_server_names() {
    let server = filled().await;
    let mut subject = source_of(&server);
    let mut worker = server.connection().await;
    let mut naming = redis::cmd("CLIENT");
    naming.arg("SETNAME").arg("bull:bWFpbA==:w:one").exec_async(&mut worker).await.expect("it may");
    let clients = ask(&mut subject, &["CLIENT", "LIST"]).await;
    let name = clients.column("name").expect("a column");
    let worker =
        clients.rows.iter().find(|row| row[name] == text("bull:bWFpbA==:w:one")).expect("the worker");
    for column in ["id", "age", "idle"] {
        assert!(worker[clients.column(column).expect("a column")].number().is_some(), "{column}");
    }
    let groups = ask(&mut subject, &["XINFO", "GROUPS", "events"]).await;
    assert_eq!(single(&groups, "name"), &text("mail"));
    assert_eq!(single(&groups, "pending"), &Cell::Number(0.0));
    let stream = ask(&mut subject, &["XINFO", "STREAM", "events"]).await;
    assert_eq!(single(&stream, "length"), &Cell::Number(1.0));
    let pending = ask(&mut subject, &["XPENDING", "events", "mail"]).await;
    assert_eq!(single(&pending, "pending"), &Cell::Number(0.0));
}

#[tokio::test]
async fn info_has_a_column_for_each_field_and_rows_for_records() {
    let server = filled().await;
    let mut subject = source_of(&server);
    let info = ask(&mut subject, &["INFO"]).await;
    assert_eq!(single(&info, "role"), &text("master"));
    assert_eq!(single(&info, "aof_last_write_status"), &Cell::Number(1.0));
    assert_eq!(single(&info, "maxclients").number(), Some(10_000.0));
    let memory = ask(&mut subject, &["INFO", "memory"]).await;
    assert!(single(&memory, "used_memory").number().is_some());
    let keyspace = ask(&mut subject, &["INFO", "keyspace"]).await;
    assert_eq!(single(&keyspace, "db"), &text("db0"));
    assert_eq!(single(&keyspace, "keys").number(), Some(6.0));
    let commands = ask(&mut subject, &["INFO", "commandstats"]).await;
    let (cmd, calls) = (commands.column("cmd").expect("cmd"), commands.column("calls").expect("calls"));
    let rpush = commands.rows.iter().find(|row| row[cmd] == text("rpush")).expect("it was called");
    assert_eq!(rpush[calls].number(), Some(1.0));
    assert!(ask(&mut subject, &["INFO", "slaves"]).await.rows.is_empty());
    assert!(ask(&mut subject, &["INFO", "master"]).await.rows.is_empty());
}

#[tokio::test]
async fn only_reading_commands_are_sent() {
    let server = filled().await;
    let mut subject = source_of(&server);
    for words in [
        &["KEYS", "*"][..],
        &["SCAN", "0"],
        &["SET", "plain", "1"],
        &["FLUSHALL"],
        &["BLPOP", "queue", "0"],
        &["SUBSCRIBE", "a"],
        &["EVAL", "return 1", "0"],
        &["SORT", "queue", "STORE", "other"],
        &["WAIT", "1", "0"],
        &["DEBUG", "SLEEP", "1"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["CONFIG"],
        &["SLOWLOG", "RESET"],
        &["CLIENT", "KILL", "ID", "1"],
        &["GETDEL", "plain"],
        &["XREAD", "BLOCK", "0", "STREAMS", "events", "$"],
        &[],
    ] {
        let question = command(words);
        let message = check(&question).expect_err("it is refused in the configuration");
        assert!(message.contains("expected") || message.contains("scan"), "{message}");
        assert_eq!(subject.rows(&question).await.expect_err("and never sent").reason, Reason::Query);
    }
    assert_eq!(server.run::<String>(&["GET", "plain"]).await, "42.5");
    for good in [&["LLEN", "a"][..], &["config", "get", "a"], &["ZRANGE", "hb", "0", "-1", "WITHSCORES"]] {
        check(&command(good)).expect("it only reads");
    }
    check(&scan("a:*", Some("(unclosed"))).expect_err("not a regular expression");
    check(&scan("a:*", Some("no group"))).expect_err("nothing to take as id");
    check(&scan("a:*", Some("^a:(.+)$"))).expect("a group");
    check(&reached("^ratelimit:(.+)$", &[("login", 5.0)])).expect("a number to reach");
    check(&reached("^ratelimit:", &[("login", 5.0)])).expect_err("nothing to take as id");
    let nameless = Question::new("redis", json!({"scan": "a:*", "at_least": {"login": 5}}));
    check(&nameless).expect_err("whose number");
}

#[tokio::test]
async fn a_question_of_the_wrong_type_is_a_query_problem_and_the_connection_stays() {
    let server = filled().await;
    let mut subject = source_of(&server);
    let problem = subject.rows(&command(&["LLEN", "plain"])).await.expect_err("a string has no length");
    assert_eq!(problem.reason, Reason::Query);
    assert!(problem.detail.contains("WRONGTYPE"), "{problem}");
    ask(&mut subject, &["LLEN", "queue"]).await;
    let connections: String = server.run(&["INFO", "clients"]).await;
    assert!(connections.contains("connected_clients:2"), "{connections}");
}

#[tokio::test]
async fn the_permissions_to_paste_are_enough_for_questions_and_least() {
    let server = Redis::options().cluster().setting("slowlog-log-slower-than 0").start().await;
    server.take_all_slots().await;
    let pasted = Kind::Redis.facts().permissions;
    let line = pasted.lines().find(|line| line.starts_with("user ")).expect("a rule to paste");
    assert!(pasted.contains("add\n# `+@read -@dangerous` after `-@all`"), "{pasted}");
    let rule = line.replace("PASSWORD", "secret").replace("-@all", "-@all +@read -@dangerous");
    let words = ["ACL", "SETUSER"].into_iter().chain(rule.split(' ').skip(1));
    server.run::<()>(&words.collect::<Vec<_>>()).await;
    server.run::<()>(&["XADD", "{app}:events", "1-1", "a", "b"]).await;
    server.run::<()>(&["RPUSH", "{app}:queue", "a"]).await;
    let url = server.url_as("platform_exporter", "secret");
    let mut subject =
        source(&url, "cluster: true, keys: [{name: '{app}:events'}, {name: '{app}:queue'}, {name: gone}]");
    let observation = probe(&mut subject).await;
    assert_eq!(observation.problems, []);
    assert_eq!(super::plain(&observation.families, "redis_cluster_state").to_string(), "1");
    for words in [
        &["SMEMBERS", "processes"][..],
        &["HGETALL", "host:1"],
        &["ZRANGE", "hb", "0", "-1", "WITHSCORES"],
        &["GET", "plain"],
        &["TTL", "plain"],
        &["TIME"],
        &["CLIENT", "LIST"],
        &["LLEN", "{app}:queue"],
        &["XINFO", "GROUPS", "{app}:events"],
        &["MEMORY", "USAGE", "{app}:queue"],
        &["INFO"],
        &["DBSIZE"],
    ] {
        ask(&mut subject, words).await;
    }
    subject.rows(&scan("*", None)).await.expect("it may count keys");
    assert!(connections(&server).await > 0, "it may give its name");
    for words in [&["KEYS", "*"][..], &["SET", "a", "1"], &["CONFIG", "SET", "maxmemory", "1"], &["FLUSHALL"]]
    {
        let client = redis::Client::open(url.as_str()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("it may log in");
        let answer = redis::Cmd::new().arg(words).query_async::<redis::Value>(&mut connection).await;
        let error = answer.expect_err("it may not");
        assert_eq!(error.code(), Some("NOPERM"), "{words:?}: {error}");
    }
}

#[tokio::test]
async fn a_question_waits_no_longer_than_its_own_timeout() {
    let server = filled().await;
    let mut subject = source_of(&server);
    ask(&mut subject, &["PING"]).await;
    server.run::<()>(&["CLIENT", "PAUSE", "700", "ALL"]).await;
    let start = std::time::Instant::now();
    let rows = ask(&mut subject, &["LLEN", "queue"]).await;
    assert!(start.elapsed() > Duration::from_millis(500), "longer than the driver would wait by itself");
    assert_eq!(single(&rows, "value"), &Cell::Number(3.0));
}
