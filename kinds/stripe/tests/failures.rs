use std::time::Duration;

use platform_core::probe::Reason;

use super::{account, at, plain, reasons, subject, take_paths};
use testkit::proxy::{Mode, Proxy};
use testkit::stripe::{Refusal, StripeServer};
use testkit::subject::{Subject, source};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;
use testkit::web::{Web, reply};

const SOON: Duration = Duration::from_secs(5);

async fn reason(subject: &mut Subject) -> Reason {
    subject.probe().await.expect_err("it fails").reason
}

fn address(server: &StripeServer) -> String {
    server.url().trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn a_frozen_api_times_out_and_leaves_nothing_behind() {
    let server = account().await;
    let proxy = Proxy::start(&address(&server)).await;
    let mut subject = at(&proxy.through(&server.url()), "");
    server.state().latency = Duration::from_secs(3600);
    assert_eq!(reason(&mut subject).await, Reason::Timeout);
    assert_eq!(take_paths(&server).len(), 1, "no second call after the first has had no answer");
    eventually(SOON, "the connection goes with the probe", async || proxy.open() == 0).await;

    server.state().latency = Duration::ZERO;
    let observation = subject.probe().await.expect("it has recovered");
    assert_eq!(observation.problems, []);
    assert_eq!(plain(&observation, "stripe_api_requests_total"), Some(4.0), "the lost call counts too");
}

#[tokio::test]
async fn a_network_that_falls_silent_times_out_and_recovers() {
    let server = account().await;
    let silent = async |mode| {
        let proxy = Proxy::start(&address(&server)).await;
        let mut subject = at(&proxy.through(&server.url()), "");
        proxy.set(mode).await;
        assert_eq!(reason(&mut subject).await, Reason::Timeout, "{mode:?}");
        proxy.set(Mode::Pass).await;
        subject.probe().await.expect("it has recovered");
    };
    tokio::join!(silent(Mode::Unreachable), silent(Mode::Blackhole), silent(Mode::Trickle));
}

#[tokio::test]
async fn a_network_that_breaks_is_distinguished_and_recovers() {
    let server = account().await;
    let proxy = Proxy::start(&address(&server)).await;
    let mut subject = at(&proxy.through(&server.url()), "");
    subject.probe().await.expect("an answer");
    for (mode, expected) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Cut(300), Reason::Connect),
        (Mode::Garbage, Reason::Protocol),
    ] {
        proxy.set(mode).await;
        assert_eq!(reason(&mut subject).await, expected, "{mode:?}");
        proxy.set(Mode::Pass).await;
        subject.probe().await.expect("it has recovered");
    }
}

#[tokio::test]
async fn one_connection_serves_all_calls_of_all_probes() {
    let server = account().await;
    let proxy = Proxy::start(&address(&server)).await;
    let mut subject = at(&proxy.through(&server.url()), "subscriptions: true");
    for _ in 0..3 {
        subject.probe().await.expect("an answer");
        assert_eq!(proxy.open(), 1);
    }
    assert_eq!((proxy.seen(), take_paths(&server).len()), (1, 12));
}

#[tokio::test]
async fn an_outage_of_stripes_is_its_own_alarm() {
    let server = account().await;
    let mut subject = subject(&server, "");
    server.state().refuse_next(1, Refusal::ServerError);
    let problem = subject.probe().await.expect_err("no events");
    assert_eq!(problem.reason, Reason::Alarm);
    assert!(problem.detail.contains("500, type api_error"), "{problem}");
    assert!(problem.detail.contains("request req_"), "Stripe's support asks for it: {problem}");
    assert_eq!(subject.probe().await.expect("it has recovered").problems, []);
}

#[tokio::test]
async fn an_outage_of_one_list_leaves_the_others() {
    let api = Web::start(|asked| match asked.path.as_str() {
        "/v1/webhook_endpoints?limit=100" => reply(503, "<html>busy</html>"),
        path if path.starts_with("/v1/") => reply(200, r#"{"data": [], "has_more": false}"#),
        _ => reply(200, "{}"),
    })
    .await;
    let observation = at(&api.url(""), "").probe().await.expect("an answer");
    assert_eq!(reasons(&observation), [Reason::Alarm, Reason::Protocol]);
    assert_eq!(plain(&observation, "stripe_webhook_events_truncated"), Some(0.0));
}

#[tokio::test]
async fn what_is_not_the_api_is_reported_as_such() {
    for (status, expected) in [(200, Reason::Protocol), (302, Reason::Protocol), (404, Reason::NotFound)] {
        let web = Web::start(move |_| reply(status, "<html>Welcome</html>")).await;
        assert_eq!(reason(&mut at(&web.url(""), "")).await, expected, "{status}");
        assert_eq!(web.asked().len(), 1);
    }
}

#[tokio::test]
async fn only_a_known_authority_is_trusted() {
    let (server, ca, other) = (account().await, Ca::generate(), Ca::generate());
    let front = TlsFront::start(&address(&server), &ca.issue(&["127.0.0.1"])).await;
    let url = format!("https://{}", front.address());
    let trusting = |ca: &Ca| format!("tls: {{ca_file: {}}}", ca.certificate().display());
    assert_eq!(reason(&mut at(&url, "")).await, Reason::Tls);
    assert_eq!(reason(&mut at(&url, &trusting(&other))).await, Reason::Tls);
    at(&url, &trusting(&ca)).probe().await.expect("the right authority");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_matter_of_names() {
    assert_eq!(reason(&mut at("https://api.stripe.invalid", "")).await, Reason::Dns);
}

#[tokio::test]
async fn what_an_answer_holds_is_not_shown() {
    let body =
        r#"{"data": [{"id": "evt_1", "type": "a.b", "created": "jane@example.com"}], "has_more": false}"#;
    let web = Web::start(move |_| reply(200, body)).await;
    let problem = at(&web.url(""), "").probe().await.expect_err("no time stamp");
    assert_eq!(problem.reason, Reason::Protocol);
    assert!(!problem.detail.contains("jane"), "{problem}");
}

#[tokio::test]
async fn no_failure_shows_the_key() {
    let key = "rk_live_s3cr3ts3cr3t";
    let server = account().await;
    let bases = [server.url(), "http://127.0.0.1:1".to_owned(), "https://api.stripe.invalid".to_owned()];
    for base in bases {
        let problem = source(&format!("stripe: {{api_key: {key}, api_base: '{base}'}}")).probe().await;
        let problem = problem.expect_err("it fails");
        assert!(!format!("{problem} {problem:?}").contains("s3cr3t"), "{problem}");
    }
}
