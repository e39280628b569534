//! Declared questions: every type, no trace in the server, never for longer than they may take.

use std::time::{Duration, Instant};

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Question, Rows};

use super::{OpenTransaction, SOON, Subject, ours, patient, postgres};
use crate::packs::exported::check_live;
use testkit::postgres::Postgres;
use testkit::wait::eventually;

/// The server is asked in another way for a text that it has taken once, and again for one that it has prepared.
pub(super) const RUNS: usize = 3;

pub(super) async fn ask(subject: &mut Subject, sql: &str) -> Result<Rows, Problem> {
    subject.rows(&Question::new("sql", sql)).await
}

pub(super) async fn cells(subject: &mut Subject, sql: &str) -> Vec<Cell> {
    let mut rows = ask(subject, sql).await.unwrap_or_else(|problem| panic!("{sql}: {problem}"));
    assert_eq!(rows.rows.len(), 1, "{sql}");
    rows.rows.remove(0)
}

pub(super) fn text(text: &str) -> Cell {
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
async fn leave_no_setting_behind() {
    let server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    let changed =
        "SELECT set_config('statement_timeout', '0', false), set_config('role', 'pg_monitor', false)";
    let settings = "SELECT current_setting('statement_timeout') <> '0', current_user::text";
    for _ in 0..RUNS {
        cells(&mut subject, changed).await;
        assert_eq!(cells(&mut subject, settings).await, [Cell::Number(1.0), text("postgres")]);
    }
}

/// Workers would take processors from those whom the database is for.
/// Each has a limit of its own on the server: what is left of its time.
#[tokio::test]
async fn leave_one_entry_in_the_statistics_of_statements() {
    let server = Postgres::options().setting("shared_preload_libraries = pg_stat_statements").start().await;
    server.sql("CREATE EXTENSION pg_stat_statements").await;
    let mut entries = Vec::new();
    for timeout in [5_000, 6_001, 7_013, 8_117, 9_999] {
        let mut subject = patient(&server.url(), Duration::from_millis(timeout));
        for _ in 0..RUNS {
            subject.probe().await.expect("it answers");
            assert_eq!(
                cells(&mut subject, "SELECT count(*) FROM pg_class WHERE relname = 'none'").await,
                [Cell::Number(0.0)]
            );
        }
        entries.push(
            server.sql("SELECT count(*) FROM pg_stat_statements WHERE query !~ 'pg_stat_statements'").await,
        );
    }
    assert!(entries.iter().all(|count| *count == entries[0]), "{entries:?}");
}

#[tokio::test]
async fn are_worked_on_by_one_process() {
    let server = Postgres::options()
        .setting("max_parallel_workers_per_gather = 4")
        .setting("min_parallel_table_scan_size = 0")
        .setting("parallel_setup_cost = 0")
        .setting("parallel_tuple_cost = 0")
        .start()
        .await;
    server.sql("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id; ANALYZE orders").await;
    server
        .sql(
            "CREATE FUNCTION worker() RETURNS bool LANGUAGE sql PARALLEL SAFE AS \
             'SELECT backend_type = ''parallel worker'' FROM pg_stat_activity WHERE pid = pg_backend_pid()'",
        )
        .await;
    let by_workers = "SELECT count(*) FROM orders WHERE worker()";
    let mut subject = postgres(&server.url());
    for _ in 0..RUNS {
        assert_eq!(cells(&mut subject, by_workers).await, [Cell::Number(0.0)]);
    }
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
    // A session reports what it has counted when it ends.
    drop(subject);
    let reported = async || ended("xact_commit").await >= committed + TRANSACTIONS;
    eventually(SOON, "the transactions are counted", reported).await;
    assert_eq!(ended("xact_rollback").await, rolled_back);
}

#[tokio::test]
async fn end_on_the_server_before_anybody_stops_waiting() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int); CREATE TABLE naps (length int)").await;
    let mut subject = postgres(&server.url());
    let (known_nap, known_look) = ("SELECT pg_sleep(length) FROM naps", "SELECT id FROM orders");
    for quick in [known_nap, known_look] {
        assert_eq!(ask(&mut subject, quick).await.expect("it answers").rows.len(), 0);
    }
    server.sql("INSERT INTO naps VALUES (60)").await;
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE orders").await;
    for (sql, code) in [
        ("SELECT pg_sleep(60)", "57014"),
        ("SELECT FROM orders", "55P03"),
        (known_nap, "57014"),
        (known_look, "55P03"),
    ] {
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
    server.sql("CREATE TABLE naps (length int); INSERT INTO naps VALUES (4000)").await;
    let mut subject = patient(&server.url(), Duration::from_secs(60));
    let nap = "SELECT pg_sleep(length / 100) FROM naps";
    let shown_as = async |subject: &mut Subject, text: &str| {
        let shown = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
             AND application_name = 'platform_exporter' AND query LIKE '%pg_sleep({text})%'"
        );
        {
            let asked = ask(subject, nap);
            let seen = eventually(SOON, "it is shown", async || server.sql(&shown).await == "1");
            tokio::select! {
                answer = asked => panic!("{answer:?}"),
                () = seen => {}
            }
        }
        eventually(SOON, "the server noticed", async || ours(&server).await == (0, 0)).await;
    };
    shown_as(&mut subject, "length   100").await;
    server.sql("UPDATE naps SET length = 0").await;
    assert_eq!(cells(&mut subject, nap).await, [text("")]);
    server.sql("UPDATE naps SET length = 4000").await;
    shown_as(&mut subject, "length / 100").await;
    assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
}

#[tokio::test]
async fn do_not_fill_the_memory() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE sizes AS SELECT 1000001 AS most").await;
    let mut subject = patient(&server.url(), Duration::from_secs(60));
    let series = "SELECT generate_series(1, most) FROM sizes";
    for known in [false, true] {
        if known {
            server.sql("UPDATE sizes SET most = 1").await;
            assert_eq!(cells(&mut subject, series).await, [Cell::Number(1.0)]);
            server.sql("UPDATE sizes SET most = 1000001").await;
        }
        let problem = ask(&mut subject, series).await.expect_err("too many");
        assert_eq!(problem.reason, Reason::Query);
        assert!(problem.detail.contains("more than 1000000 rows"), "{problem}");
    }
    assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
}

#[tokio::test]
async fn a_check_says_beforehand_that_queries_have_too_little_time() {
    let server = Postgres::start().await;
    let query = |name: &str, seconds: f64| {
        format!(
            "- {{name: {name}, source: db, every: 1s, sql: 'SELECT {seconds} AS n FROM pg_sleep({seconds})', \
             metrics: [{{name: acme_{name}, value: n, help: N.}}]}}\n"
        )
    };
    let source = format!("sources: {{db: {{postgres: {{url: '{}'}}}}}}\nqueries:\n", server.url());
    let directory = tempfile::tempdir().unwrap();
    let check = |queries: &str| check_live(directory.path(), &(source.clone() + queries));
    let (is_good, text) = check(&query("alone", 0.5));
    assert!(is_good, "{text}");
    let (is_good, text) = check(&(query("brief", 0.4) + &query("long", 0.8)));
    assert!(!is_good);
    let expected = "FAIL  queries of db: slow: they need 1.2 connections and have one, so they will run late: raise \
                    `every` or make them faster, first of all long (";
    assert!(text.contains(expected), "{text}");
}
