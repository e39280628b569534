//! Brokers that complain, and brokers that say little.

use lapin::options::{BasicConsumeOptions, BasicGetOptions};
use platform_core::probe::Reason;
use serde_json::json;

use super::{SOON, both, client, has, members, problems, publish, reasons, source, the, value, well};
use testkit::rabbitmq::Rabbitmq;
use testkit::wait::eventually;
use testkit::web::{Web, reply};

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
    version_4_is_understood(&broker).await;
}

/// The management interface of 4.x says which policy is in force, has other types, and words for numbers.
async fn version_4_is_understood(broker: &Rabbitmq) {
    let web = Web::start(|asked| {
        let body = match asked.path.split('?').next() {
            Some("/api/overview") => json!({"rabbitmq_version": "4.2.0", "disable_stats": true}),
            Some("/api/nodes") => json!([{"name": "rabbit@a", "running": true, "being_drained": false,
                "mem_used": 5, "disk_free": "disk_free_monitoring_disabled", "fd_used": "unknown", "partitions": []},
                {"name": "rabbit@b", "running": false}]),
            Some("/api/health/checks/alarms") => {
                let alarms = [json!({"node": "rabbit@a", "resource": "memory"}), json!({"node": "rabbit@a", "resource": "cores"})];
                return reply(503, json!({"status": "failed", "reason": "There are alarms", "alarms": alarms}).to_string());
            }
            Some("/api/queues") => json!([
                {"vhost": "shop", "name": "orders", "type": "quorum", "policy": "dead", "arguments": {}, "messages": 2,
                 "members": ["rabbit@a", "rabbit@b", "rabbit@c"], "online": ["rabbit@a"]},
                {"vhost": "shop", "name": "mails", "type": "classic", "policy": "", "arguments": [], "messages": 0},
                {"vhost": "shop", "name": "dead", "type": "stream", "internal": false, "state": "down"}]),
            Some("/api/policies") => json!([{"vhost": "shop", "name": "dead", "pattern": "(?<", "priority": 0,
                "apply-to": "quorum_queues", "definition": {"dead-letter-exchange": "", "dead-letter-routing-key": "dead"}}]),
            _ => json!([]),
        };
        reply(200, body.to_string())
    })
    .await;
    let yaml = format!("rabbitmq: {{url: '{}', management_url: '{}'}}", broker.url(), web.url("/"));
    let mut subject = source(&yaml);
    let observation = subject.probe().await.expect("AMQP answers");
    let families = observation.families;
    assert_eq!(members(&families, "rabbitmq_dead_letter_info"), [["shop", "orders", "", "dead"]]);
    assert_eq!(members(&families, "rabbitmq_build_info"), [["4.2.0", "", "", ""]]);
    assert_eq!(the(&families, "rabbitmq_queue_messages", &["shop", "orders"]), 2.0);
    assert_eq!(the(&families, "rabbitmq_process_resident_memory_bytes", &["rabbit@a"]), 5.0);
    assert_eq!(the(&families, "rabbitmq_alarms_memory_used_watermark", &["rabbit@a"]), 1.0);
    assert_eq!(the(&families, "rabbitmq_running", &["rabbit@b"]), 0.0);
    let unknown = [
        "rabbitmq_disk_space_available_bytes",
        "rabbitmq_process_open_fds",
        "rabbitmq_dead_letter_queue_messages",
    ];
    assert!(unknown.iter().all(|family| !has(&families, family)));
    assert_eq!(reasons(&observation.problems), [Reason::Alarm; 4], "{:?}", observation.problems);
    let replicas = ["rabbitmq_queue_members", "rabbitmq_queue_members_online"];
    assert_eq!(replicas.map(|name| the(&families, name, &["shop", "orders"])), [3.0, 1.0]);
    let detail = &observation.problems[3].detail;
    assert_eq!(detail, "no majority of replicas: orders in shop (1 of 3)");
    // What changes seldom is not asked for again, what needs statistics not at all.
    subject.probe().await.expect("AMQP answers");
    let asked: Vec<_> = web.asked().into_iter().map(|asked| asked.path).collect();
    let times = |what| asked.iter().filter(|path| path.starts_with(what)).count();
    assert_eq!(["/api/queues", "/api/bindings", "/api/policies", "/api/consumers"].map(times), [2, 1, 1, 0]);
}
