//! Numbers about each of several ids.

use platform_core::probe::Reason;
use platform_core::query::{Cell, Question, Rows};
use serde_json::{Value, json};

use super::{check, source, source_of};
use testkit::redis::Redis;

fn question(value: Value) -> Question {
    Question::new("redis", value)
}

/// Queues as a job system has them: a set of names, and a list and a sorted set for each.
async fn queues(names: &[&str]) -> Redis {
    let server = Redis::start().await;
    for (number, name) in names.iter().enumerate() {
        server.run::<()>(&["SADD", "queues", name]).await;
        for job in 0..=number {
            server.run::<()>(&["RPUSH", &format!("queue:{name}"), &job.to_string()]).await;
        }
    }
    server.run::<()>(&["ZADD", "failed:mail", "1", "a", "2", "b"]).await;
    server
}

fn row(id: &str, numbers: &[f64]) -> Vec<Cell> {
    let numbers = numbers.iter().copied().map(Cell::Number);
    [Cell::Text(id.to_owned())].into_iter().chain(numbers).collect()
}

async fn rows(server: &Redis, value: Value) -> Rows {
    source_of(server).rows(&question(value)).await.expect("it answers")
}

#[tokio::test]
async fn a_row_for_each_member_of_a_set_and_a_new_one_comes_by_itself() {
    let server = queues(&["default", "mail"]).await;
    let question = json!({
        "members_of": "queues",
        "read": {"jobs": [["LLEN", "queue:{id}"]], "failed": [["ZCARD", "failed:{id}"]]},
    });
    let found = rows(&server, question.clone()).await;
    assert_eq!(found.columns, ["id", "failed", "jobs"]);
    assert_eq!(found.rows, [row("default", &[0.0, 1.0]), row("mail", &[2.0, 2.0])]);
    server.run::<()>(&["SADD", "queues", "images"]).await;
    let found = rows(&server, question).await;
    assert_eq!(found.rows[1], row("images", &[0.0, 0.0]));
}

#[tokio::test]
async fn ids_are_parts_of_members_or_of_keys() {
    let server = queues(&["default", "mail"]).await;
    let of_members = json!({
        "members_of": "queues", "id": "^(?<queue>m.*)", "read": {"jobs": [["LLEN", "queue:{id}"]]},
    });
    let found = rows(&server, of_members).await;
    assert_eq!(
        (&found.columns[..], &found.rows[..]),
        (&["queue".to_owned(), "jobs".to_owned()][..], &[row("mail", &[2.0])][..])
    );
    // Several commands make a sum.
    let of_keys = json!({
        "scan": "queue:*", "id": "^queue:(.+)$",
        "read": {"all": [["LLEN", "queue:{id}"], ["ZCARD", "failed:{id}"]]},
    });
    assert_eq!(rows(&server, of_keys).await.rows, [row("default", &[1.0]), row("mail", &[4.0])]);
}

#[tokio::test]
async fn without_ids_it_is_one_row() {
    let server = queues(&["mail"]).await;
    let ahead = "redis.call('ZADD', 'due', redis.call('TIME')[1] + 600, 'later', 1, 'late')";
    server.run::<()>(&["EVAL", ahead, "0"]).await;
    let found = rows(
        &server,
        json!({"read": {
            "due": [["ZCOUNT", "due", "-inf", "{now}"]],
            "gone": [["GET", "gone"]],
            "number": [["LLEN", "queue:mail"], ["SCARD", "queues"]],
        }}),
    )
    .await;
    assert_eq!(found.columns, ["due", "gone", "number"]);
    assert_eq!(found.rows, [vec![Cell::Number(1.0), Cell::Null, Cell::Number(2.0)]]);
    let none = json!({"members_of": "gone", "read": {"jobs": [["LLEN", "queue:{id}"]]}});
    assert_eq!(rows(&server, none).await.rows, Vec::<Vec<Cell>>::new());
}

#[tokio::test]
async fn a_set_with_too_many_members_is_not_read() {
    let server = Redis::start().await;
    let fill = "for i=1,ARGV[1] do redis.call('SADD', 'queues', i) redis.call('SET', 'queue:'..i, 1) end";
    server.run::<()>(&["EVAL", fill, "0", "1000"]).await;
    let of_set = json!({"members_of": "queues", "read": {"there": [["EXISTS", "queue:{id}"]]}});
    let of_keys =
        json!({"scan": "queue:*", "id": "queue:(.*)", "read": {"there": [["EXISTS", "queue:{id}"]]}});
    for question in [&of_set, &of_keys] {
        assert_eq!(rows(&server, question.clone()).await.rows.len(), 1000, "{question}");
    }
    server.run::<()>(&["EVAL", fill, "0", "1001"]).await;
    server.run::<()>(&["CONFIG", "RESETSTAT"]).await;
    for value in [of_set, of_keys] {
        let problem = source_of(&server).rows(&question(value)).await.expect_err("too many");
        assert_eq!(problem.reason, Reason::Cardinality, "{problem}");
    }
    let info: String = server.run(&["INFO", "commandstats"]).await;
    assert!(!info.contains("cmdstat_smembers:") && !info.contains("cmdstat_exists:"), "{info}");
}

#[tokio::test]
async fn sets_are_those_whose_keys_match() {
    let server = queues(&["default"]).await;
    server.run::<()>(&["SADD", "sets:a", "x/default"]).await;
    server.run::<()>(&["SADD", "sets:b", "x/default", "y/mail"]).await;
    server.run::<()>(&["LPUSH", "queue:mail", "1", "2", "3"]).await;
    let value = json!({"members_of": "sets:*", "id": "/(.+)$", "read": {"jobs": [["LLEN", "queue:{id}"]]}});
    assert_eq!(rows(&server, value).await.rows, [row("default", &[1.0]), row("mail", &[3.0])]);
}

#[tokio::test]
async fn a_long_id_is_not_repeated_in_commands() {
    let server = queues(&["default"]).await;
    server.run::<()>(&["SADD", "queues", &"x".repeat(1025)]).await;
    let value = json!({"members_of": "queues", "read": {"jobs": [["LLEN", "queue:{id}"]]}});
    let problem = source_of(&server).rows(&question(value)).await.expect_err("it is too long");
    assert_eq!(problem.reason, Reason::Query, "{problem}");
}

/// One rule for the keys of all ids.
#[tokio::test]
async fn all_that_it_needs_is_named() {
    let server = Redis::options()
        .user("reader on >secret ~queues -@all +ping +client|setname +scard +smembers +llen")
        .start()
        .await;
    server.run::<()>(&["SADD", "queues", "default", "mail"]).await;
    let url = server.url_as("reader", "secret");
    let value = json!({"members_of": "queues", "read": {"jobs": [["LLEN", "queue:{id}"]]}});
    let problem = source(&url, "").rows(&question(value)).await.expect_err("it may not");
    assert_eq!(problem.reason, Reason::Permission, "{problem}");
    assert_eq!(problem.remedy.as_deref(), Some("ACL SETUSER reader '~queue:*'"));
}

#[test]
fn its_parts_fit_together() {
    let jobs = json!([["LLEN", "queue:{id}"]]);
    for wrong in [
        json!({"members_of": "queues"}),
        json!({"read": {"jobs": jobs}}),
        json!({"scan": "queue:*", "read": {"jobs": jobs}}),
        json!({"members_of": "queues", "scan": "queue:*", "id": "(.*)", "read": {"jobs": jobs}}),
        json!({"members_of": "queues", "command": ["LLEN", "a"], "read": {"jobs": jobs}}),
        json!({"members_of": "queues", "id": "no group", "read": {"jobs": jobs}}),
        json!({"members_of": "queues", "read": {"id": jobs}}),
        json!({"members_of": "queues", "read": {"jobs": []}}),
        json!({"members_of": "queues", "read": {"jobs": [["HGETALL", "queue:{id}"]]}}),
        json!({"members_of": "queues", "read": {"jobs": [["DEL", "queue:{id}"]]}}),
        json!({"members_of": "queues", "read": {"jobs": vec![["LLEN", "queue:{id}"]; 21]}}),
    ] {
        assert!(check(&question(wrong.clone())).is_err(), "{wrong}");
    }
    assert_eq!(check(&question(json!({"members_of": "queues", "read": {"jobs": jobs}}))), Ok(()));
}
