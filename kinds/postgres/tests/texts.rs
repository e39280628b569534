//! The texts of declared questions: one SELECT and nothing else, however often, and written in any way.

use platform_core::probe::Reason;
use platform_core::query::Cell;

use super::questions::{RUNS, ask, cells, text};
use super::{SOON, Subject, ours, postgres};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

#[tokio::test]
async fn may_be_written_in_many_ways() {
    let server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    for sql in [
        "SELECT 7",
        "SELECT 7;",
        "SELECT 7 ; ;; ",
        "SELECT 7 --",
        "SELECT 7 -- ; ROLLBACK",
        "SELECT 7; -- last",
        "SELECT 7;\r\n-- last\r\n",
        "  -- first\n SELECT 7 -- last",
        "/* a /* b */ */ SELECT 7 /* c */;  ",
        "SELECT 7 /* a /* ; -- */ ' */",
        "WITH seven AS (SELECT 7 AS n) SELECT n FROM seven",
        "(SELECT 3) UNION ALL (SELECT 7) ORDER BY 1 DESC LIMIT 1",
        "VALUES (7)",
        "SELECT 14 / 2 AS \"*/ no end of a comment\"",
        "SELECT 7 AS \"a;b\"\"c\"",
        "SELECT length('a;b''c--')",
        "SELECT length('a\\;b''c\\')",
        "SELECT length('seven'\n'--')",
        "SELECT length(E'a\\';b\\\\--')",
        "SELECT length(U&'\\0061;--/*b')",
        "SELECT length($$';--/*$$) + 1",
        "SELECT 7 WHERE $a$; COMMIT; --$a$ = $$; COMMIT; --$$",
    ] {
        for run in 0..RUNS {
            assert_eq!(cells(&mut subject, sql).await, [Cell::Number(7.0)], "{sql}, run {run}");
        }
    }
    let no_syntax = ask(&mut subject, "TABLE (SELECT 7) AS t").await.expect_err("it is none");
    assert_eq!(no_syntax.reason, Reason::Query);
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
        ("SELECT 1 /*", query),
        ("SELECT 1 /* a /* b */", query),
        ("SELECT 'a", query),
        ("SELECT $a$; COMMIT", query),
        ("SELECT 1; -- harmless\nDELETE FROM orders", query),
        ("SELECT 1; ROLLBACK TO SAVEPOINT declared; COMMIT; DELETE FROM orders", query),
        ("SELECT 1 WHERE 'a\\'; COMMIT; DELETE FROM orders; --' = ''", query),
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
        for _ in 0..RUNS {
            let problem = ask(&mut subject, sql).await.expect_err(sql);
            assert_eq!(problem.reason, reason, "{sql}: {problem}");
            // The same session goes on, as read-only as before.
            assert_eq!(cells(&mut subject, "SELECT count(*) FROM orders").await, [Cell::Number(1.0)]);
        }
    }
    assert_eq!(server.sql("SELECT count(*), (SELECT is_called FROM ids) FROM orders").await, "1|f");
    assert_eq!(ours(&server).await, (1, 0));
}

/// What a function does is another thing with each run.
#[tokio::test]
async fn stay_harmless_when_what_they_call_changes() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)").await;
    let function = "CREATE OR REPLACE FUNCTION changing() RETURNS bigint LANGUAGE sql AS";
    server.sql(&format!("{function} 'SELECT count(*) FROM orders'")).await;
    let mut subject = postgres(&server.url());
    for _ in 0..RUNS {
        assert_eq!(cells(&mut subject, "SELECT changing()").await, [Cell::Number(1.0)]);
    }
    server.sql(&format!("{function} 'DELETE FROM orders RETURNING 1::bigint'")).await;
    for _ in 0..RUNS {
        let problem = ask(&mut subject, "SELECT changing()").await.expect_err("it writes");
        assert_eq!(problem.reason, Reason::Permission, "{problem}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM orders").await, "1");
    assert_eq!(ours(&server).await, (1, 0));
}

/// What is prepared returns the columns that it had then, or an error.
#[tokio::test]
async fn follow_the_columns_of_their_tables() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)").await;
    let mut subject = postgres(&server.url());
    let mut expected = vec![Cell::Number(1.0)];
    for column in ["cents", "tax"] {
        for _ in 0..=RUNS {
            assert_eq!(cells(&mut subject, "SELECT * FROM orders").await, expected);
        }
        server.sql(&format!("ALTER TABLE orders ADD COLUMN {column} int DEFAULT 7")).await;
        expected.push(Cell::Number(7.0));
    }
    assert_eq!(cells(&mut subject, "SELECT * FROM orders").await, expected);
    // In the same session.
    assert_eq!(ours(&server).await, (1, 0));
}

/// A setting decides where a string with a backslash ends.
#[tokio::test]
async fn end_where_the_standard_has_it() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)").await;
    let one = r"SELECT 'a\' AS first, '; COMMIT; DELETE FROM orders; --' AS last";
    let many = r"SELECT 'a\'; COMMIT; DELETE FROM orders; --'";
    let set = async |value: &str| {
        server.sql(&format!("ALTER SYSTEM SET standard_conforming_strings = {value}")).await;
        server.sql("SELECT pg_reload_conf()").await;
        // A session has read it when a later one has it.
        let shown = async || server.sql("SHOW standard_conforming_strings").await == value;
        eventually(SOON, "it is set", shown).await;
    };
    let hold = async |subject: &mut Subject| {
        for _ in 0..RUNS {
            let expected = [text("a\\"), text("; COMMIT; DELETE FROM orders; --")];
            assert_eq!(cells(subject, one).await, expected);
            assert_eq!(ask(subject, many).await.expect_err("two statements").reason, Reason::Query);
        }
    };
    let mut subject = postgres(&server.url());
    for value in ["on", "off", "on"] {
        set(value).await;
        hold(&mut subject).await;
    }
    server.sql("ALTER ROLE postgres SET standard_conforming_strings = off").await;
    hold(&mut postgres(&server.url())).await;
    assert_eq!(server.sql("SELECT count(*) FROM orders").await, "1");
}
