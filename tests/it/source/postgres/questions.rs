//! Declared questions: every type, one SELECT and nothing else, never for longer than they may take.

use std::time::{Duration, Instant};

use platform_exporter::probe::{Problem, Reason};
use platform_exporter::query::{Cell, Question, Rows};

use super::{OpenTransaction, SOON, Subject, ours, patient, postgres};
use crate::support::postgres::Postgres;
use crate::support::wait::eventually;

async fn ask(subject: &mut Subject, sql: &str) -> Result<Rows, Problem> {
    subject.rows(&Question::Sql(sql.to_owned())).await
}

async fn cells(subject: &mut Subject, sql: &str) -> Vec<Cell> {
    let mut rows = ask(subject, sql).await.unwrap_or_else(|problem| panic!("{sql}: {problem}"));
    assert_eq!(rows.rows.len(), 1, "{sql}");
    rows.rows.remove(0)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

#[tokio::test]
async fn have_every_type() {
    let server = Postgres::start().await;
    // Nothing that an account has by default may change how values are written.
    server.sql("ALTER ROLE postgres SET DateStyle = 'SQL, DMY'").await;
    server.sql("ALTER ROLE postgres SET IntervalStyle = iso_8601").await;
    server.sql("ALTER ROLE postgres SET TimeZone = 'Asia/Kathmandu'").await;
    server.sql("CREATE TYPE plan AS ENUM ('free', 'pro'); CREATE DOMAIN cents AS bigint").await;
    let mut subject = postgres(&server.url());
    let number = Cell::Number;
    let cases = [
        ("NULL::int", Cell::Null),
        ("true", number(1.0)),
        ("false", number(0.0)),
        ("42::smallint", number(42.0)),
        ("-7", number(-7.0)),
        ("count(*)", number(1.0)),
        ("7::cents", number(7.0)),
        // An id that no float holds.
        ("9007199254740993", text("9007199254740993")),
        ("1.5::numeric", number(1.5)),
        ("12.50::numeric", text("12.50")),
        ("0.25::float4", number(0.25)),
        ("1e300::float8", number(1e300)),
        ("'-Infinity'::float8", number(f64::NEG_INFINITY)),
        ("timestamptz '2024-02-29 12:00:00.5+05:45'", number(1_709_187_300.5)),
        ("timestamp '2024-02-29 06:15:00.5'", number(1_709_187_300.5)),
        ("timestamp '1969-12-31 23:59:59.75'", number(-0.25)),
        ("date '2024-02-29'", number(1_709_164_800.0)),
        ("timestamptz 'infinity'", number(f64::INFINITY)),
        ("date '0044-03-15 BC'", text("0044-03-15 BC")),
        ("interval '1 year 2 mons -3 days 04:05:06.75'", number(31_557_600.0 + 57.0 * 86_400.0 + 14_706.75)),
        ("interval '-90 minutes'", number(-5400.0)),
        ("interval '0'", number(0.0)),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("'pro'::plan", text("pro")),
        ("'{\"a\": 1}'::jsonb", text("{\"a\": 1}")),
        ("ARRAY[1, 2]", text("{1,2}")),
        ("'čaj'", text("čaj")),
        ("''", text("")),
    ];
    for (expression, expected) in cases {
        let sql = format!("SELECT {expression} AS value");
        assert_eq!(cells(&mut subject, &sql).await, [expected], "{expression}");
    }
    let rows = ask(&mut subject, "VALUES (1, 'a'), (2, NULL)").await.expect("it is a query");
    let expected = [vec![number(1.0), text("a")], vec![number(2.0), Cell::Null]];
    assert_eq!(
        (rows.columns, rows.rows),
        (vec!["column1".to_owned(), "column2".to_owned()], expected.into())
    );
}

#[tokio::test]
async fn may_be_written_in_many_ways() {
    let server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    for sql in [
        "SELECT 7;",
        "  -- first\n SELECT 7 -- last",
        "/* a /* b */ */ SELECT 7 /* c */;  ",
        "WITH seven AS (SELECT 7 AS n) SELECT n FROM seven",
        "(SELECT 3) UNION ALL (SELECT 7) ORDER BY 1 DESC LIMIT 1",
        "TABLE (SELECT 7) AS t",
        "SELECT 14 / 2 AS \"*/ no end of a comment\"",
    ] {
        if sql.starts_with("TABLE") {
            assert_eq!(ask(&mut subject, sql).await.expect_err("no such syntax").reason, Reason::Query);
            continue;
        }
        assert_eq!(cells(&mut subject, sql).await, [Cell::Number(7.0)], "{sql}");
    }
}

#[tokio::test]
async fn are_one_select_and_nothing_else() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1); CREATE SEQUENCE ids").await;
    server
        .sql(
            "CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING 1'; \
             CREATE PROCEDURE wipe() LANGUAGE plpgsql AS 'BEGIN COMMIT; DELETE FROM orders; COMMIT; END'",
        )
        .await;
    // A superuser, whom no missing right holds back.
    let mut subject = postgres(&server.url());
    let (query, permission) = (Reason::Query, Reason::Permission);
    for (sql, reason) in [
        ("DELETE FROM orders", query),
        ("DELETE FROM orders RETURNING id", query),
        ("SET default_transaction_read_only = off; DELETE FROM orders", query),
        ("SELECT 1; DELETE FROM orders", query),
        ("SELECT 1; COMMIT; DELETE FROM orders", query),
        ("COMMIT", query),
        ("SET TRANSACTION READ WRITE", query),
        ("SELECT 1 AS \"*/; COMMIT; DELETE FROM orders --\" FROM nowhere", query),
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", query),
        ("SELECT * INTO copied FROM orders", query),
        ("COPY orders TO '/tmp/orders'", query),
        ("CALL wipe()", query),
        ("DO 'BEGIN DELETE FROM orders; END'", query),
        ("EXPLAIN ANALYZE DELETE FROM orders", query),
        ("SELECT harmless()", permission),
        ("SELECT nextval('ids')", permission),
        ("SELECT * FROM orders FOR UPDATE", permission),
        ("SELECT set_config('transaction_read_only', 'off', false), harmless()", query),
        ("SELECT $1", query),
        ("SELECT id FROM nowhere", query),
        ("", query),
    ] {
        let problem = ask(&mut subject, sql).await.expect_err(sql);
        assert_eq!(problem.reason, reason, "{sql}: {problem}");
        // The same session goes on, as read-only as before.
        assert_eq!(cells(&mut subject, "SELECT count(*) FROM orders").await, [Cell::Number(1.0)]);
    }
    assert_eq!(server.sql("SELECT count(*), (SELECT is_called FROM ids) FROM orders").await, "1|f");
    assert_eq!(ours(&server).await, (1, 0));
}

#[tokio::test]
async fn leave_no_setting_behind() {
    let server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    let changed =
        "SELECT set_config('statement_timeout', '0', false), set_config('role', 'pg_monitor', false)";
    cells(&mut subject, changed).await;
    let settings = "SELECT current_setting('statement_timeout') <> '0', current_user::text";
    assert_eq!(cells(&mut subject, settings).await, [Cell::Number(1.0), text("postgres")]);
}

/// People are alerted by the number of transactions that are rolled back.
#[tokio::test]
async fn roll_nothing_back() {
    const TRANSACTIONS: u64 = 20;
    let server = Postgres::start().await;
    let ended = async |column: &str| {
        let sql = format!("SELECT {column} FROM pg_stat_database WHERE datname = 'postgres'");
        server.sql(&sql).await.parse::<u64>().expect("a number")
    };
    let (committed, rolled_back) = (ended("xact_commit").await, ended("xact_rollback").await);
    let mut subject = postgres(&server.url());
    for _ in 0..TRANSACTIONS {
        cells(&mut subject, "SELECT 1").await;
    }
    subject.probe().await.expect("it answers");
    // A session tells what it has counted when it ends.
    drop(subject);
    let told = async || ended("xact_commit").await >= committed + TRANSACTIONS;
    eventually(SOON, "the transactions are counted", told).await;
    assert_eq!(ended("xact_rollback").await, rolled_back);
}

#[tokio::test]
async fn end_on_the_server_before_anybody_stops_waiting() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE orders").await;
    let mut subject = postgres(&server.url());
    for (sql, code) in [("SELECT pg_sleep(60)", "57014"), ("SELECT FROM orders", "55P03")] {
        let start = Instant::now();
        let problem = ask(&mut subject, sql).await.expect_err("it takes too long");
        assert_eq!(problem.reason, Reason::Timeout);
        assert!(problem.detail.starts_with(code), "{problem}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
    // The probe goes on beside the lane; both have given up nothing but the question.
    assert_eq!(subject.probe().await.expect("it answers").problems, []);
    assert_eq!(ours(&server).await, (2, 0));
}

#[tokio::test]
async fn show_their_text_to_the_administrator_and_stop_when_nobody_waits() {
    let server = Postgres::start().await;
    let mut subject = patient(&server.url(), Duration::from_secs(60));
    let shown = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
                 AND application_name = 'platform_exporter' AND query LIKE '%pg_sleep(4000   100)%'";
    {
        let asked = ask(&mut subject, "SELECT pg_sleep(4000 / 100)");
        let seen = eventually(SOON, "it is shown", async || server.sql(shown).await == "1");
        tokio::select! {
            answer = asked => panic!("{answer:?}"),
            () = seen => {}
        }
    }
    eventually(SOON, "the server noticed", async || ours(&server).await == (0, 0)).await;
    assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
}

#[tokio::test]
async fn do_not_fill_the_memory() {
    let server = Postgres::start().await;
    let mut subject = patient(&server.url(), Duration::from_secs(60));
    let problem = ask(&mut subject, "SELECT generate_series(1, 1000001)").await.expect_err("too many");
    assert_eq!(problem.reason, Reason::Query);
    assert!(problem.detail.contains("more than 1000000 rows"), "{problem}");
    assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
}
