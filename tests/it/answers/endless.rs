use std::time::Duration;

use platform_core::probe::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::memory::Watched;
use super::{KINDS, content, reasons_of, subject};
use testkit::fake_broker::FakeBroker;

/// Answers every request with a beginning, and then the same for ever.
struct Endless {
    address: String,
    acceptor: JoinHandle<()>,
}

impl Endless {
    async fn start(beginning: &'static str, piece: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let acceptor = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(flood(client, beginning, piece));
            }
        });
        Self { address, acceptor }
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn flood(mut client: TcpStream, beginning: &str, piece: &str) -> std::io::Result<()> {
    client.read_buf(&mut Vec::new()).await?;
    client.write_all(beginning.as_bytes()).await?;
    let pieces = piece.repeat(16_384 / piece.len());
    loop {
        client.write_all(pieces.as_bytes()).await?;
    }
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// How much memory all kinds together may take, in MiB.
const MOST: u64 = 48;

#[tokio::test]
async fn take_neither_memory_nor_others_time() {
    let cases = [
        ("headers", "HTTP/1.1 200 OK\r\n", "x-header: value\r\n"),
        ("a header", "HTTP/1.1 200 OK\r\nx-header: ", "value "),
        ("a status line", "HTTP/1.1 200 ", "fine "),
        ("interim answers", "", "HTTP/1.1 103 Early Hints\r\nx-header: value\r\n\r\n"),
        ("chunk extensions", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1", ";extension=value"),
        ("small chunks", CHUNKED, "1\r\n \r\n"),
        ("trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x-trailer: value\r\n"),
    ];
    let broker = FakeBroker::start().await;
    for (name, beginning, piece) in cases {
        let server = Endless::start(beginning, piece).await;
        let contents: Vec<_> = KINDS.iter().map(|kind| content(kind, &broker, &server.address)).collect();
        let watched = Watched::start(&contents, Duration::from_secs(1)).await;
        watched.goes_on(2).await;
        let peak = watched.taken();
        println!("{name}: {peak} MiB");
        assert!(peak <= MOST, "{name}: {peak} MiB");
    }
}

/// They are small enough each for the HTTP library: the source says so before its deadline.
#[tokio::test]
async fn interim_answers_are_protocol() {
    let server = Endless::start("", "HTTP/1.1 103 Early Hints\r\nx-header: value\r\n\r\n").await;
    let broker = FakeBroker::start().await;
    for kind in KINDS {
        let reasons = reasons_of(subject(kind, &broker, &server.address).probe().await);
        assert_eq!(reasons, [Reason::Protocol], "{kind}");
    }
}
