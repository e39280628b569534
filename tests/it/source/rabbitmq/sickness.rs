//! Brokers that complain, and brokers that say little.

use lapin::options::{BasicConsumeOptions, BasicGetOptions};
use platform_exporter::probe::Reason;
use serde_json::json;

use super::{SOON, both, client, has, members, problems, publish, reasons, the, value, well};
use crate::support::rabbitmq::Rabbitmq;
use crate::support::wait::eventually;

#[tokio::test]
async fn an_alarm_is_a_problem_of_its_node() {
    let broker = Rabbitmq::options().setting("disk_free_limit.absolute = 500000GB").start().await;
    let mut subject = both(&broker, "%2f", "");
    eventually(SOON, "the alarm is raised", async || {
        let found = problems(&mut subject).await;
        reasons(&found) == [Reason::Alarm] && found[0].detail.contains("disk space alarm of test")
    })
    .await;
    eventually(SOON, "the first statistics are there", async || {
        let families = subject.probe().await.expect("it answers").families;
        has(&families, "rabbitmq_process_resident_memory_bytes")
    })
    .await;
    let families = subject.probe().await.expect("it answers").families;
    let nodes = broker.get("/api/nodes").await;
    let node = nodes[0]["name"].as_str().expect("a name");
    assert_eq!(the(&families, "rabbitmq_alarms_free_disk_space_watermark", &[node]), 1.0);
    assert_eq!(the(&families, "rabbitmq_alarms_memory_used_watermark", &[node]), 0.0);
    assert_eq!(the(&families, "rabbitmq_disk_space_available_limit_bytes", &[node]), 500e12);
    assert_eq!(the(&families, "rabbitmq_running", &[node]), 1.0);
    assert_eq!(the(&families, "rabbitmq_partitions", &[node]), 0.0);
    let version = broker.get("/api/overview").await["rabbitmq_version"].clone();
    assert_eq!(members(&families, "rabbitmq_build_info")[0][0], version);
    for (family, field) in
        [("rabbitmq_resident_memory_limit_bytes", "mem_limit"), ("rabbitmq_process_max_fds", "fd_total")]
    {
        assert_eq!(Some(the(&families, family, &[node])), nodes[0][field].as_f64(), "{family}");
    }
    for family in [
        "rabbitmq_process_resident_memory_bytes",
        "rabbitmq_process_open_fds",
        "rabbitmq_disk_space_available_bytes",
    ] {
        assert!(the(&families, family, &[node]) > 0.0, "{family}");
    }
}

#[tokio::test]
async fn depth_and_consumers_need_no_statistics() {
    let broker =
        Rabbitmq::options().setting("management_agent.disable_metrics_collector = true").start().await;
    for (queue, arguments) in [
        ("orders", json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.dlq"})),
        ("orders.dlq", json!({})),
        ("mails", json!({})),
        ("idle", json!({})),
    ] {
        broker.add_queue("%2f", queue, arguments).await;
    }
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "orders", 5).await;
    publish(&channel, "", "orders.dlq", 2).await;
    publish(&channel, "", "mails", 3).await;
    for _ in 0..2 {
        channel.basic_get("orders".into(), BasicGetOptions::default()).await.expect("it answers");
    }
    let consume = BasicConsumeOptions::default();
    let _consumer = channel
        .basic_consume("mails".into(), "test".into(), consume, Default::default())
        .await
        .expect("it answers");

    // At once: neither waits for an interval of anything.
    let observation = both(&broker, "%2f", "").probe().await.expect("it answers");
    let families = observation.families;
    let counts = |queue| {
        ["rabbitmq_queue_messages", "rabbitmq_queue_messages_ready", "rabbitmq_queue_messages_unacked"]
            .map(|name| the(&families, name, &["/", queue]))
    };
    assert_eq!(counts("orders"), [5.0, 3.0, 2.0]);
    assert_eq!(counts("mails"), [3.0, 0.0, 3.0]);
    assert_eq!(counts("idle"), [0.0; 3]);
    assert_eq!(the(&families, "rabbitmq_dead_letter_queue_messages", &["/", "orders.dlq"]), 2.0);
    let consumers = |queue| value(&families, "rabbitmq_queue_consumers", &["/", queue]);
    assert_eq!(["orders", "mails", "idle"].map(consumers), [Some(0.0), Some(1.0), None]);
    assert_eq!(the(&families, "rabbitmq_queue_without_consumers", &["/", "orders"]), 1.0);
    assert_eq!(the(&families, "rabbitmq_queue_without_consumers", &["/", "mails"]), 0.0);
    assert_eq!(reasons(&observation.problems), [Reason::Stale]);

    assert_eq!(the(&families, "rabbitmq_statistics_enabled", &[]), 0.0);
    assert_eq!(members(&families, "rabbitmq_alarms_memory_used_watermark").len(), 1);
    assert_eq!(the(&families, "rabbitmq_queues", &[]), 4.0);
    assert!(!has(&families, "rabbitmq_process_resident_memory_bytes"));
    well(&mut both(&broker, "%2f", ", consumers_expected: false")).await;
}
