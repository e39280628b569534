use std::collections::BTreeSet;

use platform_exporter::probe::Reason;
use platform_exporter::query::{Cell, Rows};

use super::{scan, single, source, source_of};
use crate::support::redis::Redis;

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
