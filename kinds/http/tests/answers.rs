use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
use platform_core::probe::Reason;
use platform_exporter::registry::Kind;

use super::{code, observe, ok, phase, plain, reason, web};
use testkit::proxy::{Mode, Proxy};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;
use testkit::web::{Web, reply, with};

#[tokio::test]
async fn reports_what_the_answer_is() {
    let web = web(ok).await;
    let observation = observe(&web.url("/health"), "").await;
    assert_eq!(observation.failure, None);
    assert_eq!(observation.problems, []);
    assert_eq!(code(&observation), Some(200.0));
    assert_eq!(plain(&observation, "probe_http_content_length"), Some(4.0));
    assert_eq!(plain(&observation, "probe_http_version"), Some(1.1));
    assert_eq!(plain(&observation, "probe_http_redirects"), Some(0.0));
    assert_eq!(plain(&observation, "probe_http_ssl"), Some(0.0));
    assert_eq!(plain(&observation, "probe_failed_due_to_regex"), Some(0.0));
    assert_eq!(plain(&observation, "probe_ssl_earliest_cert_expiry"), None);
}

#[tokio::test]
async fn emits_its_catalogue_and_nothing_else() {
    let dated = || with(ok(), "last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    let (web, ca) = (web(dated).await, Ca::generate());
    let front = TlsFront::start(web.address(), &ca.issue(&["127.0.0.1"])).await;
    let keys = format!("tls: {{ca_file: {}}}", ca.certificate().display());
    let observation = observe(&format!("https://{}/", front.address()), &keys).await;
    assert_eq!(plain(&observation, "probe_http_last_modified_timestamp_seconds"), Some(784_111_777.0));
    let mut emitted: Vec<_> =
        observation.families.into_iter().map(|family| Arc::unwrap_or_clone(family.desc)).collect();
    let mut catalogue = (Kind::Http.facts().catalogue)();
    emitted.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(emitted, catalogue);
    let up = Kind::Http.facts().up.as_ref().map(|up| &*up.name);
    assert_eq!(up, Some("probe_success"));
}

#[tokio::test]
async fn an_unexpected_status_is_a_failure_that_keeps_the_code() {
    let cases = [
        (500, Reason::Alarm),
        (401, Reason::Auth),
        (403, Reason::Permission),
        (404, Reason::NotFound),
        (410, Reason::NotFound),
        (429, Reason::RateLimited),
        (304, Reason::Alarm),
    ];
    for (status, expected) in cases {
        let web = web(move || reply(status, "")).await;
        let observation = observe(&web.url("/"), "").await;
        assert_eq!(reason(&observation), Some(expected), "{status}");
        assert_eq!(code(&observation), Some(f64::from(status)));
    }
}

#[tokio::test]
async fn codes_and_classes_can_be_expected() {
    let cases = [
        ("[204, 405]", 405, true),
        ("[204, 405]", 200, false),
        ("[4xx]", 405, true),
        ("[4XX, '302']", 302, true),
        ("[4xx]", 200, false),
    ];
    for (expected, status, good) in cases {
        let web = web(move || reply(status, "")).await;
        let observation = observe(&web.url("/"), &format!("expect: {{status: {expected}}}")).await;
        assert_eq!(observation.failure.is_none(), good, "{expected} {status}");
    }
}

#[tokio::test]
async fn the_body_is_matched() {
    let web = web(|| reply(200, &b"status: up \xff\nqueue: full"[..])).await;
    let cases = [
        ("body: 'status: \\w+'", true),
        ("body: '^queue'", false),
        ("body: '(?m)^queue'", true),
        ("not_body: full", false),
        ("not_body: 'panic'", true),
        ("body: up, not_body: down", true),
    ];
    for (expected, good) in cases {
        let observation = observe(&web.url("/"), &format!("expect: {{{expected}}}")).await;
        assert_eq!(plain(&observation, "probe_failed_due_to_regex"), Some(f64::from(u8::from(!good))));
        assert_eq!(reason(&observation), (!good).then_some(Reason::Alarm), "{expected}");
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let web = Web::start(move |_| {
        let counter = Arc::clone(&counter);
        let endless = stream::repeat_with(move || {
            counter.fetch_add(64 << 10, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 64 << 10])))
        });
        Response::new(StreamBody::new(endless).boxed())
    })
    .await;
    let observation = observe(&web.url("/"), "expect: {body: y}").await;
    assert_eq!(code(&observation), Some(200.0));
    let failure = observation.failure.expect("there is no y");
    assert!(failure.detail.contains("first 1048576 bytes"), "{failure}");
    // What was read, and what the sockets' buffers took; the connection is gone, so it does not grow any more.
    eventually(Duration::from_secs(5), "the server stops sending", async || {
        let before = sent.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        before == sent.load(Ordering::Relaxed)
    })
    .await;
    assert!(sent.load(Ordering::Relaxed) < 32 << 20);
}

#[tokio::test]
async fn sends_what_is_configured() {
    let web = web(ok).await;
    let keys = "method: post, body: '{\"ping\": 1}', headers: {X-Api-Key: abc, User-Agent: probe, Host: other.test}, \
                basic_auth: {username: Aladdin, password: open sesame}";
    observe(&web.url("/hook?a=b%20c"), keys).await;
    let asked = web.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/hook?a=b%20c"));
    assert_eq!(asked.body, "{\"ping\": 1}");
    assert_eq!(asked.header("x-api-key"), "abc");
    assert_eq!(asked.header("user-agent"), "probe");
    assert_eq!(asked.header("host"), "other.test");
    assert_eq!(asked.header("authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[tokio::test]
async fn credentials_in_the_url_are_used_and_overridden() {
    let web = web(ok).await;
    let url = web.url("/").replace("http://", "http://Aladdin:open%20sesame@");
    observe(&url, "").await;
    observe(&url, "bearer_token: t0ken").await;
    let sent: Vec<_> = web.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Bearer t0ken"]);
}

#[tokio::test]
async fn a_rotated_token_is_picked_up() {
    let web = Web::start(|asked| match asked.header("authorization") {
        "Bearer second" => ok(),
        _ => reply(401, ""),
    })
    .await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("token");
    std::fs::write(&file, "first\n").expect("it is writable");
    let yaml = format!("http: {{url: '{}', bearer_token_file: {}}}", web.url("/"), file.display());
    let mut subject = testkit::subject::source(&yaml);
    assert_eq!(reason(&subject.probe().await.expect("an answer")), Some(Reason::Auth));
    std::fs::write(&file, "second\n").expect("it is writable");
    assert_eq!(reason(&subject.probe().await.expect("an answer")), None);
    std::fs::remove_file(&file).expect("it is there");
    let problem = subject.probe().await.expect_err("there is no token");
    assert_eq!(problem.reason, Reason::Auth);
}

#[tokio::test]
async fn head_reads_no_body() {
    let web = web(|| with(reply(200, ""), "content-length", "5000000")).await;
    let observation = observe(&web.url("/"), "method: HEAD").await;
    assert_eq!(reason(&observation), None);
    assert_eq!(plain(&observation, "probe_http_content_length"), Some(5_000_000.0));
}

#[tokio::test]
async fn the_time_of_a_slow_answer_is_in_its_phase() {
    let web = web(ok).await;
    let proxy = Proxy::start(web.address()).await;
    proxy.set(Mode::Delay(Duration::from_millis(200))).await;
    let observation = observe(&format!("http://{}/", proxy.address()), "").await;
    let families = &observation.families;
    assert!((0.2..1.5).contains(&phase(families, "processing")), "{families:?}");
    for quick in ["resolve", "connect", "tls"] {
        assert!(phase(families, quick) < 0.15, "{quick}: {families:?}");
    }
}

#[tokio::test]
async fn every_probe_has_a_connection_of_its_own_and_leaves_none() {
    let web = web(ok).await;
    let proxy = Proxy::start(web.address()).await;
    let mut subject = testkit::subject::source(&format!("http: {{url: 'http://{}/'}}", proxy.address()));
    for probes in 1..=3 {
        subject.probe().await.expect("an answer");
        assert_eq!(proxy.seen(), probes);
        eventually(Duration::from_secs(5), "the connection is closed", async || proxy.open() == 0).await;
    }
}
