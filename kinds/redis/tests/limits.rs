//! Answers that a server should not give: nested, endless, or small on the wire and large in memory.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Rows};

use super::{Subject, ask, command, scan, source};
use testkit::exporter::Exporter;
use testkit::redis::Redis;
use testkit::redis_stand_in::StandIn;
use testkit::subject::Surroundings;

const PATIENCE: Duration = Duration::from_secs(60);

fn patient(url: &str) -> Subject {
    Surroundings { timeout: PATIENCE, ..Surroundings::default() }.source(&format!("redis: {{url: '{url}'}}"))
}

/// What comes of an answer to GET, and of the next question to another server in the same process.
async fn got(bytes: impl Into<Vec<u8>>) -> Result<Rows, Problem> {
    let server = StandIn::answering("GET", bytes.into()).await;
    patient(&server.url()).rows(&command(&["GET", "a"])).await
}

async fn refused(bytes: impl Into<Vec<u8>>) -> Problem {
    got(bytes).await.expect_err("it is refused")
}

#[tokio::test]
async fn nesting_is_refused_before_it_is_parsed() {
    for kind in ["*1", "~1", ">2\r\n+a", "%1\r\n+a", "|1\r\n+a", "*2\r\n:1"] {
        for depth in [33, 100_000] {
            let problem = refused(format!("{kind}\r\n").repeat(depth)).await;
            assert_eq!(problem.reason, Reason::Protocol, "{kind} {depth}: {problem}");
            assert!(problem.detail.contains("nested more than 32 levels"), "{kind} {depth}: {problem}");
        }
    }
    got("*1\r\n".repeat(32) + ":1\r\n").await.expect("this much is fine");
    // Many lists beside each other are not nested.
    let beside = format!("*20000\r\n{}", "*1\r\n*0\r\n".repeat(20_000));
    assert_eq!(got(beside).await.expect("they are flat").rows.len(), 20_000);
}

#[tokio::test]
async fn lengths_that_are_announced_are_not_waited_for() {
    for announced in [
        "*2147483647\r\n",
        "*9223372036854775807\r\n",
        "~2147483647\r\n",
        "%4611686018427387904\r\n",
        "%9223372036854775807\r\n",
        "|9223372036854775807\r\n",
        ">9223372036854775807\r\n",
        "$2147483647\r\n",
        "$9223372036854775807\r\n",
        "=9223372036854775807\r\n",
        "!2147483647\r\n",
        "*1000\r\n*2000000\r\n",
    ] {
        let problem = refused(announced).await;
        assert_eq!(problem.reason, Reason::Query, "{announced}: {problem}");
        assert!(problem.detail.contains("larger than 64 MiB"), "{announced}: {problem}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_protocol_problem() {
    for bytes in [
        "*x\r\n",
        "$1x\r\na\r\n",
        "*99999999999999999999\r\n",
        "%-1\r\n",
        "=-1\r\n",
        "?\r\n",
        "HTTP/1.1 400\r\n",
    ] {
        let problem = refused(bytes).await;
        assert_eq!(problem.reason, Reason::Protocol, "{bytes:?}: {problem}");
    }
    let problem = refused(format!("+{}", "x".repeat(100_000))).await;
    assert_eq!(problem.reason, Reason::Protocol, "{problem}");
}

/// Whatever the pieces are in which an answer comes.
#[tokio::test]
async fn answers_of_both_protocols_are_let_through() {
    for (bytes, expected) in [
        ("*3\r\n$1\r\na\r\n$-1\r\n*-1\r\n", 3),
        ("~2\r\n+a\r\n:1\r\n", 2),
        ("*4\r\n,1.5\r\n#t\r\n_\r\n(12345678901234567890\r\n", 4),
        ("*1\r\n=5\r\ntxt:a\r\n", 1),
        ("$0\r\n\r\n", 1),
        ("*0\r\n", 0),
        ("*2\r\n$5\r\n\r\n*1\r\r\n+\r\r\n", 2),
    ] {
        let rows = got(bytes).await.unwrap_or_else(|problem| panic!("{bytes:?}: {problem}"));
        assert_eq!(rows.rows.len(), expected, "{bytes:?}");
    }
}

#[tokio::test]
async fn small_elements_are_charged_for_what_they_take() {
    let server = StandIn::start(|words| match words[0].as_str() {
        "LRANGE" => {
            let count: usize = words[3].parse().expect("a number");
            format!("*{count}\r\n{}", "$1\r\nx\r\n".repeat(count)).into()
        }
        _ => b"+OK\r\n".to_vec(),
    })
    .await;
    let mut subject = patient(&server.url());
    assert_eq!(ask(&mut subject, &["LRANGE", "a", "0", "500000"]).await.rows.len(), 500_000);
    for count in ["850000", "7000000"] {
        let problem = subject.rows(&command(&["LRANGE", "a", "0", count])).await.expect_err("too many");
        assert_eq!(problem.reason, Reason::Query, "{problem}");
        assert!(problem.detail.contains("LLEN"), "it says what to do: {problem}");
    }
    // Many answers to one question share its memory; those to the next have their own.
    for _ in 0..3 {
        assert_eq!(ask(&mut subject, &["LRANGE", "a", "0", "500000"]).await.rows.len(), 500_000);
    }
}

/// Each client with a field of its own: a table of them would be quadratic.
#[tokio::test]
async fn fields_of_their_own_are_no_columns() {
    let list: String = (0..200_000).map(|number| format!("id={number} field{number}=1\n")).collect();
    let answer = format!("${}\r\n{list}\r\n", list.len());
    let server = StandIn::answering("CLIENT", answer.into()).await;
    let (clients, mut subject) = (command(&["CLIENT", "LIST"]), patient(&server.url()));
    let problem = subject.rows(&clients).await.expect_err("too many columns");
    assert!(problem.reason == Reason::Query && problem.detail.contains("2000 columns"), "{problem}");
    let wanted = Columns::named(["id", "field7", "gone"]);
    let rows = subject.read(&clients, &wanted).await.expect("these are few");
    assert_eq!((rows.columns, rows.rows.len()), (vec!["id".to_owned(), "field7".to_owned()], 200_000));
    assert_eq!(rows.unread.len(), 20);

    let maps: String = (0..100_000).map(|number| format!("*2\r\n+field{number}\r\n:1\r\n")).collect();
    let server = StandIn::answering("XINFO", format!("*100000\r\n{maps}").into()).await;
    let problem =
        patient(&server.url()).rows(&command(&["XINFO", "GROUPS", "a"])).await.expect_err("too many");
    assert!(problem.detail.contains("2000 columns"), "{problem}");
}

#[tokio::test]
async fn an_info_without_end_is_refused() {
    for (line, table, expected) in
        [("a:\r\n", "INFO", "50000 fields"), ("db1:keys=1,NUMBER=2\r\n", "keyspace", "2000 columns")]
    {
        let info: String = (0..if table == "INFO" { 60_000 } else { 40_000 })
            .map(|number| line.replace("NUMBER", &format!("field{number}")))
            .collect();
        let server = StandIn::answering("INFO", format!("${}\r\n{info}\r\n", info.len()).into()).await;
        let mut subject = patient(&server.url());
        let words = if table == "INFO" { vec!["INFO"] } else { vec!["INFO", table] };
        let problem = subject.rows(&command(&words)).await.expect_err("too many");
        assert!(problem.detail.contains(expected), "{problem}");
    }
}

#[tokio::test]
async fn a_scan_that_does_not_end_ends() {
    let page: String = (0..1000).map(|_| "$1\r\na\r\n").collect();
    let server = StandIn::answering("SCAN", format!("*2\r\n$1\r\n7\r\n*1000\r\n{page}").into()).await;
    let mut subject = source(&server.url(), "scan_budget: 100");
    let problem = subject.rows(&scan("*", None)).await.expect_err("it would not end");
    assert_eq!(problem.reason, Reason::Cardinality, "{problem}");
}

#[tokio::test]
async fn a_long_refusal_is_cut() {
    let problem = refused(format!("-ERR {}\r\n", "x".repeat(50_000))).await;
    assert_eq!(problem.reason, Reason::Query);
    assert!(problem.detail.chars().count() <= 1001 && problem.detail.ends_with('…'), "{problem}");
}

/// The binary that users run, with a list of seven million elements, and one of as many as are let through.
#[tokio::test]
async fn the_memory_of_the_exporter_is_bounded() {
    let server = Redis::start().await;
    let fill = "for i = 1, ARGV[1] / 1000 do redis.call('RPUSH', KEYS[1], unpack(loadstring(ARGV[2])())) end";
    let thousand = "local t = {} for i = 1, 1000 do t[i] = '7' end return t";
    for (key, count) in [("large", "700000"), ("huge", "7000000")] {
        server.run::<()>(&["EVAL", fill, "1", key, count, thousand]).await;
    }
    let nested = StandIn::answering("GET", "*1\r\n".repeat(100_000).into()).await;
    let query = |name: &str, source: &str, words: &str| {
        format!(
            "  - {{name: {name}, source: {source}, every: 60s, timeout: 60s, redis: {{command: [{words}]}}, \
             metrics: [{{name: acme_{name}, value: value, help: N.}}]}}\n"
        )
    };
    let exporter = Exporter::start(&format!(
        "sources:\n  app: {{redis: {{url: '{}'}}, interval: 30s, timeout: 30s}}\n  odd: {{redis: {{url: '{}'}}, interval: 1s}}\n\
         queries:\n{}{}{}",
        server.url(),
        nested.url(),
        query("large", "app", "LRANGE, large, '0', '-1'"),
        query("huge", "app", "LRANGE, huge, '0', '-1'"),
        query("nested", "odd", "GET, a"),
    ))
    .await;
    let failures = async |source: &str, query: &str, reason: &str| {
        let series = format!(
            "platform_query_failures_total{{source=\"{source}\",query=\"{query}\",reason=\"{reason}\"}}"
        );
        exporter.value(&series).await.unwrap_or(0.0)
    };
    testkit::wait::eventually(PATIENCE, "each has failed", async || {
        failures("app", "large", "query").await > 0.0
            && failures("app", "huge", "query").await > 0.0
            && failures("odd", "nested", "protocol").await > 0.0
    })
    .await;
    let peak = exporter.memory().peak >> 20;
    println!("peak {peak} MiB");
    assert!(peak < 256, "{peak} MiB");
    exporter.wait_for("platform_source_up{source=\"app\",kind=\"redis\"}", 1.0, PATIENCE).await;
}
