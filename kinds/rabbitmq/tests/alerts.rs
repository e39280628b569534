//! The alerts that failures of a real broker raise.

use std::time::Duration;

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use serde_json::json;

use super::{client, publish};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::rabbitmq::Rabbitmq;

const MINUTE: Duration = Duration::from_secs(60);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the node may use while all is well.
const MEMORY: u64 = 4_000_000_000;
const FREE_DISK: u64 = 50_000_000;

/// More than any queue without a past may hold.
const MANY: usize = 1100;

/// A broker, and the exporter that watches it.
struct Scene<'a> {
    broker: &'a Rabbitmq,
    exporter: &'a Exporter,
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let limit = format!("vm_memory_high_watermark.absolute = {MEMORY}");
    let mut broker = Rabbitmq::options().setting(&limit).start().await;
    let dead = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dead"});
    for (queue, arguments) in [("orders", dead), ("orders.dead", json!({})), ("mails", json!({}))] {
        broker.add_queue("%2f", queue, arguments).await;
    }
    let exporter = Exporter::start(&format!(
        "sources: {{mq: {{rabbitmq: {{url: '{}', management_url: 'http://{}'}}, interval: 3s}}}}",
        broker.url(),
        broker.management_address()
    ))
    .await;
    let mut drills = Drills::of(&exporter);
    let scene = Scene { broker: &broker, exporter: &exporter };
    alarms(&scene, &mut drills).await;
    queues(&scene, &mut drills).await;

    drills.well().await;
    broker.kill();
    exporter.wait_for("platform_source_up{source=\"mq\",kind=\"rabbitmq\"}", 0.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("PlatformSourceDown", "critical")]).await;

    drills.have_seen(&on_servers::RABBITMQ);
}

impl Scene<'_> {
    /// Sets what the node may use, without a restart.
    async fn limit(&self, memory: u64, free_disk: u64) {
        let set = format!(
            "begin vm_memory_monitor:set_vm_memory_high_watermark({{absolute, {memory}}}), \
             rabbit_disk_monitor:set_disk_free_limit({free_disk}), true end"
        );
        self.broker.eval(&set).await;
    }

    /// The exporter sees it a moment after the broker.
    async fn shows(&self, family: &str, label: &str, value: f64) {
        let series = format!("{family}{{source=\"mq\",{label}}}");
        self.exporter.wait_for(&series, value, PATIENCE).await;
    }

    async fn limits_show(&self, memory: u64, free_disk: u64) {
        let node = format!("node=\"{}\"", self.broker.node());
        self.shows("rabbitmq_resident_memory_limit_bytes", &node, memory as f64).await;
        self.shows("rabbitmq_disk_space_available_limit_bytes", &node, free_disk as f64).await;
        let is = |exceeded: bool| f64::from(u8::from(exceeded));
        self.shows("rabbitmq_alarms_memory_used_watermark", &node, is(memory < MEMORY)).await;
        self.shows("rabbitmq_alarms_free_disk_space_watermark", &node, is(free_disk > FREE_DISK)).await;
    }

    /// A consumer that takes at most so many messages, and acknowledges none.
    async fn consume(&self, queue: &str, most: u16) -> (Connection, Consumer) {
        let (connection, channel) = client(self.broker, "%2f").await;
        channel.basic_qos(most, BasicQosOptions::default()).await.expect("it answers");
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue.into(), "test".into(), options, FieldTable::default());
        (connection, consumer.await.expect("it answers"))
    }

    async fn publish(&self, queue: &str, messages: usize) {
        let (connection, channel) = client(self.broker, "%2f").await;
        publish(&channel, "", queue, messages).await;
        connection.close(200, "done".into()).await.expect("it answers");
    }

    async fn purge(&self, queue: &str) {
        self.broker.delete(&format!("/api/queues/%2f/{queue}/contents")).await;
        self.shows("rabbitmq_queue_messages", &of(queue), 0.0).await;
    }
}

fn of(queue: &str) -> String {
    format!("vhost=\"/\",queue=\"{queue}\"")
}

/// A broker that blocks those who publish.
async fn alarms(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    scene.limits_show(MEMORY, FREE_DISK).await;
    for (memory, free_disk, alerts) in [
        (1_000_000, FREE_DISK, [("RabbitmqMemoryAlarm", "critical"), ("RabbitmqMemoryHigh", "warning")]),
        (MEMORY, 500_000_000_000_000, [("RabbitmqDiskAlarm", "critical"), ("RabbitmqDiskLow", "warning")]),
    ] {
        drills.well().await;
        scene.limit(memory, free_disk).await;
        scene.limits_show(memory, free_disk).await;
        // By what the broker says of itself.
        let [first, second] = alerts;
        drills.fires(20 * MINUTE, &[("PlatformSourceDegraded", "warning"), first, second]).await;
        scene.limit(MEMORY, FREE_DISK).await;
        scene.limits_show(MEMORY, FREE_DISK).await;
    }
}

/// Messages that nobody takes, or that are taken and kept.
async fn queues(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    let (connection, consumer) = scene.consume("mails", 10).await;
    scene.shows("rabbitmq_queue_consumers", &of("mails"), 1.0).await;
    drills.well().await;
    scene.publish("mails", MANY).await;
    scene.shows("rabbitmq_queue_messages_ready", &of("mails"), (MANY - 10) as f64).await;
    drills.fires(30 * MINUTE, &[("RabbitmqQueueBacklog", "warning")]).await;

    scene.broker.delete("/api/queues/%2f/mails/contents").await;
    scene.shows("rabbitmq_queue_messages", &of("mails"), 10.0).await;
    drills.well().await;
    connection.close(200, "done".into()).await.expect("it answers");
    drop(consumer);
    scene.shows("rabbitmq_queue_without_consumers", &of("mails"), 1.0).await;
    let alerts = [
        // By its queue.
        ("PlatformSourceDegraded", "warning"),
        ("RabbitmqQueueWithoutConsumers", "critical"),
        ("RabbitmqQueueWithoutConsumers", "warning"),
    ];
    drills.fires(30 * MINUTE, &alerts).await;
    scene.purge("mails").await;

    drills.well().await;
    // Without a limit.
    let (connection, consumer) = scene.consume("mails", 0).await;
    scene.publish("mails", MANY).await;
    scene.shows("rabbitmq_queue_messages_unacked", &of("mails"), MANY as f64).await;
    drills.fires(30 * MINUTE, &[("RabbitmqQueueUnacknowledged", "warning")]).await;
    connection.close(200, "done".into()).await.expect("it answers");
    drop(consumer);
    scene.purge("mails").await;

    drills.well().await;
    scene.publish("orders.dead", 3).await;
    scene.shows("rabbitmq_dead_letter_queue_messages", &of("orders.dead"), 3.0).await;
    drills.fires(20 * MINUTE, &[("RabbitmqDeadLetters", "warning")]).await;
    scene.purge("orders.dead").await;
}
