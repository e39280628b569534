//! Answers that are far too large, or small on the wire and large in memory; and servers that give no answers at all.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Question, Rows};

use super::questions::{RUNS, ask, cells, text};
use super::{SOON, Subject, patient};
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::postgres_stand_in::{
    Answer, StandIn, announced, columns, done, fields, message, parameter, ready, row,
};
use testkit::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(120);
const WIDE: usize = 200;

async fn read(subject: &mut Subject, sql: &str, names: &[&str]) -> Result<Rows, Problem> {
    subject.read(&Question::new("sql", sql), &Columns::named(names.iter().copied())).await
}

/// A SELECT of many columns, of which all but the first are NULL.
fn wide(rows: usize) -> String {
    let nulls: String = (0..WIDE - 1).map(|number| format!(", NULL AS c{number}")).collect();
    format!("SELECT n AS value{nulls} FROM generate_series(1, {rows}) AS n")
}

#[tokio::test]
async fn columns_that_nobody_reads_are_not_kept() {
    let server = Postgres::start().await;
    let mut subject = patient(&server.url(), PATIENCE);
    for _ in 0..RUNS {
        let rows =
            read(&mut subject, &wide(50_000), &["c7", "value", "gone"]).await.expect("it is let through");
        assert_eq!((rows.columns, rows.rows.len()), (vec!["value".to_owned(), "c7".to_owned()], 50_000));
        assert_eq!(rows.rows[49_999], [Cell::Number(50_000.0), Cell::Null]);
        assert_eq!((rows.unread.len(), &*rows.unread[0], &*rows.unread[7]), (20, "c0", "c8"));
    }
    // Every column: a NULL is nothing on the wire, and a cell in memory.
    let problem = ask(&mut subject, &wide(50_000)).await.expect_err("50,000 rows of 200 cells");
    assert!(problem.reason == Reason::Query && problem.detail.contains("64 MiB"), "{problem}");
    // What the protocol adds to cells counts on the wire.
    let problem = read(&mut subject, &wide(600_000), &["value"]).await.expect_err("half a gigabyte");
    assert!(problem.reason == Reason::Query && problem.detail.contains("64 MiB"), "{problem}");
    assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
}

#[tokio::test]
async fn a_cell_that_is_far_too_large_is_not_read_to_its_end() {
    let server = Postgres::start().await;
    let mut subject = patient(&server.url(), PATIENCE);
    for _ in 0..RUNS {
        let problem = read(&mut subject, "SELECT repeat('x', 300000000) AS filler, 1 AS value", &["value"]);
        let problem = problem.await.expect_err("a cell of 300 MB");
        assert!(problem.reason == Reason::Query && problem.detail.contains("64 MiB"), "{problem}");
        let problem = ask(&mut subject, "SELECT repeat('x', 70000000)").await.expect_err("a cell of 70 MB");
        assert!(problem.reason == Reason::Query && problem.detail.contains("64 MiB"), "{problem}");
        assert_eq!(cells(&mut subject, "SELECT length(repeat('x', 300000000))").await, [Cell::Number(3e8)]);
    }
    // Text format is not parsed, however deeply it is nested.
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        cells(&mut subject, "SELECT repeat('[', 100000) || repeat(']', 100000)").await,
        [text(&nested)]
    );
}

async fn answered(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Problem {
    let server = StandIn::fetching(answer).await;
    let mut subject = patient(&server.url(), PATIENCE);
    ask(&mut subject, "SELECT 1").await.expect_err("it is refused")
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let problems = [
        answered(|| {
            let row = row(&[&vec![b'x'; 1 << 20]]);
            Answer::Repeated([columns(&["a".to_owned()]), row].concat(), 10_000)
        })
        .await,
        // One message of 2 GiB.
        answered(|| {
            let mut begun = columns(&["a".to_owned()]);
            let cell = [&[0, 1][..], &(i32::MAX - 10).to_be_bytes()].concat();
            begun.extend(announced(b'D', &cell, i32::MAX as usize - 4));
            begun.extend(vec![b'x'; 200 << 20]);
            Answer::Bytes(begun)
        })
        .await,
        answered(|| {
            Answer::Repeated(
                fields(b'N', &[('S', "NOTICE"), ('C', "00000"), ('M', &"x".repeat(1 << 16))]),
                100_000,
            )
        })
        .await,
        answered(|| {
            let many = (0..400_000).map(|number| parameter(&format!("{number:0200}"), "x"));
            Answer::Bytes(many.collect::<Vec<_>>().concat())
        })
        .await,
    ];
    for problem in problems {
        assert!(problem.reason == Reason::Query && problem.detail.contains("64 MiB"), "{problem}");
    }
}

/// The driver takes lengths and counts as they are, and panics where they lead out of a message.
#[tokio::test]
async fn what_is_malformed_does_not_reach_the_driver() {
    let one = columns(&["a".to_owned()]);
    for answer in [
        vec![b'Z', 0, 0, 0, 0],
        message(b'Z', b""),
        message(b'K', b"short"),
        message(b'R', b"\0\0\0\x0bnonsense,"),
        message(b'R', b"\0\0"),
        message(b't', &[0, 3]),
        message(b'A', b"x"),
        message(b'H', b""),
        row(&[b"not described"]),
        [one.clone(), row(&[])].concat(),
        [one.clone(), message(b'D', &[0, 1, 0, 0, 1, 0])].concat(),
        [one, message(b'D', &[0, 2, 0, 0, 0, 0])].concat(),
    ] {
        let sent = answer.clone();
        let problem = answered(move || Answer::Bytes([sent.clone(), done()].concat())).await;
        assert_eq!(problem.reason, Reason::Protocol, "{answer:?}: {problem}");
        assert!(problem.detail.contains("does not speak PostgreSQL's protocol"), "{answer:?}: {problem}");
    }
}

#[tokio::test]
async fn texts_and_columns_are_bounded() {
    let long = "x".repeat(10 << 20);
    let problem = answered(move || {
        let error =
            fields(b'E', &[('S', "ERROR"), ('V', "ERROR"), ('C', "XX000"), ('M', &long), ('D', &long)]);
        Answer::Bytes([error, ready()].concat())
    })
    .await;
    assert_eq!(problem.reason, Reason::Query);
    assert!(
        problem.detail.chars().count() <= 1001 && problem.detail.ends_with('…'),
        "{}",
        problem.detail.len()
    );

    let names: Vec<_> = (0..65_535).map(|number| format!("c{number}")).collect();
    let empty = vec![&b""[..]; names.len()];
    let answer = [columns(&names), row(&empty), done()].concat();
    let server = StandIn::fetching(move || Answer::Bytes(answer.clone())).await;
    let mut subject = patient(&server.url(), PATIENCE);
    let problem = ask(&mut subject, "SELECT 1").await.expect_err("too many columns");
    assert!(problem.detail.contains("2000 columns"), "{problem}");
    let rows = read(&mut subject, "SELECT 1", &["c60000"]).await.expect("one of them");
    assert_eq!((rows.rows, rows.unread.len()), (vec![vec![text("")]], 20));
}

/// The driver keeps what a server says of its settings, for as long as the session lasts.
#[tokio::test]
async fn a_session_that_has_brought_much_is_replaced() {
    let server = StandIn::fetching(|| {
        let padding = parameter("padding", &"x".repeat(30 << 20));
        Answer::Bytes([padding, columns(&["a".to_owned()]), row(&[b"1"]), done()].concat())
    })
    .await;
    let mut subject = patient(&server.url(), PATIENCE);
    for clients in [1, 1, 1, 2, 2, 2, 3] {
        let sql = format!("SELECT {}", fastrand::u64(..));
        assert_eq!(cells(&mut subject, &sql).await, [text("1")]);
        assert_eq!(server.clients(), clients);
    }
}

/// The binary that users run, with answers that took gigabytes or ended the driver.
#[tokio::test]
async fn the_memory_of_the_exporter_is_bounded() {
    let server = Postgres::start().await;
    server
        .sql(&format!("CREATE VIEW wide AS {}; CREATE VIEW fewer AS {}", wide(600_000), wide(60_000)))
        .await;
    let begun = [columns(&["a".to_owned()]), announced(b'D', &[0, 1], i32::MAX as usize - 4)].concat();
    let announcing = StandIn::fetching(move || Answer::Bytes(begun.clone())).await;
    // Lengths that the driver does not check.
    let broken = StandIn::start(|_| {
        Answer::Bytes([message(b'D', &[0, 1, 0, 0, 1, 0]), vec![b'D', 0, 0, 0, 0]].concat())
    })
    .await;
    let query = |name: &str, source: &str, sql: &str, more: &str| {
        let times = if source == "app" { "every: 2m, timeout: 2m" } else { "every: 5s, timeout: 5s" };
        format!(
            "  - {{name: {name}, source: {source}, {times}, sql: \"{sql}\", {more} \
             metrics: [{{name: acme_{name}, value: value, help: N.}}]}}\n"
        )
    };
    let config = format!(
        "sources:\n  app: {{postgres: {{url: '{}'}}}}\n  announcing: {{postgres: {{url: '{}'}}}}\n  \
         broken: {{postgres: {{url: '{}'}}}}\nqueries:\n{}{}{}{}{}{}",
        server.url(),
        announcing.url(),
        broken.url(),
        query("wide", "app", "SELECT * FROM wide", ""),
        query(
            "many",
            "app",
            "SELECT n::text AS label, 1 AS value FROM generate_series(1, 100000) AS n",
            "labels: [label],"
        ),
        query("cell", "app", "SELECT repeat('x', 300000000) AS filler, 1 AS value", ""),
        query(
            "texts",
            "app",
            "SELECT repeat('x', 60000) || n AS label, n AS value FROM generate_series(1, 1000) AS n",
            "labels: [label],"
        ),
        query("fewer", "app", "SELECT * FROM fewer", ""),
        query("announced", "announcing", "SELECT 1 AS value", ""),
    );
    let exporter = Exporter::start(&config).await;
    let runs = async |source: &str, query: &str, reason: &str| {
        let series = format!(
            "platform_query_failures_total{{source=\"{source}\",query=\"{query}\",reason=\"{reason}\"}}"
        );
        exporter.value(&series).await.unwrap_or(0.0)
    };
    eventually(PATIENCE, "each has been run", async || {
        runs("app", "wide", "query").await > 0.0
            && runs("app", "cell", "query").await > 0.0
            && runs("app", "fewer", "query").await > 0.0
            && runs("announcing", "announced", "timeout").await > 0.0
            && exporter.value("platform_query_series{source=\"app\",query=\"many\"}").await > Some(0.0)
            && exporter.value("platform_query_series{source=\"app\",query=\"texts\"}").await > Some(0.0)
    })
    .await;
    let shown = exporter.get("/metrics").await;
    assert!(shown.contains("reason=\"protocol\""), "{shown}");
    assert!(!exporter.log().contains("event=panic"), "{}", exporter.log());
    exporter.wait_for("platform_source_up{source=\"app\",kind=\"postgres\"}", 1.0, SOON).await;
    let peak = exporter.memory().peak >> 20;
    println!("peak {peak} MiB");
    assert!(peak < 512, "{peak} MiB");
}
