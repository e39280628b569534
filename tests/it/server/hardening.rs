//! Clients that are slow, many, wrong or greedy: they get little, and `/metrics` goes on answering.

use std::fs;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::web::{SOURCES, Site, TLS};
use testkit::exporter::Exporter;
use testkit::http;
use testkit::wait::eventually;

/// More than the exporter keeps open at once.
const MANY: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(exporter: &Exporter) -> TcpStream {
    TcpStream::connect(exporter.address()).await.unwrap()
}

/// Sends something, and reads until the exporter closes the connection, or for as long as it takes to say enough.
async fn exchange(exporter: &Exporter, request: &[u8], enough: impl Fn(&str) -> bool) -> String {
    let mut client = connect(exporter).await;
    // A refusal may come before all is sent.
    let _ = client.write_all(request).await;
    let mut answer = Vec::new();
    let read = async {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut part).await {
            answer.extend_from_slice(&part[..length]);
            if enough(&String::from_utf8_lossy(&answer)) {
                break;
            }
        }
    };
    timeout(PATIENCE, read).await.expect("the exporter answers, or closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn status(exporter: &Exporter, request: &[u8]) -> String {
    let answer = exchange(exporter, request, |answer| answer.contains("\r\n\r\n")).await;
    answer.split(' ').nth(1).unwrap_or("closed").to_owned()
}

/// `/metrics` answers a client that has just come.
async fn is_well(exporter: &Exporter) {
    let response =
        timeout(Duration::from_secs(10), http::client().get(exporter.url("/metrics")).send()).await;
    assert_eq!(response.expect("in time").unwrap().status().as_u16(), 200);
}

fn sockets(exporter: &mut Exporter) -> usize {
    let directory = format!("/proc/{}/fd", exporter.process().pid());
    let links = fs::read_dir(directory).unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

#[tokio::test]
async fn heads_and_handshakes_that_do_not_end_are_cut_off() {
    let (plain, site) = (Exporter::start(SOURCES).await, Site::start(TLS).await);
    // A record of a handshake, of which only the beginning comes.
    let beginnings =
        [(&plain, &b"GET /metrics HTTP/1.1\r\nHost: x\r\n"[..]), (&site.exporter, &[0x16, 3, 1, 2, 0, 1])];
    let cut_off = join_all(beginnings.map(async |(exporter, beginning)| {
        let mut client = connect(exporter).await;
        client.write_all(beginning).await.unwrap();
        let (mut reader, mut writer) = client.into_split();
        let dribble = async {
            while writer.write_all(b"X").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let end = async { drop(reader.read_to_end(&mut Vec::new()).await) };
        tokio::join!(dribble, end)
    }));
    timeout(PATIENCE, cut_off).await.expect("the exporter closes the connections");
    is_well(&plain).await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let exporter = Exporter::start(SOURCES).await;
    let get = |head: &str| format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n");
    assert_eq!(status(&exporter, get("X-Fits: 1234\r\n").as_bytes()).await, "200");
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    assert_eq!(status(&exporter, get(&long).as_bytes()).await, "431");
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(status(&exporter, get(&many).as_bytes()).await, "431");
    let uri = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(20_000));
    assert_eq!(status(&exporter, uri.as_bytes()).await, "431");
    is_well(&exporter).await;
}

/// Whoever keeps connections without asking anything loses them to those who ask.
#[tokio::test]
async fn idle_connections_lock_nobody_out() {
    let mut exporter = Exporter::start(SOURCES).await;
    is_well(&exporter).await;
    let before = exporter.memory().resident;
    let mut idle = Vec::new();
    for number in 0..MANY {
        let mut client = connect(&exporter).await;
        if number % 2 == 0 {
            client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x").await.unwrap();
        }
        idle.push(client);
    }
    let last = idle.last_mut().unwrap();
    last.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    last.read_exact(&mut answer).await.expect("the last is still there");
    assert_eq!(&answer, b"HTTP/1.1 200");
    is_well(&exporter).await;
    eventually(Duration::from_secs(10), "the places are bounded", async || sockets(&mut exporter) < 600)
        .await;
    let grown = exporter.memory().resident.saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more than before");
    let closed = timeout(Duration::from_secs(5), idle[0].read(&mut [0])).await.expect("the first is closed");
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
}

#[tokio::test]
async fn requests_may_come_before_the_last_is_answered() {
    let exporter = Exporter::start(SOURCES).await;
    let one = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = exchange(&exporter, format!("{}{last}", one.repeat(200)).as_bytes(), |_| false).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 200);
    assert_eq!(answers.matches("HTTP/1.1 404 Not Found").count(), 1);
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let exporter = Exporter::start(SOURCES).await;
    for request in [
        &b"hello\r\n\r\n"[..],
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nX-Zero: \0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let reported = status(&exporter, request).await;
        let shown = String::from_utf8_lossy(request);
        assert!(matches!(reported.as_str(), "400" | "405" | "505" | "closed"), "{shown:?}: {reported}");
    }
    is_well(&exporter).await;
}

/// A body where none belongs is not read, and one that never ends does not have to be.
#[tokio::test]
async fn bodies_are_not_taken_in() {
    let exporter = Exporter::start(SOURCES).await;
    let with_body =
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(status(&exporter, with_body).await, "200");
    let before = exporter.memory().resident;
    let greedy = join_all((0..20).map(async |number| {
        let path = if number % 2 == 0 { "/metrics" } else { "/heartbeat/backup/host1" };
        let mut client = connect(&exporter).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let chunk = [b"10000\r\n", vec![b'x'; 1 << 16].as_slice(), b"\r\n"].concat();
        let mut sent = 0;
        while client.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
            assert!(sent < 64 << 20, "{path}: {sent} bytes were taken");
        }
    }));
    timeout(PATIENCE, greedy).await.expect("the exporter closes the connections");
    is_well(&exporter).await;
    let grown = exporter.memory().resident.saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more than before");
}

/// Who asks and asks and reads nothing is not listened to any more.
#[tokio::test]
async fn answers_that_nobody_reads_do_not_pile_up() {
    let exporter = Exporter::start(SOURCES).await;
    is_well(&exporter).await;
    let before = exporter.memory().resident;
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let client = connect(&exporter).await;
        let requests = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
        // The kernel's buffers fill up in both directions, and then nothing more is taken.
        let mut sent = 0;
        while let Ok(Ok(length)) = timeout(Duration::from_millis(200), async {
            client.writable().await.unwrap();
            client.try_write(&requests)
        })
        .await
        {
            sent += length;
            assert!(sent < 256 << 20, "{sent} bytes were taken");
        }
        deaf.push(client);
    }
    is_well(&exporter).await;
    let grown = exporter.memory().resident.saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more than before");
}

/// A class of workers that push without end is refused, and hurts nobody else.
#[tokio::test]
async fn pushes_beyond_the_rate_are_refused() {
    let classes =
        "{backup: {push: true, token: secret, interval: 1h}, calm: {push: true, token: other, interval: 1h}}";
    let config = format!("sources: {{crons: {{workers: {{classes: {classes}}}, interval: 1s}}}}\n");
    let exporter = Exporter::start(&config).await;
    let push = |class: &str, token: &str, more: &str| {
        format!(
            "POST /heartbeat/{class}/host1 HTTP/1.1\r\nHost: x\r\n{more}Authorization: Bearer {token}\r\n\r\n"
        )
    };
    let last = push("calm", "other", "Connection: close\r\n");
    let all = format!("{}{last}", push("backup", "secret", "").repeat(4000));
    let (mut reader, mut writer) = connect(&exporter).await.into_split();
    let mut answers = String::new();
    let (sent, read) = tokio::join!(writer.write_all(all.as_bytes()), reader.read_to_string(&mut answers));
    sent.and(read).unwrap();
    let count = |status: &str| answers.matches(&format!("HTTP/1.1 {status}")).count();
    assert_eq!(count("200") + count("429"), 4001, "{}", &answers[answers.len() - 500..]);
    assert!(count("200") > 1000 && count("429") > 0, "{} taken", count("200"));
    let last = answers.rsplit("HTTP/1.1 ").next().unwrap();
    assert!(last.starts_with("200"), "another class has its own rate: {last}");
    // Without the token, there is no rate to use up.
    assert_eq!(status(&exporter, push("calm", "wrong", "").as_bytes()).await, "401");
}
