use platform_core::probe::Reason;

use super::{management, reasons_of, subject};
use testkit::fake_broker::FakeBroker;
use testkit::web::{Web, reply};

const LEVELS: usize = 100_000;

/// Lists in lists, objects in objects, and both behind what is read.
fn json() -> [String; 4] {
    [
        "[".repeat(LEVELS) + &"]".repeat(LEVELS),
        "{\"a\":".repeat(LEVELS) + "1" + &"}".repeat(LEVELS),
        "[".repeat(LEVELS),
        format!("{{\"data\": {}{}}}", "[".repeat(LEVELS), "]".repeat(LEVELS)),
    ]
}

#[tokio::test]
async fn json_is_protocol() {
    let broker = FakeBroker::start().await;
    for body in json() {
        let answer = body.clone();
        let web = Web::start(move |_| reply(200, answer.clone())).await;
        let reasons = reasons_of(subject("stripe", &broker, web.address()).probe().await);
        assert!(
            !reasons.is_empty() && reasons.iter().all(|reason| *reason == Reason::Protocol),
            "{reasons:?}"
        );
        for path in ["overview", "nodes", "queues", "policies", "consumers"] {
            let answer = body.clone();
            let web = Web::start(move |asked| match asked.path.starts_with(&format!("/api/{path}")) {
                true => reply(200, answer.clone()),
                false => management(asked),
            })
            .await;
            let reasons = reasons_of(subject("rabbitmq", &broker, web.address()).probe().await);
            assert_eq!(reasons, [Reason::Protocol], "{path}");
        }
    }
}

#[tokio::test]
async fn xml_and_its_entities_are_protocol() {
    let broker = FakeBroker::start().await;
    let list = |content: String| {
        format!(
            r#"<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{content}</ListBucketResult>"#
        )
    };
    let entities: String =
        (1..10).map(|n| format!(r#"<!ENTITY e{n} "{}">"#, format!("&e{};", n - 1).repeat(10))).collect();
    let bomb = format!(
        r#"<!DOCTYPE x [<!ENTITY e0 "bombbombbomb">{entities}]>{}"#,
        list("<Prefix>&e9;</Prefix>".into())
    );
    let bodies = [
        "<a>".repeat(LEVELS) + &"</a>".repeat(LEVELS),
        list("<a>".repeat(LEVELS) + &"</a>".repeat(LEVELS)),
        list("<Contents>".repeat(LEVELS / 2)),
        bomb,
    ];
    for body in bodies {
        for status in [200, 403] {
            let answer = body.clone();
            let web = Web::start(move |asked| match asked.path.contains("list-type") {
                true => reply(status, answer.clone()),
                false => reply(200, ""),
            })
            .await;
            let reasons = reasons_of(subject("s3", &broker, web.address()).probe().await);
            let expected = if status == 200 { Reason::Protocol } else { Reason::Permission };
            assert_eq!(reasons, [expected], "{status} {}", &body[..40]);
        }
    }
}

#[tokio::test]
async fn bodies_are_only_read_by_http_sources() {
    let broker = FakeBroker::start().await;
    for body in json() {
        let web = Web::start(move |_| reply(200, body.clone())).await;
        assert_eq!(reasons_of(subject("http", &broker, web.address()).probe().await), []);
    }
}
