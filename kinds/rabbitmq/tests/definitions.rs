//! What operators define beside the arguments of queues: alternate exchanges, operator policies, and what cannot be read.

use lapin::options::{BasicConsumeOptions, BasicGetOptions, BasicNackOptions};
use platform_core::probe::Reason;
use serde_json::{Value, json};

use super::{SOON, both, client, define, has, members, publish, reasons, source, the, value, well};
use testkit::rabbitmq::Rabbitmq;
use testkit::wait::{eventually, until};
use testkit::web::{Web, reply};

const WITHOUT: &str = "rabbitmq_queue_without_consumers";
const DEAD: &str = "rabbitmq_dead_letter_queue_messages";

fn queue(name: &str, arguments: Value) -> Value {
    json!({"vhost": "/", "name": name, "durable": true, "auto_delete": false, "arguments": arguments})
}

fn exchange(name: &str, kind: &str, arguments: Value) -> Value {
    json!({"vhost": "/", "name": name, "type": kind, "durable": true, "auto_delete": false, "internal": false,
           "arguments": arguments})
}

fn binding(source: &str, key: &str, queue: &str) -> Value {
    json!({"vhost": "/", "source": source, "routing_key": key, "destination": queue,
           "destination_type": "queue", "arguments": {}})
}

#[tokio::test]
async fn what_exchanges_cannot_route_is_parked_and_misses_nobody() {
    let broker = Rabbitmq::start().await;
    let queues: Vec<_> = ["orders", "lost", "unwanted"].map(|name| queue(name, json!({}))).into();
    define(
        &broker,
        json!({
            "queues": queues,
            "exchanges": [
                exchange("shop", "direct", json!({"alternate-exchange": "nowhere"})),
                exchange("nowhere", "fanout", json!({})),
                exchange("mail", "topic", json!({})),
                exchange("mail.unwanted", "fanout", json!({})),
            ],
            "bindings": [
                binding("shop", "orders", "orders"),
                binding("nowhere", "", "lost"),
                binding("mail.unwanted", "", "unwanted"),
            ],
            "policies": [{"vhost": "/", "name": "mail", "pattern": "^mail$", "priority": 0,
                          "apply-to": "exchanges", "definition": {"alternate-exchange": "mail.unwanted"}}],
        }),
    )
    .await;
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "shop", "a key of nobody", 3).await;
    publish(&channel, "mail", "a.key.of.nobody", 2).await;
    let mut subject = both(&broker, "%2f", "");
    let families = well(&mut subject).await.families;
    assert_eq!(the(&families, DEAD, &["/", "lost"]), 3.0);
    assert_eq!(the(&families, DEAD, &["/", "unwanted"]), 2.0);
    assert_eq!(members(&families, WITHOUT), [["/", "orders"]]);

    // Somebody takes them after all: then they are work, even when he stops.
    let consume = BasicConsumeOptions::default();
    let consumer = channel.basic_consume("lost".into(), "test".into(), consume, Default::default());
    let consumer = consumer.await.expect("it answers");
    let without = async |subject: &mut super::Subject| {
        let families = subject.probe().await.expect("it answers").families;
        value(&families, WITHOUT, &["/", "lost"])
    };
    eventually(SOON, "its consumer is known", async || without(&mut subject).await == Some(0.0)).await;
    drop(consumer);
    channel.close(200, "done".into()).await.expect("it answers");
    eventually(SOON, "its consumer is missed", async || without(&mut subject).await == Some(1.0)).await;
}

#[tokio::test]
async fn an_operator_policy_makes_a_delay_of_a_queue() {
    let broker = Rabbitmq::start().await;
    let to_work = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"});
    broker.add_queue("%2f", "wait", to_work).await;
    broker.add_queue("%2f", "work", json!({})).await;
    let ttl = json!({"pattern": "^wait$", "definition": {"message-ttl": 3_600_000}, "apply-to": "queues"});
    broker.put("/api/operator-policies/%2f/ttl", ttl).await;
    let (_connection, channel) = client(&broker, "%2f").await;
    let consume = BasicConsumeOptions::default();
    let _consumer =
        channel.basic_consume("work".into(), "test".into(), consume, Default::default()).await.unwrap();
    publish(&channel, "", "wait", 2).await;
    let mut subject = both(&broker, "%2f", "");
    let families = until(SOON, "the consumer is known", async || {
        let families = well(&mut subject).await.families;
        (value(&families, "rabbitmq_queue_consumers", &["/", "work"]) == Some(1.0)).then_some(families)
    })
    .await;
    assert_eq!(the(&families, "rabbitmq_queue_messages", &["/", "wait"]), 2.0);
    assert_eq!(members(&families, WITHOUT), [["/", "work"]]);
    assert_eq!(the(&families, WITHOUT, &["/", "work"]), 0.0);
    assert!(!has(&families, DEAD));
}

#[tokio::test]
async fn a_policy_that_is_too_long_hides_nothing() {
    let broker = Rabbitmq::start().await;
    broker.add_queue("%2f", "orders", json!({})).await;
    broker.add_queue("%2f", "orders.dead", json!({})).await;
    let to = json!({"dead-letter-exchange": "", "dead-letter-routing-key": "orders.dead"});
    // A generated list of names, and a name that no label could hold. The broker itself reports which one is in force.
    let names = format!("^(orders|{})$", vec!["customer"; 1000].join("|"));
    broker.add_policy("%2f", "long", &names, to).await;
    broker.add_policy("%2f", &"n".repeat(300), "^nothing$", json!({"max-length": 5})).await;
    broker.publish("%2f", "orders.dead", 4).await;
    let families = until(SOON, "the policy is in force", async || {
        let families = well(&mut both(&broker, "%2f", "")).await.families;
        has(&families, DEAD).then_some(families)
    })
    .await;
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 2.0);
    assert_eq!(the(&families, DEAD, &["/", "orders.dead"]), 4.0);
}

/// Definitions that cannot be read cost what follows from them, and nothing else.
#[tokio::test]
async fn queues_are_counted_without_their_definitions() {
    let broker = Rabbitmq::start().await;
    broker.add_queue("%2f", "declared", json!({})).await;
    broker.publish("%2f", "declared", 1).await;
    for broken in ["policies", "operator-policies", "exchanges"] {
        let web = Web::start(move |asked| {
            let path = asked.path.split('?').next().unwrap_or_default();
            let body = match path {
                "/api/overview" => json!({"rabbitmq_version": "3.13.7", "disable_stats": true}),
                "/api/queues" => json!([{"vhost": "/", "name": "orders", "type": "classic", "arguments": {},
                    "messages": 7, "messages_ready": 7, "messages_unacknowledged": 0}]),
                path if path == format!("/api/{broken}") => return reply(500, "{}"),
                _ => json!([]),
            };
            reply(200, body.to_string())
        })
        .await;
        let yaml = format!(
            "rabbitmq: {{url: '{}', management_url: '{}', queues: [declared]}}",
            broker.url(),
            web.url("/")
        );
        let observation = source(&yaml).probe().await.expect("AMQP answers");
        let families = observation.families;
        assert_eq!(the(&families, "rabbitmq_queue_messages", &["/", "orders"]), 7.0);
        assert_eq!(the(&families, "rabbitmq_queue_messages_global", &[]), 7.0, "{broken}");
        // Either could be a dead-letter queue or a delay.
        assert!(!has(&families, WITHOUT) && !has(&families, "rabbitmq_queues_without_consumers"), "{broken}");
        assert_eq!(reasons(&observation.problems), [Reason::Protocol], "{:?}", observation.problems);
        assert!(observation.problems[0].detail.contains(broken), "{:?}", observation.problems);
    }
}

/// An account may read policies and not those of operators: then only delays that these make are not known.
#[tokio::test]
async fn operator_policies_that_may_not_be_read_are_reported_and_cost_nothing_else() {
    let broker = Rabbitmq::start().await;
    let web = Web::start(|asked| {
        let body = match asked.path.split('?').next() {
            Some("/api/overview") => json!({"rabbitmq_version": "4.1.0", "disable_stats": true}),
            Some("/api/queues") => json!([
                {"vhost": "/", "name": "orders", "type": "classic", "messages": 0,
                 "arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}},
                {"vhost": "/", "name": "dead", "type": "classic", "messages": 3, "arguments": {}}]),
            Some("/api/operator-policies") => {
                return reply(
                    401,
                    json!({"error": "not_authorized", "reason": "User not authorised"}).to_string(),
                );
            }
            _ => json!([]),
        };
        reply(200, body.to_string())
    })
    .await;
    let yaml = format!("rabbitmq: {{url: '{}', management_url: '{}'}}", broker.url(), web.url("/"));
    let mut subject = source(&yaml);
    for _ in 0..2 {
        let observation = subject.probe().await.expect("AMQP answers");
        assert_eq!(the(&observation.families, DEAD, &["/", "dead"]), 3.0);
        assert_eq!(reasons(&observation.problems), [Reason::Permission], "{:?}", observation.problems);
    }
}

#[tokio::test]
async fn what_waits_for_a_route_of_its_dead_letters_misses_nobody() {
    let broker = Rabbitmq::start().await;
    define(&broker, json!({"exchanges": [exchange("nowhere", "fanout", json!({}))]})).await;
    let at_least_once = json!({"x-queue-type": "quorum", "x-dead-letter-exchange": "nowhere",
                               "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"});
    broker.add_queue("%2f", "orders", at_least_once).await;
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "orders", 2).await;
    for _ in 0..2 {
        let got = channel.basic_get("orders".into(), BasicGetOptions::default()).await.expect("it answers");
        let delivery = got.expect("there are messages").delivery;
        delivery.acker.nack(BasicNackOptions::default()).await.expect("it is refused");
    }
    channel.close(200, "done".into()).await.expect("it answers");
    let mut subject = both(&broker, "%2f", "");
    eventually(SOON, "they are counted, and not ready", async || {
        let families = subject.probe().await.expect("it answers").families;
        let of = |name| value(&families, name, &["/", "orders"]);
        (of("rabbitmq_queue_messages"), of("rabbitmq_queue_messages_ready")) == (Some(2.0), Some(0.0))
    })
    .await;
    let families = well(&mut subject).await.families;
    assert_eq!(the(&families, WITHOUT, &["/", "orders"]), 0.0);
}
