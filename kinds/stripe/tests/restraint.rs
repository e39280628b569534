use std::time::Duration;

use platform_core::probe::Reason;
use tokio::time::{advance, pause, resume};

use super::{account, at, failure, plain, reasons, subject, take_paths};
use testkit::stripe::Refusal;
use testkit::subject::Subject;
use testkit::web::{Web, reply};

/// Lets time pass for the exporter, while the sockets stay real.
async fn later(seconds: f64) {
    pause();
    advance(Duration::from_secs_f64(seconds)).await;
    resume();
}

async fn is_rate_limited(subject: &mut Subject) -> bool {
    failure(&subject.probe().await.expect("the counters are true all the same")) == Some(Reason::RateLimited)
}

#[tokio::test]
async fn stripe_is_left_alone_for_as_long_as_it_asks() {
    let server = account().await;
    let mut subject = subject(&server, "");
    server.state().refuse_next(1, Refusal::RateLimited(Some(100)));
    assert!(is_rate_limited(&mut subject).await);
    assert_eq!(take_paths(&server), ["/v1/events"], "the first 429 ends the probe");

    later(99.0).await;
    let observation = subject.probe().await.expect("the counters are true all the same");
    assert_eq!(failure(&observation), Some(Reason::RateLimited));
    assert_eq!(plain(&observation, "stripe_api_requests_total"), Some(1.0));
    assert_eq!(
        plain(&observation, "stripe_api_rate_limited_total"),
        Some(1.0),
        "a call not made is not refused"
    );
    assert_eq!(observation.families.len(), 2, "nothing but the counters");
    assert_eq!(take_paths(&server), [""; 0]);

    later(11.1).await;
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(failure(&observation), None);
    assert_eq!(plain(&observation, "stripe_api_requests_total"), Some(4.0));
    assert_eq!(plain(&observation, "stripe_api_rate_limited_total"), Some(1.0));
}

#[tokio::test]
async fn without_a_word_from_stripe_the_pause_doubles_up_to_half_an_hour() {
    let server = account().await;
    let mut subject = subject(&server, "");
    server.state().refuse_next(usize::MAX, Refusal::RateLimited(None));
    for seconds in [60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0] {
        assert!(is_rate_limited(&mut subject).await);
        assert_eq!(take_paths(&server).len(), 1, "{seconds}");
        later(seconds * 0.75 - 2.0).await;
        assert!(is_rate_limited(&mut subject).await);
        assert_eq!(take_paths(&server).len(), 0, "{seconds}");
        later(seconds * 0.25 + 2.0).await;
    }
    server.state().refuse_next(0, Refusal::RateLimited(None));
    assert!(!is_rate_limited(&mut subject).await);

    server.state().refuse_next(1, Refusal::RateLimited(None));
    assert!(is_rate_limited(&mut subject).await);
    later(60.0).await;
    assert!(!is_rate_limited(&mut subject).await, "after a good probe it starts again");
}

#[tokio::test]
async fn slowed_down_after_the_events_it_keeps_them() {
    let api = Web::start(|asked| match asked.path.as_str() {
        path if path.starts_with("/v1/events") => reply(200, r#"{"data": [], "has_more": false}"#),
        _ => reply(429, "{}"),
    })
    .await;
    let mut subject = at(&api.url(""), "subscriptions: true");
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(failure(&observation), None);
    assert_eq!(reasons(&observation), [Reason::RateLimited]);
    assert_eq!(plain(&observation, "stripe_webhook_events_truncated"), Some(0.0));
    assert_eq!(api.asked().len(), 2, "nothing is asked after a 429");
    assert!(is_rate_limited(&mut subject).await);
    assert_eq!(api.asked().len(), 0);
}
