//! Large brokers beside other sources.

use testkit::fake_broker::FakeBroker;
use testkit::turns::{LONGEST, Turns};
use testkit::web::{Web, reply};

/// As many as are read. The last three have to fit into 32 MiB each.
const QUEUES: usize = 100_000;
const CONSUMERS: usize = 200_000;
const BINDINGS: usize = 200_000;

fn many(number: usize, one: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..number).map(one).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn the_largest_broker_keeps_nobody_waiting() {
    let queue = |number| {
        format!(
            r#"{{"vhost":"/","name":"queue-{number:06}","type":"classic","arguments":{{"x-dead-letter-exchange":"dlx"}},"policy":"","messages":3,"messages_ready":2,"messages_unacknowledged":1}}"#
        )
    };
    let consumer = |number| format!(r#"{{"queue":{{"vhost":"/","name":"queue-{:06}"}}}}"#, number / 2);
    let binding = |number| {
        format!(
            r#"{{"vhost":"/","source":"dlx","destination":"queue-{number:06}","destination_type":"queue","routing_key":"queue-{number:06}"}}"#
        )
    };
    let (queues, consumers) = (many(QUEUES, queue), many(CONSUMERS, consumer));
    let bindings = many(BINDINGS, binding);
    let web = Web::start(move |asked| {
        let path = asked.path.trim_start_matches("/api/").split('?').next().unwrap_or_default();
        let body = match path {
            "overview" => r#"{"rabbitmq_version":"4.1.0","node":"n"}"#.to_owned(),
            "health/checks/alarms" => r#"{"status":"ok"}"#.to_owned(),
            "queues" => queues.clone(),
            "consumers" => consumers.clone(),
            "exchanges" => r#"[{"vhost":"/","name":"dlx","type":"direct"}]"#.to_owned(),
            "bindings" => bindings.clone(),
            _ => "[]".to_owned(),
        };
        reply(200, body)
    })
    .await;
    let broker = FakeBroker::start().await;
    let turns = Turns::start(&format!(
        "sources: {{mq: {{rabbitmq: {{url: 'amqp://{}/%2f', management_url: '{}', max_queues: 10000}}, interval: 10m, \
         timeout: 4m}}}}",
        broker.address(),
        web.url("/")
    ))
    .await;
    turns.wait_until(r#"rabbitmq_queues{source="mq"}"#, |queues| queues >= QUEUES as f64).await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
