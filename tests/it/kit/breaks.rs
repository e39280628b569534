//! The proxy that other tests rely on breaks connections in each of its ways.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use testkit::proxy::{Mode, Proxy};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;

const SHORT: Duration = Duration::from_millis(300);

/// A server that gives back what it gets.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

/// Sends eight bytes, and gives what comes back until eight bytes are there or the connection ends.
async fn exchange(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    stream.write_all(b"12345678").await?;
    let mut answer = Vec::new();
    while answer.len() < 8 && stream.read_buf(&mut answer).await? > 0 {}
    Ok(answer)
}

async fn connected() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(&echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.expect("it listens");
    assert_eq!(exchange(&mut stream).await.expect("it passes"), b"12345678");
    (proxy, stream)
}

#[tokio::test]
async fn refuses_and_resets() {
    let (proxy, mut stream) = connected().await;
    for mode in [Mode::Refuse, Mode::Reset] {
        proxy.set(mode).await;
        let error = exchange(&mut stream).await.expect_err("the old connection is gone");
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
        match TcpStream::connect(proxy.address()).await {
            Err(error) => assert_eq!((mode, error.kind()), (Mode::Refuse, ErrorKind::ConnectionRefused)),
            Ok(mut fresh) => {
                assert_eq!(mode, Mode::Reset);
                exchange(&mut fresh).await.expect_err("the new connection is reset");
            }
        }
        proxy.set(Mode::Pass).await;
        stream = TcpStream::connect(proxy.address()).await.expect("it listens again");
        exchange(&mut stream).await.expect("it passes again");
    }
}

#[tokio::test]
async fn holds_back_and_lets_go() {
    let (proxy, mut stream) = connected().await;
    for mode in [Mode::Blackhole, Mode::Unreachable] {
        proxy.set(mode).await;
        let connect = tokio::time::timeout(SHORT, TcpStream::connect(proxy.address())).await;
        assert_eq!(connect.is_err(), mode == Mode::Unreachable);
        stream.write_all(b"abcdefgh").await.expect("it is sent");
        let mut answer = [0; 8];
        tokio::time::timeout(SHORT, stream.read_exact(&mut answer)).await.expect_err("nothing comes");
        proxy.set(Mode::Pass).await;
        stream.read_exact(&mut answer).await.expect("it comes late");
        assert_eq!(&answer, b"abcdefgh");
    }
    TcpStream::connect(proxy.address()).await.expect("it listens again");
}

#[tokio::test]
async fn delays_cuts_trickles_and_spoils_answers() {
    let (proxy, mut stream) = connected().await;
    proxy.set(Mode::Delay(SHORT)).await;
    let start = Instant::now();
    exchange(&mut stream).await.expect("it passes late");
    assert!(start.elapsed() >= SHORT);
    proxy.set(Mode::Trickle).await;
    assert!(tokio::time::timeout(SHORT, exchange(&mut stream)).await.is_err());
    proxy.set(Mode::Garbage).await;
    let mut rest = [0; 7];
    stream.read_exact(&mut rest).await.expect("the rest of the trickle");
    assert_ne!(exchange(&mut stream).await.expect("something comes"), b"12345678");
    proxy.set(Mode::Cut(5)).await;
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("it listens");
    assert_eq!(exchange(&mut fresh).await.expect("it ends"), b"12345");
}

#[tokio::test]
async fn stalls_in_the_middle_of_an_answer() {
    let (proxy, mut stream) = connected().await;
    proxy.set(Mode::Stall(3)).await;
    stream.write_all(b"abcdefgh").await.expect("it is sent");
    let mut answer = [0; 8];
    stream.read_exact(&mut answer[..3]).await.expect("the beginning comes");
    tokio::time::timeout(SHORT, stream.read_exact(&mut answer[3..])).await.expect_err("no more comes");
    proxy.set(Mode::Pass).await;
    stream.read_exact(&mut answer[3..]).await.expect("the rest comes");
    assert_eq!(&answer, b"abcdefgh");
}

#[tokio::test]
async fn leads_new_connections_to_another_server() {
    let (proxy, mut stream) = connected().await;
    let second = Proxy::start(&echo().await).await;
    proxy.retarget(&second.address());
    exchange(&mut stream).await.expect("the old connection stays");
    assert_eq!(second.seen(), 0);
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("it listens");
    exchange(&mut fresh).await.expect("the other server answers");
    assert_eq!(second.seen(), 1);
    assert_eq!(proxy.most(), 2);
    drop((stream, fresh));
    let mut last = TcpStream::connect(proxy.address()).await.expect("it listens");
    exchange(&mut last).await.expect("the other server answers");
    assert_eq!(proxy.most(), 1, "those that have ended are not counted");
}

#[tokio::test]
async fn counts_connections() {
    let (proxy, stream) = connected().await;
    proxy.set(Mode::Blackhole).await;
    let second = TcpStream::connect(proxy.address()).await.expect("it listens");
    eventually(SHORT * 10, "both are open", async || (proxy.seen(), proxy.open()) == (2, 2)).await;
    drop((stream, second));
    eventually(SHORT * 10, "both are closed", async || (proxy.seen(), proxy.open()) == (2, 0)).await;
}

#[tokio::test]
async fn the_tls_front_shows_its_certificate() {
    let ca = Ca::generate();
    let front = TlsFront::start(&echo().await, &ca.issue(&["localhost", "127.0.0.1"])).await;
    let connect = async |ca: &Ca| {
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(ca.certificate()).expect("the authority lives");
        let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).expect("a certificate");
        roots.add(certificate).expect("an authority");
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let stream = TcpStream::connect(front.address()).await?;
        connector.connect("localhost".try_into().expect("a name"), stream).await
    };
    let mut stream = connect(&ca).await.expect("the authority is known");
    stream.write_all(b"12345678").await.expect("it is sent");
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.expect("it comes back");
    assert_eq!(&answer, b"12345678");
    connect(&Ca::generate()).await.expect_err("the authority is unknown");
}

#[tokio::test]
async fn counts_what_it_carries() {
    let (proxy, mut stream) = connected().await;
    assert_eq!((proxy.exchanges(), proxy.bytes()), (1, 16));
    let waited = proxy.waited();
    proxy.set(Mode::Blackhole).await;
    stream.write_all(b"12345678").await.expect("the proxy reads on");
    eventually(Duration::from_secs(10), "the request is counted", async || proxy.bytes() == 24).await;
    assert_eq!(proxy.exchanges(), 1, "nothing is answered yet");
    // The time that passes is what is counted.
    tokio::time::sleep(SHORT).await;
    proxy.set(Mode::Pass).await;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.expect("what was held back comes");
    assert_eq!((proxy.exchanges(), proxy.bytes()), (2, 32));
    assert!(proxy.waited() - waited >= SHORT);
}
