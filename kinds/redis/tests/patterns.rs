//! A look at what kinds of keys there are.

use std::time::Duration;

use platform_core::probe::Reason;
use platform_core::query::{Cell, Question, Rows};
use serde_json::json;

use super::{check, source, source_of};
use testkit::proxy::{Mode, Proxy};
use testkit::redis::Redis;
use testkit::subject::Surroundings;

fn patterns(steps: u32) -> Question {
    Question::new("redis", json!({"scan": "*", "patterns": steps}))
}

/// The rows as texts: pattern, type, count.
fn found(rows: &Rows) -> Vec<(String, String, f64)> {
    assert_eq!(rows.columns, ["pattern", "type", "count"]);
    let text = |cell: &Cell| cell.text().expect("a text");
    let row = |row: &Vec<Cell>| (text(&row[0]), text(&row[1]), row[2].number().expect("a number"));
    rows.rows.iter().map(row).collect()
}

/// Runs a script with a number, so many times with numbers that go on.
async fn script(server: &Redis, lua: &str, times: usize, each: usize) {
    for round in 0..times {
        let (from, to) = (round * each + 1, (round + 1) * each);
        let lua = format!("for i={from},{to} do {lua} end");
        server.run::<()>(&["EVAL", &lua, "0"]).await;
    }
}

#[tokio::test]
async fn keys_are_counted_by_pattern_and_type() {
    let server = Redis::start().await;
    let lua = "redis.call('SET', 'carts:'..i, 1) redis.call('RPUSH', 'queue:q'..i, 1) \
               redis.call(i % 2 == 0 and 'SADD' or 'RPUSH', 'bull:q'..i..':wait', 1)";
    script(&server, lua, 1, 3000).await;
    let rows = source_of(&server).rows(&patterns(100)).await.expect("it looks");
    let mut found = found(&rows);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let row = |pattern: &str, key_type: &str| (pattern.to_owned(), key_type.to_owned(), 3000.0);
    let types: Vec<_> = found.iter().map(|(_, key_type, _)| key_type.clone()).collect();
    assert_eq!(types[1..], ["string", "list"], "{found:?}");
    assert!(["mixed", "list", "set"].contains(&types[0].as_str()), "{found:?}");
    assert_eq!(found[1..], [row("carts:*", "string"), row("queue:*", "list")]);
    let none = source_of(&Redis::start().await).rows(&patterns(100)).await.expect("it looks");
    assert_eq!(none.rows, Vec::<Vec<Cell>>::new());
}

/// A look takes a hundred steps of a thousand keys, however many there are, and whatever `scan_budget` is.
#[tokio::test]
async fn a_million_keys_are_not_walked_over() {
    let server = Redis::start().await;
    script(&server, "redis.call('SET', 'carts:'..i, 1)", 20, 50_000).await;
    server.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    // A build without optimization is slow.
    let surroundings = Surroundings { timeout: Duration::from_secs(120), ..Surroundings::default() };
    let mut subject = surroundings.source(&format!("redis: {{url: '{}', scan_budget: 10}}", server.url()));
    let rows = subject.rows(&patterns(100)).await.expect("it looks");
    let found = found(&rows);
    let [(pattern, key_type, count)] = &found[..] else { panic!("one pattern: {found:?}") };
    assert_eq!((pattern.as_str(), key_type.as_str()), ("carts:*", "string"));
    assert!((100_000.0..150_000.0).contains(count), "{count}");
    let calls = |info: &str, command: &str| -> u64 {
        let line = info.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        let calls = line.and_then(|line| line.split("calls=").nth(1)?.split(',').next()?.parse().ok());
        calls.unwrap_or_else(|| panic!("no {command} in {info}"))
    };
    let info: String = server.run(&["INFO", "commandstats"]).await;
    assert_eq!((calls(&info, "scan"), calls(&info, "type")), (100, 3));
    assert!(!info.contains("cmdstat_keys"), "{info}");
}

/// A server that answers slowly is looked at for half of the time.
#[tokio::test]
async fn the_time_of_a_look_is_bounded() {
    let server = Redis::start().await;
    script(&server, "redis.call('SET', 'carts:'..i, 1)", 4, 50_000).await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = source(&proxy.through(&server.url()), "");
    subject.rows(&patterns(1)).await.expect("it looks");
    proxy.set(Mode::Delay(Duration::from_millis(100))).await;
    let rows = subject.rows(&patterns(200)).await.expect("it looks, within the time of a query");
    let [(_, _, count)] = &found(&rows)[..] else { panic!("one pattern") };
    assert!(*count < 100_000.0, "{count}");
}

/// What is in the name of one key only is in no answer.
#[tokio::test]
async fn names_of_people_are_in_no_pattern() {
    let server = Redis::start().await;
    for key in [
        "session:anna@example.org",
        "user:+4917012345678",
        "user:anna:cart",
        "Hildburg Quintermann",
        "queue:melchior.habermann",
        "reset:tok_4eC39HqLyjWDarjtT1",
        "bull:anna@example.org:meta",
        "anna",
        "カート:注文",
    ] {
        server.run::<()>(&["SET", key, "1"]).await;
    }
    let rows = source_of(&server).rows(&patterns(100)).await.expect("it looks");
    let mut found: Vec<_> = found(&rows).into_iter().map(|(pattern, ..)| pattern).collect();
    found.sort_unstable();
    assert_eq!(found, ["*", "bull:*:meta", "queue:*"]);
}

#[tokio::test]
async fn all_that_it_needs_is_named() {
    let server = Redis::options().user("looker on >secret -@all +ping +client|setname").start().await;
    server.run::<()>(&["SET", "carts:1", "1"]).await;
    let url = server.url_as("looker", "secret");
    let problem = source(&url, "").rows(&patterns(100)).await.expect_err("it may not");
    assert_eq!(problem.reason, Reason::Permission, "{problem}");
    assert_eq!(problem.remedy.as_deref(), Some("ACL SETUSER looker +scan +type"));
}

#[test]
fn a_look_has_some_steps_and_no_ids() {
    for wrong in [
        json!({"scan": "*", "patterns": 0}),
        json!({"scan": "*", "patterns": 1001}),
        json!({"scan": "*", "patterns": 10, "id": "^a:(.*)$"}),
        json!({"scan": "*", "patterns": 10, "values": true}),
        json!({"command": ["LLEN", "a"], "patterns": 10}),
    ] {
        assert!(check(&Question::new("redis", wrong.clone())).is_err(), "{wrong}");
    }
    assert_eq!(check(&patterns(1000)), Ok(()));
}
