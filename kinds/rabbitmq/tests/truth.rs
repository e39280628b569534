//! Every sample in hard states, recounted from what the test has done, from `rabbitmqctl` and from the kernel.

mod ledger;
mod node;
mod plugin;
mod statistics;

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};
use serde_json::{Value, json};

use self::ledger::{Ledger, Role};
use self::node::{Limits, Node};
use super::{both, client, define, publish, publish_as, source};
use testkit::rabbitmq::Rabbitmq;
use testkit::recount::{Recounts, Series, series};
use testkit::wait::{eventually, until};

/// Statistics and alarms follow within ten seconds, on a slow machine later.
const PATIENCE: Duration = Duration::from_secs(60);

/// What moves between two readings, and not in one direction.
const MOVING: [&str; 5] = [
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_process_open_fds",
    "rabbitmq_disk_space_available_bytes",
    "rabbitmq_erlang_processes_used",
    "rabbitmq_queue_consumer_",
];

const LIMITS: Limits = Limits { memory: 4e9, free_disk: 50e6 };

/// The default for `max_queues`.
const ALL: usize = 1000;

/// When the first dead letter was published.
const PUBLISHED: u64 = 1_700_000_000;

/// A broker, and what the test has done to it.
struct Scene {
    broker: Rabbitmq,
    limits: Limits,
    ledger: Ledger,
    recounts: Recounts,
}

impl Scene {
    async fn start() -> Self {
        let limit = "vm_memory_high_watermark.absolute = 4000000000";
        let broker = Rabbitmq::options().setting(limit).prometheus().start().await;
        Self { broker, limits: LIMITS, ledger: Ledger::default(), recounts: Recounts::default() }
    }

    async fn check(&mut self, state: &str) {
        self.check_up_to(ALL, state).await;
    }

    async fn check_up_to(&mut self, most: usize, state: &str) {
        self.check_with(&format!(", max_queues: {most}"), most, &Series::new(), state).await;
    }

    /// With more keys of the source, and the series that they add.
    async fn check_with(&mut self, keys: &str, most: usize, more: &Series, state: &str) {
        let Self { broker, ledger, limits, recounts } = self;
        eventually(PATIENCE, "the queues are reported", async || ledger.is_reported(broker).await).await;
        let node = until(PATIENCE, "the node is reported", async || {
            let node = Node::of(broker, *limits, ledger.consumers()).await;
            node.is_reported(broker).await.then_some(node)
        })
        .await;
        let mut subject = both(broker, "%2f", keys);
        let probe = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}")).families;
        let [mut before, mut after] =
            [node, Node::of(broker, *limits, ledger.consumers()).await].map(|node| node.series());
        for recount in [&mut before, &mut after] {
            recount.extend(ledger.series(most));
            recount.extend(more.clone());
        }
        // These are measured every few seconds, and change at any time.
        for (name, most) in
            [("rabbitmq_erlang_scheduler_run_queue", 1e3), ("rabbitmq_process_open_tcp_sockets", 1e2)]
        {
            let name = series(name, &[&broker.node()]);
            before.insert(name.clone(), 0.0);
            after.insert(name, most);
        }
        // While it probes, it has a channel.
        *after.get_mut("rabbitmq_channels").expect("it is counted") += 1.0;
        recounts.compare(state, &before, &probe, &after, &MOVING);
    }

    async fn check_by_amqp(&mut self, state: &str) {
        let names = self.ledger.names().join(", ");
        let mut subject = source(&format!("rabbitmq: {{url: '{}', queues: [{names}]}}", self.broker.url()));
        let probe = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}")).families;
        let recount = self.ledger.series_by_amqp();
        self.recounts.compare(state, &recount, &probe, &recount, &[]);
    }

    /// Sets what the node may use, without a restart.
    async fn limit(&mut self, limits: Limits) {
        let Limits { memory, free_disk } = limits;
        let set = format!(
            "begin vm_memory_monitor:set_vm_memory_high_watermark({{absolute, {memory}}}), \
             rabbit_disk_monitor:set_disk_free_limit({free_disk}), true end"
        );
        self.broker.eval(&set).await;
        self.limits = limits;
    }
}

fn dead_letters_to(queue: &str) -> Value {
    json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue})
}

/// Takes messages, and keeps them unacknowledged.
async fn take(channel: &Channel, queue: &str, messages: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    for _ in 0..messages {
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("it answers");
        taken.push(got.expect("there are messages").delivery);
    }
    taken
}

async fn refuse(channel: &Channel, queue: &str, messages: usize) {
    for delivery in take(channel, queue, messages).await {
        delivery.acker.nack(BasicNackOptions::default()).await.expect("it is refused");
    }
}

async fn consume(broker: &Rabbitmq, queue: &str) -> (Connection, Consumer) {
    let (connection, channel) = client(broker, "%2f").await;
    channel.basic_qos(10, BasicQosOptions::default()).await.expect("it answers");
    let consumer = channel.basic_consume(
        queue.into(),
        "test".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    (connection, consumer.await.expect("it answers"))
}

/// Messages wait, are unacknowledged, and lose their consumer.
async fn work(scene: &mut Scene, channel: &Channel) {
    for queue in ["orders", "mails", "idle"] {
        scene.broker.add_queue("%2f", queue, json!({})).await;
        scene.ledger.put(queue, Role::Work, 0);
    }
    publish(channel, "", "orders", 5).await;
    publish(channel, "", "mails", 3).await;
    take(channel, "orders", 2).await;
    let (connection, _consumer) = consume(&scene.broker, "mails").await;
    scene.ledger.put("orders", Role::Work, 3).unacked = 2;
    let mails = scene.ledger.put("mails", Role::Work, 0);
    (mails.unacked, mails.consumers) = (3, 1);
    scene.check("ready and unacknowledged messages, consumers").await;
    let counts = [("orders", [("publish", 5), ("get", 2)]), ("mails", [("publish", 3), ("deliver", 3)])];
    let statistics = until(PATIENCE, "the statistics of queues are there", async || {
        statistics::of_queues(&scene.broker, &counts).await
    })
    .await;
    scene.check_with(", collect: [queues]", ALL, &statistics, "statistics of single queues").await;
    connection.close(200, "done".into()).await.expect("it answers");
    scene.ledger.put("mails", Role::Work, 3);
    scene.check("a queue has lost its consumer").await;
}

/// Dead letters in each way that there is.
async fn dead_letters(scene: &mut Scene, channel: &Channel) {
    scene.broker.add_queue("%2f", "bills", dead_letters_to("bills.dead")).await;
    scene.broker.add_queue("%2f", "bills.dead", json!({})).await;
    let lasting = BasicProperties::default().with_timestamp(PUBLISHED).with_delivery_mode(2);
    publish_as(channel, "", "bills", 4, lasting).await;
    refuse(channel, "bills", 3).await;
    scene.ledger.put("bills", Role::Work, 1).leads_to = Some(("", "bills.dead"));
    scene.ledger.put("bills.dead", Role::Dead, 3).head = Some(PUBLISHED);
    scene.check("dead letters by arguments").await;

    let exchange = |name: &str, kind: &str, arguments: Value| {
        json!({"vhost": "/", "name": name, "type": kind, "durable": true, "auto_delete": false, "internal": false,
               "arguments": arguments})
    };
    let binding = |source: &str, key: &str, queue: &str| {
        json!({"vhost": "/", "source": source, "routing_key": key, "destination": queue,
               "destination_type": "queue", "arguments": {}})
    };
    for queue in ["parcels", "parcels.dead", "unrouted"] {
        scene.broker.add_queue("%2f", queue, json!({})).await;
    }
    let by_policy = json!({"dead-letter-exchange": "failed"});
    scene.broker.add_policy("%2f", "parcels", "^parcels$", by_policy).await;
    let exchanges = [
        exchange("failed", "direct", json!({})),
        exchange("shop", "direct", json!({"alternate-exchange": "nowhere"})),
        exchange("nowhere", "fanout", json!({})),
    ];
    let bindings = [binding("failed", "parcels", "parcels.dead"), binding("nowhere", "", "unrouted")];
    define(&scene.broker, json!({"exchanges": exchanges, "bindings": bindings})).await;
    publish(channel, "", "parcels", 3).await;
    refuse(channel, "parcels", 2).await;
    scene.ledger.put("parcels", Role::Work, 1).leads_to = Some(("failed", "parcels.dead"));
    scene.ledger.put("parcels.dead", Role::Dead, 2);
    scene.ledger.put("unrouted", Role::Dead, 0);
    scene.check("dead letters by a policy").await;

    let at_most = json!({"pattern": "^tickets$", "definition": {"max-length": 3}, "apply-to": "queues"});
    scene.broker.put("/api/operator-policies/%2f/tickets", at_most).await;
    scene.broker.add_queue("%2f", "tickets", dead_letters_to("tickets.dead")).await;
    scene.broker.add_queue("%2f", "tickets.dead", json!({})).await;
    publish(channel, "", "tickets", 5).await;
    scene.ledger.put("tickets", Role::Work, 3).leads_to = Some(("", "tickets.dead"));
    scene.ledger.put("tickets.dead", Role::Dead, 2);
    scene.check("dead letters by an operator policy").await;

    publish(channel, "shop", "a key of nobody", 2).await;
    scene.ledger.put("unrouted", Role::Dead, 2);
    scene.check("dead letters by an alternate exchange").await;
}

/// Messages that come back after a time.
async fn delays(scene: &mut Scene, channel: &Channel) -> (Connection, Consumer) {
    let mut later = dead_letters_to("due");
    later["x-message-ttl"] = json!(3_600_000);
    let mut retry = dead_letters_to("jobs");
    retry["x-message-ttl"] = json!(3_600_000);
    let ttl = json!({"pattern": "^wait$", "definition": {"message-ttl": 3_600_000}, "apply-to": "queues"});
    scene.broker.put("/api/operator-policies/%2f/wait", ttl).await;
    for (queue, arguments) in [
        ("due", dead_letters_to("due.dead")),
        ("due.dead", json!({})),
        ("later", later),
        ("wait", dead_letters_to("due")),
        ("jobs", dead_letters_to("jobs.retry")),
        ("jobs.retry", retry),
    ] {
        scene.broker.add_queue("%2f", queue, arguments).await;
    }
    for (queue, role, messages) in [
        ("due.dead", Role::Dead, 0),
        ("later", Role::Delay, 2),
        ("wait", Role::Delay, 1),
        ("jobs", Role::Work, 3),
        ("jobs.retry", Role::Delay, 1),
    ] {
        publish(channel, "", queue, messages).await;
        scene.ledger.put(queue, role, messages as u64);
    }
    let consumer = consume(&scene.broker, "due").await;
    let due = scene.ledger.put("due", Role::Work, 0);
    (due.consumers, due.leads_to) = (1, Some(("", "due.dead")));
    scene.check("delay queues by arguments and by an operator policy").await;
    consumer
}

/// Queues that are kept in another way, and names that only a test would give.
async fn types_and_names(scene: &mut Scene, channel: &Channel) -> [(Connection, Consumer); 2] {
    scene.broker.add_queue("%2f", "ledger", json!({"x-queue-type": "quorum"})).await;
    scene.broker.add_queue("%2f", "history", json!({"x-queue-type": "stream"})).await;
    publish(channel, "", "ledger", 4).await;
    publish(channel, "", "history", 6).await;
    // Not taken by `basic.get`: a quorum queue counts that as a consumer.
    let consumers = [consume(&scene.broker, "ledger").await, consume(&scene.broker, "history").await];
    let ledger = scene.ledger.put("ledger", Role::Work, 0);
    (ledger.unacked, ledger.consumers, ledger.is_quorum) = (4, 1, true);
    scene.ledger.put("history", Role::Stream, 6).consumers = 1;
    scene.check("a quorum queue and a stream").await;

    scene.broker.add_vhost("shop%2feu").await;
    let (_connection, channel) = client(&scene.broker, "shop%2feu").await;
    for (encoded, queue, messages) in [("other", "other", 7), ("gr%C3%B6%C3%9Fe%20%22x%22", "größe \"x\"", 2)]
    {
        scene.broker.add_queue("shop%2feu", encoded, json!({})).await;
        publish(&channel, "", queue, messages).await;
        scene.ledger.put_in("shop/eu", queue, Role::Work, messages as u64);
    }
    scene.check("another virtual host, and a queue named other").await;
    scene.check_up_to(8, "more queues than have series of their own").await;
    consumers
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut scene = Scene::start().await;
    scene.check("empty").await;
    let (connection, channel) = client(&scene.broker, "%2f").await;
    work(&mut scene, &channel).await;
    dead_letters(&mut scene, &channel).await;
    let of_due = delays(&mut scene, &channel).await;
    let of_history = types_and_names(&mut scene, &channel).await;
    scene.limit(Limits { memory: 1e6, ..LIMITS }).await;
    scene.check("a memory alarm").await;
    scene.limit(Limits { free_disk: 500e12, ..LIMITS }).await;
    scene.check("a disk alarm").await;
    scene.limit(LIMITS).await;
    scene.check("the alarms have ended").await;

    drop((connection, channel, of_due, of_history));
    scene.broker.restart().await;
    for entry in scene.ledger.entries() {
        (entry.unacked, entry.consumers) = (0, 0);
        if entry.role != Role::Stream && !entry.is_quorum && entry.head.is_none() {
            entry.ready = 0;
        }
    }
    // What lasts: the quorum queue, and messages that were published so.
    scene.ledger.of("/", "bills").ready = 1;
    scene.ledger.of("/", "ledger").ready = 4;
    scene.check("restarted").await;

    // One virtual host is all that a connection reaches.
    scene.ledger.retain("/");
    scene.check_by_amqp("AMQP alone").await;
    scene.recounts.finish("rabbitmq");
}
