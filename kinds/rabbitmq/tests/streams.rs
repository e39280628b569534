//! Streams, which keep their messages and whose consumers do not take them; and what is known while only AMQP answers.

use platform_core::probe::Reason;
use serde_json::json;

use super::{both, client, has, problems, publish, reasons, source, the, value, well};
use testkit::proxy::{Mode, Proxy};
use testkit::rabbitmq::Rabbitmq;

const WITHOUT: &str = "rabbitmq_queue_without_consumers";

async fn broker() -> Rabbitmq {
    let broker = Rabbitmq::start().await;
    let dead = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"});
    for (queue, arguments) in
        [("history", json!({"x-queue-type": "stream"})), ("work", dead), ("dead", json!({}))]
    {
        broker.add_queue("%2f", queue, arguments).await;
    }
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "history", 22).await;
    publish(&channel, "", "work", 3).await;
    publish(&channel, "", "dead", 4).await;
    broker
}

#[tokio::test]
async fn no_total_contains_streams() {
    let broker = broker().await;
    let families = well(&mut both(&broker, "%2f", ", consumers_expected: {exclude: work}")).await.families;
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 3.0);
    for (family, total) in [
        ("rabbitmq_queue_messages", 7.0),
        ("rabbitmq_queue_messages_ready", 7.0),
        ("rabbitmq_queue_messages_unacked", 0.0),
    ] {
        assert_eq!(value(&families, family, &["/", "history"]), None, "{family}");
        let global = family.replace("unacked", "unacknowledged") + "_global";
        assert_eq!(the(&families, &global, &[]), total, "{global}");
    }
    assert_eq!(value(&families, WITHOUT, &["/", "history"]), None);
}

/// AMQP does not report types, so its settings have to.
#[tokio::test]
async fn by_amqp_alone_a_stream_is_excluded_by_its_name() {
    let broker = broker().await;
    let url = broker.url();
    let declared = |more: &str| source(&format!("rabbitmq: {{url: '{url}', queues: [history, dead]{more}}}"));
    let found = problems(&mut declared("")).await;
    assert_eq!(reasons(&found), [Reason::Stale]);
    let more = ", dead_letter_queues: {include: dead}, consumers_expected: {exclude: history}";
    let families = well(&mut declared(more)).await.families;
    assert!(!has(&families, WITHOUT));
}

/// A management API that fails for a while makes no dead-letter queue or stream miss consumers.
#[tokio::test]
async fn what_a_queue_is_outlives_an_outage_of_the_management_api() {
    let broker = broker().await;
    let proxy = Proxy::start(&broker.management_address()).await;
    let yaml = format!(
        "rabbitmq: {{url: '{}', management_url: 'http://{}', queues: [history, work, dead]}}",
        broker.url(),
        proxy.address()
    );
    let (mut early, mut late) = (source(&yaml), source(&yaml));
    assert_eq!(
        reasons(&problems(&mut early).await),
        [Reason::Stale],
        "only the queue of work misses consumers"
    );
    proxy.set(Mode::Refuse).await;
    let observation = early.probe().await.expect("AMQP answers");
    assert_eq!(reasons(&observation.problems), [Reason::Connect, Reason::Stale]);
    let without = |queue| value(&observation.families, WITHOUT, &["/", queue]);
    assert_eq!(["history", "work", "dead"].map(without), [None, Some(1.0), None]);
    assert_eq!(the(&observation.families, "rabbitmq_dead_letter_queue_messages", &["/", "dead"]), 4.0);
    // One that has just started knows none of it.
    let observation = late.probe().await.expect("AMQP answers");
    assert_eq!(reasons(&observation.problems), [Reason::Connect]);
    assert!(!has(&observation.families, WITHOUT));
    assert_eq!(the(&observation.families, "rabbitmq_queue_messages_ready", &["/", "work"]), 3.0);
}
