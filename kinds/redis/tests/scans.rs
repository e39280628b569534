use std::collections::BTreeSet;

use platform_core::probe::Reason;
use platform_core::query::{Cell, Rows};

use super::{reached, scan, single, source, source_of};
use testkit::redis::Redis;

async fn filled(sessions: usize, others: usize) -> Redis {
    let server = Redis::start().await;
    let mut pipeline = redis::pipe();
    for index in 0..sessions {
        // Three sockets for each user.
        pipeline.cmd("SET").arg(format!("ws_sessions:user{}:{index}", index / 3)).arg(1).ignore();
    }
    for index in 0..others {
        pipeline.cmd("SET").arg(format!("other:{index}")).arg(1).ignore();
    }
    pipeline.query_async::<()>(&mut server.connection().await).await.expect("the server runs");
    server
}

fn ids(rows: &Rows) -> BTreeSet<String> {
    assert_eq!(rows.columns, ["id"]);
    rows.rows.iter().map(|row| row[0].text().expect("an id")).collect()
}

#[tokio::test]
async fn counts_every_matching_key_once() {
    let server = filled(4500, 3000).await;
    let mut subject = source_of(&server);
    for (pattern, expected) in
        [("ws_sessions:*", 4500.0), ("other:*", 3000.0), ("*", 7500.0), ("gone:*", 0.0)]
    {
        let rows = subject.rows(&scan(pattern, None)).await.expect("it scans");
        assert_eq!(single(&rows, "count"), &Cell::Number(expected), "{pattern}");
    }
}

#[tokio::test]
async fn counts_each_key_once_while_the_table_is_rehashed() {
    let server = filled(3000, 0).await;
    let mut subject = source_of(&server);
    let churn = async {
        let mut connection = server.connection().await;
        for round in 0..20 {
            let mut pipeline = redis::pipe();
            for index in 0..2000 {
                let (command, key) = if round % 2 == 0 { ("SET", "churn") } else { ("DEL", "churn") };
                pipeline.cmd(command).arg(format!("{key}:{index}"));
                if round % 2 == 0 {
                    pipeline.arg(1);
                }
                pipeline.ignore();
            }
            pipeline.query_async::<()>(&mut connection).await.expect("the server runs");
        }
    };
    let count = async {
        for _ in 0..20 {
            let rows = subject.rows(&scan("ws_sessions:*", None)).await.expect("it scans");
            assert_eq!(single(&rows, "count"), &Cell::Number(3000.0));
        }
    };
    tokio::join!(churn, count);
}

#[tokio::test]
async fn gives_distinct_ids() {
    let server = filled(9, 5).await;
    let mut subject = source_of(&server);
    let rows = subject.rows(&scan("ws_sessions:*", Some("^ws_sessions:([^:]+):"))).await.expect("it scans");
    assert_eq!(rows.rows.len(), 3);
    assert_eq!(ids(&rows), ["user0", "user1", "user2"].map(str::to_owned).into());
    let rows = subject.rows(&scan("*", Some("^other:([12])$"))).await.expect("it scans");
    assert_eq!(ids(&rows), ["1", "2"].map(str::to_owned).into());
    assert!(subject.rows(&scan("gone:*", Some("^(.*)$"))).await.expect("it scans").rows.is_empty());
}

#[tokio::test]
async fn over_its_budget_it_gives_no_number_and_does_not_start() {
    let server = filled(60, 41).await;
    let mut tight = source(&server.url(), "scan_budget: 100");
    let problem = tight.rows(&scan("ws_sessions:*", None)).await.expect_err("101 keys are too many");
    assert_eq!(problem.reason, Reason::Cardinality, "{problem}");
    let commands: String = server.run(&["INFO", "commandstats"]).await;
    assert!(!commands.contains("cmdstat_scan:"), "{commands}");
    server.run::<()>(&["DEL", "other:0"]).await;
    let rows = tight.rows(&scan("ws_sessions:*", None)).await.expect("100 keys fit");
    assert_eq!(single(&rows, "count"), &Cell::Number(60.0));
}

/// The first group of a key of a rate limit: `ratelimit:LIMITER:CLIENT`.
const LIMITER: &str = "^ratelimit:(?<limiter>[^:]+):";

/// Counters of a rate limit: the n-th request of a client sets n.
async fn count_requests(server: &Redis, limiter: &str, requests: impl Iterator<Item = usize>) {
    let mut pipeline = redis::pipe();
    for (client, requests) in requests.enumerate() {
        let key = format!("ratelimit:{limiter}:client{client}@example.com");
        pipeline.cmd("SET").arg(key).arg(requests).arg("EX").arg(3600).ignore();
    }
    pipeline.query_async::<()>(&mut server.connection().await).await.expect("the server runs");
}

fn tally(limiter: &str, count: u32, reached: u32) -> Vec<Cell> {
    vec![Cell::Text(limiter.to_owned()), Cell::Number(count.into()), Cell::Number(reached.into())]
}

#[tokio::test]
async fn counts_the_counters_that_have_reached_the_number_of_their_id() {
    let server = filled(0, 500).await;
    // 1 to 200 requests, 25 clients each.
    count_requests(&server, "caption", (0..5000).map(|client| client % 200 + 1)).await;
    count_requests(&server, "login", [1, 4, 5, 6].into_iter()).await;
    count_requests(&server, "another", std::iter::repeat_n(9, 10)).await;
    let mut subject = source_of(&server);
    let question = reached(LIMITER, &[("caption", 200.0), ("login", 5.0), ("signup", 1.0)]);
    let rows = subject.rows(&question).await.expect("it scans");
    assert_eq!(rows.columns, ["limiter", "count", "reached"]);
    // Ids that are not asked for are left out, those that have no keys are not.
    assert_eq!(rows.rows, [tally("caption", 5000, 25), tally("login", 4, 2), tally("signup", 0, 0)]);
    // One client more, and only it.
    server.run::<()>(&["INCR", "ratelimit:login:client1@example.com"]).await;
    let rows = subject.rows(&question).await.expect("it scans");
    assert_eq!(rows.rows, [tally("caption", 5000, 25), tally("login", 4, 3), tally("signup", 0, 0)]);
    let unnamed = reached("^(ratelimit):", &[("ratelimit", 9.0)]);
    let rows = subject.rows(&unnamed).await.expect("it scans");
    assert_eq!(rows.columns, ["id", "count", "reached"]);
    assert_eq!(rows.rows, [tally("ratelimit", 5014, 4810)]);
}

#[tokio::test]
async fn a_key_that_is_no_counter_gives_no_number() {
    let server = Redis::start().await;
    count_requests(&server, "login", [7; 3].into_iter()).await;
    let mut subject = source_of(&server);
    let question = reached(LIMITER, &[("login", 5.0)]);
    for (make, said) in [
        (["SET", "ratelimit:login:reset", "tomorrow"], "does not hold a number"),
        (["LPUSH", "ratelimit:login:list", "7"], "GET: WRONGTYPE"),
    ] {
        server.run::<()>(&make).await;
        let problem = subject.rows(&question).await.expect_err("it is no counter");
        assert_eq!(problem.reason, Reason::Query, "{problem}");
        assert!(problem.detail.contains(said), "{problem}");
        // Clients are in the keys: addresses, e-mail addresses.
        assert!(!problem.detail.contains(make[1]), "{problem}");
        server.run::<()>(&["DEL", make[1]]).await;
    }
    let rows = subject.rows(&question).await.expect("it scans");
    assert_eq!(rows.rows, [tally("login", 3, 3)]);
}

/// GET is all that it needs beside SCAN.
#[tokio::test]
async fn counters_that_may_not_be_read_are_a_missing_permission() {
    let server = Redis::start().await;
    count_requests(&server, "login", [7; 3].into_iter()).await;
    server.run::<()>(&["ACL", "SETUSER", "default", "-get"]).await;
    let mut subject = source_of(&server);
    let problem = subject.rows(&reached(LIMITER, &[("login", 5.0)])).await.expect_err("GET is denied");
    assert_eq!(problem.reason, Reason::Permission, "{problem}");
    let rows = subject.rows(&scan("ratelimit:*", None)).await.expect("counting goes on");
    assert_eq!(single(&rows, "count"), &Cell::Number(3.0));
}
