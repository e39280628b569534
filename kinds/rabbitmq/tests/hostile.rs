//! Brokers, or whoever answers in their place, that try to bring the exporter down.

use std::time::Duration;

use platform_core::probe::Reason;

use super::SOON;
use testkit::exporter::Exporter;
use testkit::fake_broker::{FakeBroker, OPEN, frame, nested_start};
use testkit::subject::{Surroundings, source};
use testkit::tls::{Ca, TlsFront};
use testkit::web::{Web, reply};

/// The binary with a source whose content is this, and another one beside it.
async fn exporter(web: &Web, subject: &str) -> Exporter {
    let times = "interval: 1s\n    timeout: 1s";
    Exporter::start(&format!(
        "sources:\n  broker:\n    {subject}\n    {times}\n  other:\n    http: {{url: '{}'}}\n    {times}\n",
        web.url("/")
    ))
    .await
}

/// The source is down for this reason, and probed again, and so is the one beside it.
async fn is_down(exporter: &mut Exporter, reason: &str) {
    let down = format!(r#"platform_source_problem{{source="broker",kind="rabbitmq",reason="{reason}"}}"#);
    exporter.wait_for(&down, 1.0, SOON).await;
    let success = r#"platform_source_last_success_timestamp_seconds{source="other",kind="http"}"#;
    let before = exporter.value(success).await.unwrap_or_default();
    testkit::wait::eventually(SOON, "the other source is probed", async || {
        exporter.value(success).await > Some(before)
    })
    .await;
    assert!(exporter.process().is_running(), "{}", exporter.log());
    assert_eq!(exporter.value(&down).await, Some(1.0));
}

#[tokio::test]
async fn nested_tables_do_not_overflow_the_stack() {
    let web = Web::start(|_| reply(200, "fine")).await;
    // The smallest fits into a frame, the others do not.
    for levels in [1_350, 15_000, 100_000] {
        let broker = FakeBroker::greeting(nested_start(levels)).await;
        let url = format!("rabbitmq: {{url: 'amqp://{}/%2f'}}", broker.address());
        is_down(&mut exporter(&web, &url).await, "protocol").await;
    }
}

#[tokio::test]
async fn nested_tables_do_not_overflow_the_stack_through_tls() {
    let (broker, ca) = (FakeBroker::greeting(nested_start(1_350)).await, Ca::generate());
    let front = TlsFront::start(broker.address(), &ca.issue(&["127.0.0.1"])).await;
    let yaml = format!(
        "rabbitmq: {{url: 'amqps://{}/%2f', tls: {{ca_file: {}}}}}",
        front.address(),
        ca.certificate().display()
    );
    let problem = source(&yaml).probe().await.expect_err("it is refused");
    assert_eq!(problem.reason, Reason::Protocol, "{problem}");
    assert!(problem.detail.contains("32 levels deep"), "{problem}");
}

#[tokio::test]
async fn each_bad_frame_is_reported_by_its_fault() {
    let cases = [
        (nested_start(100_000), "a frame of 600"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "does not speak AMQP"),
        (frame(1, (60, 60), b""), "the unexpected method 60.60"),
        (b"\x03\0\x01\0\0\0\x01x\xce".to_vec(), "an unexpected message"),
    ];
    for (greeting, words) in cases {
        let broker = FakeBroker::greeting(greeting).await;
        let problem = source(&format!("rabbitmq: {{url: 'amqp://{}/%2f'}}", broker.address())).probe().await;
        let problem = problem.expect_err("it is refused");
        assert_eq!(problem.reason, Reason::Protocol, "{problem}");
        assert!(problem.detail.contains(words), "{problem}");
    }
}

/// How much memory a broker may take that says as much as it can for some seconds.
const MOST: u64 = 16;

#[tokio::test]
async fn endless_frames_take_no_memory() {
    let web = Web::start(|_| reply(200, "fine")).await;
    let blocked = frame(0, (10, 60), &[&[250], &[b'x'; 250][..]].concat());
    // Heartbeats, and what publishers receive. Neither is an answer, so that the probe's deadline ends it.
    for frames in [b"\x08\0\0\0\0\0\0\xce".repeat(500), blocked.repeat(20)] {
        let broker = FakeBroker::endless(OPEN, frames).await;
        let url = format!("rabbitmq: {{url: 'amqp://{}/%2f'}}", broker.address());
        let mut exporter = exporter(&web, &url).await;
        is_down(&mut exporter, "timeout").await;
        let before = exporter.memory().resident;
        exporter.reset_peak();
        for _ in 0..3 {
            is_down(&mut exporter, "timeout").await;
        }
        let taken = exporter.memory().peak.saturating_sub(before) >> 20;
        assert!(taken <= MOST, "{taken} MiB");
    }
}

#[tokio::test]
async fn a_broker_that_says_little_is_enough() {
    let broker = FakeBroker::start().await;
    let yaml = format!("rabbitmq: {{url: 'amqp://{}/%2f', queues: [q]}}", broker.address());
    let surroundings = Surroundings { timeout: Duration::from_secs(5), ..Surroundings::default() };
    let observation = surroundings.source(&yaml).probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
}
