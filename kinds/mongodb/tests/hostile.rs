//! What answers in place of a server, or from it, and means harm: it costs its own source, and nobody else.

use std::path::Path;
use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use platform_core::probe::{Problem, Reason};
use tokio::net::{TcpStream, UnixListener};

use super::{PATIENCE, question, yaml};
use testkit::exporter::Exporter;
use testkit::mongodb::Mongodb;
use testkit::mongodb_fake::{FakeMongodb, bytes, greeting, is_greeting, nested};
use testkit::subject::{Surroundings, source};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::until;
use testkit::web::{Web, reply};

/// What a slow machine may take.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn answers_that_are_nested_too_deeply_end_nothing_but_their_source() {
    let witness = Web::start(|_| reply(200, "fine")).await;
    let mut servers = Vec::new();
    for levels in [101, 1_200, 100_000] {
        servers.push(FakeMongodb::start(move |_, _| nested(levels)).await);
        servers.push(FakeMongodb::greeting_well(nested(levels)).await);
    }
    let mut config =
        format!("sources:\n  witness: {{http: {{url: 'http://{}/'}}, interval: 1s}}\n", witness.address());
    for (number, server) in servers.iter().enumerate() {
        let url = format!("mongodb://{}/?directConnection=true", server.address());
        config.push_str(&format!("  db{number}: {{mongodb: {{url: '{url}'}}, interval: 2s, timeout: 2s}}\n"));
    }
    let exporter = Exporter::start(&config).await;
    for number in 0..servers.len() {
        let series =
            format!(r#"platform_source_problem{{source="db{number}",kind="mongodb",reason="protocol"}}"#);
        exporter.wait_for(&series, 1.0, LONG).await;
        exporter
            .wait_for(&format!(r#"platform_source_up{{source="db{number}",kind="mongodb"}}"#), 0.0, LONG)
            .await;
    }
    let probes = r#"platform_probes_total{source="witness",kind="http"}"#;
    let before = exporter.value(probes).await.expect("the witness was probed");
    until(LONG, "the witness is probed on", async || {
        exporter.value(probes).await.filter(|now| *now > before + 1.0)
    })
    .await;
    assert_eq!(exporter.value(r#"platform_source_up{source="witness",kind="http"}"#).await, Some(1.0));
    let log = exporter.log();
    assert!(log.contains("answer is nested more than 100 levels deep"), "{log}");
}

#[tokio::test]
async fn an_answer_as_deep_as_mongodb_allows_is_read() {
    let server = FakeMongodb::start(|_, _| nested(100)).await;
    let url = format!("mongodb://{}/?directConnection=true", server.address());
    let answer =
        source(&yaml(&url, "")).rows(&question("{command: {buildInfo: 1}}")).await.expect("it is sound");
    assert_eq!(answer.rows.len(), 1);
}

async fn failure(server: &FakeMongodb, userinfo: &str) -> Problem {
    let url = format!("mongodb://{userinfo}{}/?directConnection=true", server.address());
    let surroundings = Surroundings { timeout: Duration::from_secs(5), ..Surroundings::default() };
    surroundings.source(&yaml(&url, "")).probe().await.expect_err("the source is down")
}

fn expect(problem: &Problem, reason: Reason, detail: &str) {
    assert_eq!(problem.reason, reason, "{problem}");
    assert!(problem.detail.contains(detail), "{problem}");
    assert!(problem.detail.len() < 1_200, "{problem}");
}

#[tokio::test]
async fn a_greeting_that_names_too_many_members_leads_nowhere() {
    let mut greets = greeting();
    greets.insert("hosts", (0..101).map(|host| format!("h{host}.invalid:1")).collect::<Vec<_>>());
    greets.insert("setName", "rs0");
    let server = FakeMongodb::start(move |_, _| bytes(&greets)).await;
    expect(&failure(&server, "").await, Reason::Protocol, "more than 100 members");
}

#[tokio::test]
async fn a_login_that_would_take_an_hour_is_not_begun() {
    let server = FakeMongodb::start(|command, asked| {
        if is_greeting(command) {
            return bytes(&greeting());
        }
        let nonce = asked.get_binary_generic("payload").map_or(&[][..], Vec::as_slice);
        let nonce = String::from_utf8_lossy(nonce);
        let nonce = nonce.rsplit_once("r=").map_or("", |(_, nonce)| nonce);
        let demand = format!("r={nonce}more,s=c2FsdHNhbHRzYWx0c2FsdA==,i=4294967295");
        let payload = Binary { subtype: BinarySubtype::Generic, bytes: demand.into_bytes() };
        bytes(&doc! {"conversationId": 1, "done": false, "payload": payload, "ok": 1})
    });
    expect(&failure(&server.await, "user:password@").await, Reason::Protocol, "iterations to log in");
}

#[tokio::test]
async fn an_answer_with_too_many_fields_is_not_decoded() {
    let fields: Document = (0..500_000).map(|field| (format!("{field}"), 1.into())).collect();
    let many = bytes(&doc! {"ok": 1, "a": fields});
    let greeted_badly = FakeMongodb::start({
        let many = many.clone();
        move |_, _| many.clone()
    });
    expect(&failure(&greeted_badly.await, "").await, Reason::Protocol, "larger than 256 KiB");
    let server = FakeMongodb::greeting_well(many).await;
    expect(&failure(&server, "").await, Reason::Query, "more than 500000 fields");
}

#[tokio::test]
async fn a_long_refusal_is_cut() {
    let refusal = doc! {"ok": 0, "code": 1, "codeName": "InternalError", "errmsg": "x".repeat(1 << 20)};
    let server = FakeMongodb::greeting_well(bytes(&refusal)).await;
    expect(&failure(&server, "").await, Reason::Query, "InternalError (1): xxx");
}

/// Eight thousand documents with a key of their own each are 300 kB on the wire, and would be 64 million cells.
const OWN_KEYS: &str = "[{$set: {n: {$range: [0, 8000]}}}, {$unwind: $n}, {$replaceWith: {$arrayToObject: [[\
                        {k: {$concat: [k, {$toString: $n}]}, v: 1}, {k: n, v: {$mod: [$n, 100]}}]]}}]";

#[tokio::test]
async fn documents_with_keys_of_their_own_do_not_fill_the_memory() {
    let server = Mongodb::start().await;
    let shop = server.client().await.database("shop");
    shop.collection("one").insert_one(doc! {"_id": 1}).await.unwrap();
    let config = format!(
        "sources: {{db: {{mongodb: {{url: '{}'}}, interval: 1s}}}}\nqueries:\n  - name: many\n    source: db\n    \
         every: 1s\n    mongo: {{database: shop, collection: one, pipeline: {OWN_KEYS}}}\n    metrics: [{{name: \
         many, value: n, help: A number.}}]\n",
        server.url()
    );
    let exporter = Exporter::start(&config).await;
    exporter.wait_for(r#"platform_source_up{source="db",kind="mongodb"}"#, 1.0, LONG).await;
    // Each of its rows has the same labels, none, so it is refused once it is read.
    let refused = r#"platform_query_failures_total{source="db",query="many",reason="query"}"#;
    let runs = async || exporter.value(refused).await.filter(|runs| *runs >= 2.0);
    until(LONG, "the query has run", runs).await;
    let peak = exporter.memory().peak >> 20;
    assert!(peak < 128, "{peak} MiB");
    let all = question(&format!("{{database: shop, collection: one, pipeline: {OWN_KEYS}}}"));
    let all = source(&yaml(&server.url(), "")).rows(&all).await.map(|rows| rows.rows.len());
    expect(&all.expect_err("every column"), Reason::Query, "more than 2000 columns");
}

/// Leads what connects to a file to a server.
fn lead(file: &Path, address: String) {
    let listener = UnixListener::bind(file).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
}

#[tokio::test]
async fn a_server_may_listen_at_a_file() {
    let server = Mongodb::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mongodb.sock");
    let url = format!("mongodb://{}/?directConnection=true", file.display().to_string().replace('/', "%2F"));
    let mut subject = source(&yaml(&url, ""));
    let problem = subject.probe().await.expect_err("nobody listens");
    assert_eq!(problem.reason, Reason::Connect, "{problem}");
    lead(&file, server.address());
    until(PATIENCE, "the source is up", async || subject.probe().await.ok()).await;
}

#[tokio::test]
async fn the_url_may_say_whom_to_trust() {
    let server = Mongodb::start().await;
    let (ca, other) = (Ca::generate(), Ca::generate());
    let front = TlsFront::start(&server.address(), &ca.issue(&["127.0.0.1"])).await;
    let with = |options: &str| {
        yaml(&format!("mongodb://{}/?directConnection=true&tls=true{options}", front.address()), "")
    };
    let trusting = |ca: &Ca| with(&format!("&tlsCAFile={}", ca.certificate().display()));
    for yaml in [trusting(&ca), with("&tlsInsecure=true"), with("&tlsAllowInvalidCertificates=true")] {
        source(&yaml).probe().await.unwrap_or_else(|problem| panic!("{yaml}: {problem}"));
    }
    for yaml in [trusting(&other), with("")] {
        assert_eq!(source(&yaml).probe().await.expect_err(&yaml).reason, Reason::Tls);
    }
}
