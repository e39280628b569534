//! What is exported is what is there, to the message.

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicGetOptions, BasicNackOptions};
use platform_core::probe::Reason;
use platform_exporter::registry::Kind;
use serde_json::{Value, json};

use super::{
    SOON, both, client, define, has, members, problems, publish, publish_as, reasons, source, sum, the,
    value, well,
};
use testkit::rabbitmq::Rabbitmq;
use testkit::wait::eventually;

const BULK: usize = 2000;

fn queue(name: &str, arguments: Value) -> Value {
    json!({"vhost": "shop", "name": name, "durable": true, "auto_delete": false, "arguments": arguments})
}

fn exchange(name: &str, kind: &str) -> Value {
    json!({"vhost": "shop", "name": name, "type": kind, "durable": true, "auto_delete": false,
           "internal": false, "arguments": {}})
}

fn binding(source: &str, key: &str, queue: &str) -> Value {
    json!({"vhost": "shop", "source": source, "routing_key": key, "destination": queue,
           "destination_type": "queue", "arguments": {}})
}

fn policy(name: &str, pattern: &str, priority: i32, definition: Value) -> Value {
    json!({"vhost": "shop", "name": name, "pattern": pattern, "priority": priority,
           "apply-to": "queues", "definition": definition})
}

/// A shop with 2,000 queues, some of them dead-lettered in each way that there is.
fn shop() -> Value {
    let mut queues: Vec<_> = (0..BULK).map(|number| queue(&format!("bulk-{number}"), json!({}))).collect();
    queues.extend([
        // By arguments, with a key of their own.
        queue("orders", json!({"x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "dead.orders"})),
        queue("orders.dlq", json!({})),
        // By a policy, with the key that the message had.
        queue("mails", json!({})),
        queue("mails.dlq", json!({})),
        // A retry: what fails waits, and comes back.
        queue("jobs", json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "jobs.wait"})),
        queue(
            "jobs.wait",
            json!({"x-message-ttl": 3_600_000, "x-dead-letter-exchange": "",
                                  "x-dead-letter-routing-key": "jobs"}),
        ),
        // Of another type.
        queue("ledger", json!({"x-queue-type": "quorum"})),
        queue("history", json!({"x-queue-type": "stream"})),
        queue("parked", json!({})),
    ]);
    json!({
        "queues": queues,
        "exchanges": [exchange("dlx", "topic"), exchange("mail", "direct"), exchange("mail.dead", "direct")],
        "bindings": [
            binding("dlx", "dead.orders.#", "orders.dlq"),
            binding("mail", "welcome", "mails"),
            binding("mail.dead", "welcome", "mails.dlq"),
        ],
        "policies": [
            policy("mails", "^(?!bulk)ma.*s$", 5, json!({"dead-letter-exchange": "mail.dead"})),
            policy("weaker", "^mails$", 1, json!({"dead-letter-exchange": "dlx"})),
        ],
    })
}

#[tokio::test]
async fn a_shop_is_counted_to_the_message() {
    let broker = Rabbitmq::start().await;
    broker.add_vhost("shop").await;
    define(&broker, shop()).await;
    let (_connection, channel) = client(&broker, "shop").await;

    publish(&channel, "", "orders", 9).await;
    publish(&channel, "", "bulk-7", 4).await;
    publish(&channel, "", "ledger", 3).await;
    publish(&channel, "", "history", 6).await;
    publish(&channel, "", "parked", 2).await;
    publish(&channel, "", "jobs.wait", 1).await;
    let expiring = BasicProperties::default().with_expiration("1".into()).with_timestamp(1_700_000_000);
    publish_as(&channel, "mail", "welcome", 5, expiring).await;
    // Nine, of which two are refused, and three more are held.
    for refused in [true, true, false, false, false] {
        let got = channel.basic_get("orders".into(), BasicGetOptions::default()).await.expect("it answers");
        let Delivery { acker, .. } = got.expect("there are messages").delivery;
        if refused {
            acker.nack(BasicNackOptions::default()).await.expect("it is refused");
        }
    }
    let consume = BasicConsumeOptions::default();
    let _consumer = channel
        .basic_consume("ledger".into(), "test".into(), consume, Default::default())
        .await
        .expect("it answers");

    let mut subject = both(&broker, "shop", ", queues: [orders], max_queues: 5000, collect: [queues]");
    eventually(SOON, "the refused and the expired are dead letters", async || {
        let families = subject.probe().await.expect("it answers").families;
        let depth = |queue| value(&families, "rabbitmq_dead_letter_queue_messages", &["shop", queue]);
        let head = "rabbitmq_dead_letter_queue_head_message_timestamp_seconds";
        (depth("orders.dlq"), depth("mails.dlq")) == (Some(2.0), Some(5.0))
            && value(&families, head, &["shop", "mails.dlq"]) == Some(1_700_000_000.0)
    })
    .await;
    // Quorum queues report their counts, and statistics their consumers, every few seconds.
    eventually(SOON, "the quorum queue and its consumer are known", async || {
        let families = subject.probe().await.expect("it answers").families;
        let ledger = |name| value(&families, name, &["shop", "ledger"]);
        (ledger("rabbitmq_queue_messages_unacked"), ledger("rabbitmq_queue_consumers"))
            == (Some(3.0), Some(1.0))
    })
    .await;

    let observation = subject.probe().await.expect("it answers");
    let families = observation.families;
    let counts = |queue| {
        [
            "rabbitmq_queue_messages",
            "rabbitmq_queue_messages_ready",
            "rabbitmq_queue_messages_unacked",
            "rabbitmq_queue_consumers",
        ]
        .map(|name| the(&families, name, &["shop", queue]))
    };
    assert_eq!(counts("orders"), [7.0, 4.0, 3.0, 0.0]);
    assert_eq!(counts("bulk-7"), [4.0, 4.0, 0.0, 0.0]);
    assert_eq!(counts("ledger"), [3.0, 0.0, 3.0, 1.0]);
    assert_eq!(counts("mails"), [0.0; 4]);
    let total = 7.0 + 4.0 + 3.0 + 2.0 + 1.0 + 2.0 + 5.0;
    assert_eq!(the(&families, "rabbitmq_queue_messages_global", &[]), total);
    assert_eq!(the(&families, "rabbitmq_queue_messages_unacknowledged_global", &[]), 6.0);
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 2009.0);
    assert_eq!(the(&families, "rabbitmq_consumers", &[]), 1.0);

    // Each dead-letter queue belongs to its source; what comes back from a retry is none.
    let mut info = members(&families, "rabbitmq_dead_letter_info");
    info.sort_unstable();
    assert_eq!(info, [["shop", "mails", "mail.dead", "mails.dlq"], ["shop", "orders", "dlx", "orders.dlq"]]);
    let dead = members(&families, "rabbitmq_dead_letter_queue_messages");
    assert_eq!(dead, [["shop", "mails.dlq"], ["shop", "orders.dlq"]]);

    // Nobody consumes from three queues; dead letters, delays and streams do not count.
    let abandoned = |queue| value(&families, "rabbitmq_queue_without_consumers", &["shop", queue]);
    assert_eq!(["orders", "bulk-7", "parked"].map(abandoned), [Some(1.0); 3]);
    assert_eq!(["ledger", "mails", "jobs"].map(abandoned), [Some(0.0); 3]);
    assert_eq!(["orders.dlq", "mails.dlq", "jobs.wait", "history"].map(abandoned), [None; 4]);
    assert_eq!(reasons(&observation.problems), [Reason::Stale]);
    let detail = &observation.problems[0].detail;
    assert!(["orders", "bulk-7", "parked"].iter().all(|queue| detail.contains(queue)), "{detail}");
    assert!(!detail.contains("dlq") && !detail.contains("ledger"), "{detail}");

    let replicas = ["rabbitmq_queue_members", "rabbitmq_queue_members_online"];
    assert_eq!(replicas.map(|name| the(&families, name, &["shop", "ledger"])), [1.0; 2]);
    assert_eq!(the(&families, "rabbitmq_queues_without_consumers", &[]), 3.0);

    the_series_are_bounded(&broker, total).await;
    the_flag_of_the_rest_is_a_flag(&broker).await;
    the_filter_and_expectations_hold(&broker).await;
    the_declared_are_counted_by_amqp_alone(&broker).await;
    a_refusal_hides_no_other_queue(&broker).await;
    the_catalogue_is_complete(families);
    drop(subject);
    amqp_leaves_one_connection(&broker).await;
}

async fn the_series_are_bounded(broker: &Rabbitmq, total: f64) {
    let mut subject =
        both(broker, "shop", ", max_queues: 50, queues: [bulk-1999], consumers_expected: false");
    let families = well(&mut subject).await.families;
    let series = members(&families, "rabbitmq_queue_messages");
    assert_eq!(series.len(), 50);
    for kept in [["shop", "bulk-1999"], ["shop", "orders"], ["", "other"]] {
        assert!(series.contains(&kept.map(str::to_owned).to_vec()), "{kept:?}");
    }
    assert_eq!(sum(&families, "rabbitmq_queue_messages"), total);
    assert_eq!(the(&families, "rabbitmq_queue_messages_global", &[]), total);
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 2009.0);
    assert!(!has(&families, "rabbitmq_queue_without_consumers"));
    assert_eq!(members(&families, "rabbitmq_dead_letter_queue_messages").len(), 2);

    // Statistics of so many queues would cost the broker too much.
    let mut subject = both(broker, "shop", ", max_queues: 50, consumers_expected: false, collect: [queues]");
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(reasons(&observation.problems), [Reason::Cardinality]);
    assert!(!has(&observation.families, "rabbitmq_queue_messages_bytes"));
}

/// Three queues are without consumers, of which one or two have series of their own.
async fn the_flag_of_the_rest_is_a_flag(broker: &Rabbitmq) {
    for (most, own) in [(2, 1.0), (4, 2.0)] {
        let mut subject = both(broker, "shop", &format!(", max_queues: {most}"));
        let families = subject.probe().await.expect("it answers").families;
        assert_eq!(the(&families, "rabbitmq_queue_without_consumers", &["", "other"]), 1.0);
        assert_eq!(the(&families, "rabbitmq_queues_without_consumers", &[]), 3.0);
        assert_eq!(sum(&families, "rabbitmq_queue_without_consumers"), own + 1.0, "{most}");
    }
}

async fn the_filter_and_expectations_hold(broker: &Rabbitmq) {
    let filter = ", queue_filter: {include: '^(orders|mails|ledger|bulk-1.)$', exclude: '^bulk-13$'}";
    let expected = "consumers_expected: {exclude: '^orders$'}, dead_letter_queues: {exclude: mails}";
    let mut subject = both(broker, "shop", &format!("{filter}, {expected}"));
    let families = well(&mut subject).await.families;
    let series = members(&families, "rabbitmq_queue_messages");
    assert_eq!(series.len(), 12, "{series:?}");
    // The dead letters of a queue that is looked at, wherever they are.
    assert_eq!(members(&families, "rabbitmq_dead_letter_queue_messages"), [["shop", "orders.dlq"]]);
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 2009.0);
}

async fn the_declared_are_counted_by_amqp_alone(broker: &Rabbitmq) {
    let url = broker.url_as("operator", "unused", "shop");
    let queues = "queues: [orders, ledger, orders.dlq, gone, mails], dead_letter_queues: {include: 'dlq$'}";
    let mut subject = source(&format!("rabbitmq: {{url: '{url}', {queues}}}"));
    let observation = subject.probe().await.expect("it answers");
    let families = observation.families;
    let ready = |queue| value(&families, "rabbitmq_queue_messages_ready", &["shop", queue]);
    assert_eq!(
        ["orders", "ledger", "orders.dlq", "mails", "gone"].map(ready),
        [Some(4.0), Some(0.0), Some(2.0), Some(0.0), None]
    );
    assert_eq!(the(&families, "rabbitmq_queue_consumers", &["shop", "ledger"]), 1.0);
    assert_eq!(the(&families, "rabbitmq_dead_letter_queue_messages", &["shop", "orders.dlq"]), 2.0);
    assert!(!has(&families, "rabbitmq_queue_messages") && !has(&families, "rabbitmq_queues"));
    assert_eq!(reasons(&observation.problems), [Reason::NotFound, Reason::Stale]);
    assert!(observation.problems[0].detail.contains("gone"), "{}", observation.problems[0]);
    assert!(
        observation.problems[1].detail.contains("orders in shop (4 messages)"),
        "{}",
        observation.problems[1]
    );
    // Found again by the management interface, or missed again.
    let mut subject = both(broker, "shop", ", queues: [mails, gone], consumers_expected: false");
    assert_eq!(reasons(&problems(&mut subject).await), [Reason::NotFound]);
}

/// The broker closes the channel with each refusal, whatever was asked on it as well.
async fn a_refusal_hides_no_other_queue(broker: &Rabbitmq) {
    let found: Vec<_> = (1000..1060).map(|number| format!("bulk-{number}")).collect();
    // Two on end, far from them a third, and the last of all.
    let missing = ["bulk-1007-gone", "bulk-1007-too", "bulk-1044-gone", "bulk-1059-gone"];
    let declared = found.iter().map(String::as_str).chain(missing).collect::<Vec<_>>().join(", ");
    let url = broker.url_as("operator", "unused", "shop");
    let mut subject = source(&format!("rabbitmq: {{url: '{url}', queues: [{declared}]}}"));
    let observation = subject.probe().await.expect("it answers");
    let counted = members(&observation.families, "rabbitmq_queue_messages_ready");
    assert_eq!(counted, found.iter().map(|name| vec!["shop".to_owned(), name.clone()]).collect::<Vec<_>>());
    assert_eq!(reasons(&observation.problems), [Reason::NotFound; 4]);
    for (name, problem) in missing.iter().zip(&observation.problems) {
        assert!(problem.detail.contains(name), "{problem}");
    }
}

fn the_catalogue_is_complete(families: Vec<platform_core::metric::Family>) {
    let mut emitted: Vec<_> = families.into_iter().map(|family| Arc::unwrap_or_clone(family.desc)).collect();
    let mut catalogue = (Kind::Rabbitmq.facts().catalogue)();
    emitted.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(emitted, catalogue);
}

async fn amqp_leaves_one_connection(broker: &Rabbitmq) {
    let mut subject = both(broker, "shop", ", queues: [gone], consumers_expected: false");
    for _ in 0..3 {
        problems(&mut subject).await;
    }
    eventually(SOON, "one connection is left, without a channel", async || {
        let connections = broker.get("/api/connections").await;
        let ours = connections.as_array().into_iter().flatten();
        let ours = ours
            .filter(|connection| connection["client_properties"]["connection_name"] == "platform_exporter");
        ours.map(|connection| connection["channels"].clone()).collect::<Vec<_>>() == [json!(0)]
    })
    .await;
    drop(subject);
    eventually(SOON, "none is left", async || {
        let connections = broker.get("/api/connections").await;
        !connections.to_string().contains("platform_exporter")
    })
    .await;
}
