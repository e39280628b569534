use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
use platform_core::probe::Reason;

use super::{observe, ok, phase, plain, probe, reason, web};
use testkit::proxy::{Mode, Proxy};
use testkit::subject::{self, Surroundings};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;
use testkit::web::Web;

#[tokio::test]
async fn the_end_of_a_certificate_is_exact() {
    let (web, ca) = (web(ok).await, Ca::generate());
    let front = TlsFront::start(web.address(), &ca.issue_until(&["localhost"], (2031, 2, 3))).await;
    let url = format!("https://{}/", front.address().replace("127.0.0.1", "localhost"));
    let keys = format!("tls: {{ca_file: {}}}", ca.certificate().display());
    let observation = observe(&url, &keys).await;
    assert_eq!(reason(&observation), None);
    let end = "2031-02-03T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_second();
    let expiry = plain(&observation, "probe_ssl_earliest_cert_expiry").expect("a certificate");
    assert_eq!(expiry.to_string(), end.to_string());
    assert_eq!(plain(&observation, "probe_http_ssl"), Some(1.0));
    assert!(phase(&observation.families, "tls") > 0.0);
}

#[tokio::test]
async fn an_unknown_authority_a_wrong_name_and_an_expired_certificate_are_tls() {
    let (web, ca, other) = (web(ok).await, Ca::generate(), Ca::generate());
    let good = TlsFront::start(web.address(), &ca.issue(&["127.0.0.1"])).await;
    let misnamed = TlsFront::start(web.address(), &ca.issue(&["elsewhere.test"])).await;
    let expired = TlsFront::start(web.address(), &ca.issue_until(&["127.0.0.1"], (2020, 1, 1))).await;
    let of_authority = TlsFront::start(web.address(), &ca.itself()).await;
    let with = |ca: &Ca| format!("tls: {{ca_file: {}}}", ca.certificate().display());
    let cases = [
        (good.address(), String::new(), "UnknownIssuer"),
        (good.address(), with(&other), "UnknownIssuer"),
        (misnamed.address(), with(&ca), "not valid for name"),
        (expired.address(), with(&ca), "expired"),
        (of_authority.address(), with(&ca), "certificate: it is that of a CA"),
        (web.address(), with(&ca), "corrupt"),
    ];
    for (address, keys, words) in cases {
        let problem = probe(&format!("https://{address}/"), &keys).await.expect_err("no handshake");
        assert_eq!(problem.reason, Reason::Tls, "{problem}");
        assert!(problem.detail.contains(words), "{problem}");
    }
}

#[tokio::test]
async fn a_fixed_authority_file_counts_at_once() {
    let (web, ca, other) = (web(ok).await, Ca::generate(), Ca::generate());
    let front = TlsFront::start(web.address(), &ca.issue(&["127.0.0.1"])).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("ca.pem");
    std::fs::copy(other.certificate(), &file).expect("it is writable");
    let yaml = format!("http: {{url: 'https://{}/', tls: {{ca_file: {}}}}}", front.address(), file.display());
    let mut subject = subject::source(&yaml);
    assert_eq!(subject.probe().await.expect_err("another's authority").reason, Reason::Tls);
    std::fs::copy(ca.certificate(), &file).expect("it is writable");
    assert_eq!(reason(&subject.probe().await.expect("the right authority")), None);
}

#[tokio::test]
async fn an_unknown_host_is_dns() {
    let problem = probe("http://no-such-host.invalid/", "").await.expect_err("no address");
    assert_eq!(problem.reason, Reason::Dns, "{problem}");
    assert!(problem.detail.contains("no-such-host.invalid"), "{problem}");
}

#[tokio::test]
async fn a_server_that_is_gone_is_connect_until_it_is_back() {
    let web = web(ok).await;
    let address = web.address().to_owned();
    let mut subject = subject::source(&format!("http: {{url: 'http://{address}/'}}"));
    subject.probe().await.expect("it is there");
    web.end().await;
    let problem = subject.probe().await.expect_err("it is gone");
    assert_eq!(problem.reason, Reason::Connect, "{problem}");
    assert!(problem.detail.contains("refused"), "{problem}");
    let _back = Web::start_at(&address, |_| ok()).await;
    subject.probe().await.expect("it is back");
}

#[tokio::test]
async fn cut_connections_are_connect() {
    let web = web(ok).await;
    let proxy = Proxy::start(web.address()).await;
    for mode in [Mode::Reset, Mode::Cut(0), Mode::Cut(10), Mode::Cut(60)] {
        proxy.set(mode).await;
        let problem = probe(&format!("http://{}/", proxy.address()), "").await.expect_err("cut");
        assert_eq!(problem.reason, Reason::Connect, "{mode:?} {problem}");
    }
    proxy.set(Mode::Garbage).await;
    let problem = probe(&format!("http://{}/", proxy.address()), "").await.expect_err("garbage");
    assert_eq!(problem.reason, Reason::Protocol, "{problem}");
}

#[tokio::test]
async fn what_hangs_is_a_timeout_that_names_the_phase_and_passes() {
    let web = web(ok).await;
    let proxy = Proxy::start(web.address()).await;
    let surroundings = Surroundings { timeout: Duration::from_millis(800), ..Surroundings::default() };
    let mut subject = surroundings.source(&format!("http: {{url: 'http://{}/'}}", proxy.address()));
    let cases = [
        (Mode::Blackhole, "received no status line"),
        (Mode::Trickle, "received no status line"),
        (Mode::Unreachable, "connecting"),
    ];
    for (mode, words) in cases {
        proxy.set(mode).await;
        let problem = subject.probe().await.expect_err("it hangs");
        assert_eq!(problem.reason, Reason::Timeout, "{mode:?} {problem}");
        assert!(problem.detail.contains(words), "{mode:?} {problem}");
        proxy.set(Mode::Pass).await;
        assert_eq!(reason(&subject.probe().await.expect("it goes on")), None);
    }
    eventually(Duration::from_secs(5), "nothing of ours is left", async || proxy.open() == 0).await;
}

#[tokio::test]
async fn a_handshake_and_a_body_that_never_end_are_timeouts() {
    let (plain, ca) = (web(ok).await, Ca::generate());
    let front = TlsFront::start(plain.address(), &ca.issue(&["127.0.0.1"])).await;
    let proxy = Proxy::start(front.address()).await;
    proxy.set(Mode::Trickle).await;
    let endless = Web::start(|_| {
        let start = stream::iter([Ok(Frame::data(Bytes::from_static(b"and then")))]);
        Response::new(BodyExt::boxed(StreamBody::new(start.chain(stream::pending()))))
    })
    .await;
    let cases = [
        (format!("https://{}/", proxy.address()), "in the TLS handshake"),
        (endless.url("/"), "the body was not received completely"),
    ];
    let surroundings = Surroundings { timeout: Duration::from_millis(800), ..Surroundings::default() };
    for (url, words) in cases {
        let problem = surroundings.source(&format!("http: {{url: '{url}'}}")).probe().await;
        let problem = problem.expect_err("it never ends");
        assert_eq!(problem.reason, Reason::Timeout);
        assert!(problem.detail.contains(words), "{problem}");
    }
}
