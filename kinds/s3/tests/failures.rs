use std::time::Duration;

use platform_core::probe::Reason;

use super::{failure, impatient, probe, source, store, up, yaml};
use testkit::proxy::{Mode, Proxy};
use testkit::subject;
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;

#[tokio::test]
async fn what_hangs_is_a_timeout_and_passes() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    let mut subject = impatient(&format!("http://{}", proxy.address()), "");
    assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
    for mode in [Mode::Blackhole, Mode::Unreachable, Mode::Trickle] {
        proxy.set(mode).await;
        let observation = subject.probe().await.expect("an observation");
        assert_eq!(failure(&observation), Some(Reason::Timeout), "{mode:?}");
        assert_eq!(up(&observation, "head"), Some(0.0));
        proxy.set(Mode::Pass).await;
        assert_eq!(failure(&subject.probe().await.expect("an observation")), None, "after {mode:?}");
    }
    assert!(proxy.open() <= 1);
}

#[tokio::test]
async fn a_store_that_is_gone_is_connect_until_it_is_back() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    let mut subject = source(&format!("http://{}", proxy.address()), "");
    assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
    for mode in [Mode::Refuse, Mode::Reset, Mode::Cut(0), Mode::Cut(20)] {
        proxy.set(mode).await;
        let observation = subject.probe().await.expect("an observation");
        assert_eq!(failure(&observation), Some(Reason::Connect), "{mode:?} {:?}", observation.failure);
        proxy.set(Mode::Pass).await;
        assert_eq!(failure(&subject.probe().await.expect("an observation")), None, "after {mode:?}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_cancelled_probe() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    proxy.set(Mode::Blackhole).await;
    let mut subject = source(&format!("http://{}", proxy.address()), "");
    tokio::time::timeout(Duration::from_millis(300), subject.probe()).await.expect_err("it hangs");
    eventually(Duration::from_secs(5), "the connection is closed", async || proxy.open() == 0).await;
}

#[tokio::test]
async fn an_unknown_host_is_dns() {
    let observation = probe("http://no-such-host.invalid", "").await;
    assert_eq!(failure(&observation), Some(Reason::Dns), "{:?}", observation.failure);
}

#[tokio::test]
async fn only_a_trusted_certificate_is_taken_and_a_fixed_file_counts_at_once() {
    let (s3, ca, other) = (store().await, Ca::generate(), Ca::generate());
    let front = TlsFront::start(s3.address(), &ca.issue(&["127.0.0.1"])).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("ca.pem");
    std::fs::copy(other.certificate(), &file).expect("it is writable");
    let keys = format!("tls: {{ca_file: {}}}", file.display());
    let mut subject = source(&format!("https://{}", front.address()), &keys);
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(failure(&observation), Some(Reason::Tls));
    std::fs::copy(ca.certificate(), &file).expect("it is writable");
    assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    let endpoint = format!("http://{}", proxy.address());
    let keys = "session_token: t0ken, sts: {endpoint: 'http://127.0.0.1:1'}";
    let yaml = yaml(&endpoint, keys).replace(super::SECRET, "s3cr3t");
    let config = subject::config(&yaml).expect("it is right");
    let mut shown = format!("{config:?} {}", config.definition().target());
    for mode in [Mode::Pass, Mode::Refuse, Mode::Cut(10), Mode::Garbage, Mode::Blackhole] {
        proxy.set(mode).await;
        let mut subject = impatient(&endpoint, keys);
        shown += &format!("{:?}", subject.probe().await);
        shown += &format!("{:?}", subject::source(&yaml).probe().await);
    }
    for secret in ["s3cr3t", "t0ken", "X-Amz", super::SECRET] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
