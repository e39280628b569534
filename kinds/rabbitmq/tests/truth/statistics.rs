//! Statistics of single queues: sizes by the broker's own plugin, counts of messages by what the test has done.

use std::collections::BTreeMap;

use testkit::http;
use testkit::rabbitmq::Rabbitmq;
use testkit::recount::{Series, series};

/// The names in the plugin that are the same here, with the fields of the management API.
const SIZES: [(&str, &str); 9] = [
    ("rabbitmq_queue_messages_bytes", "message_bytes"),
    ("rabbitmq_queue_messages_ready_bytes", "message_bytes_ready"),
    ("rabbitmq_queue_messages_unacked_bytes", "message_bytes_unacknowledged"),
    ("rabbitmq_queue_messages_persistent_bytes", "message_bytes_persistent"),
    ("rabbitmq_queue_messages_ram_bytes", "message_bytes_ram"),
    ("rabbitmq_queue_messages_persistent", "messages_persistent"),
    ("rabbitmq_queue_messages_ram", "messages_ram"),
    ("rabbitmq_queue_consumer_capacity", "consumer_capacity"),
    ("rabbitmq_queue_consumer_utilisation", "consumer_utilisation"),
];

/// The counts of messages of a queue.
const COUNTS: [(&str, &str); 8] = [
    ("rabbitmq_queue_messages_published_total", "publish"),
    ("rabbitmq_queue_messages_delivered_ack_total", "deliver"),
    ("rabbitmq_queue_messages_delivered_total", "deliver_no_ack"),
    ("rabbitmq_queue_get_ack_total", "get"),
    ("rabbitmq_queue_get_total", "get_no_ack"),
    ("rabbitmq_queue_messages_redelivered_total", "redeliver"),
    ("rabbitmq_queue_messages_acked_total", "ack"),
    ("rabbitmq_queue_get_empty_total", "get_empty"),
];

/// The series of all queues, once the management API reports the same: it is some seconds late.
pub(super) async fn of_queues(broker: &Rabbitmq, counted: &[(&str, [(&str, u32); 2])]) -> Option<Series> {
    let page =
        http::client().get(broker.prometheus_url("/metrics/per-object")).send().await.expect("it answers");
    let page = page.text().await.expect("it answers in full");
    let queues = broker.get("/api/queues/%2f").await;
    let mut all = Series::new();
    for queue in queues.as_array().expect("a list") {
        let name = queue["name"].as_str().expect("a name");
        for (metric, field) in SIZES {
            let line = format!("{metric}{{vhost=\"/\",queue=\"{name}\"}} ");
            let value: f64 = page.lines().find_map(|sample| sample.strip_prefix(&line))?.parse().ok()?;
            if queue[field].as_f64().is_none_or(|reported| (reported - value).abs() > 1e-9) {
                return None;
            }
            all.insert(series(metric, &["/", name]), value);
        }
        let Some((_, counts)) = counted.iter().find(|(counted, _)| *counted == name) else { continue };
        let counts: BTreeMap<&str, u32> = counts.iter().copied().collect();
        for (metric, field) in COUNTS {
            let count = counts.get(field).copied().unwrap_or(0);
            if queue["message_stats"][field] != count {
                return None;
            }
            all.insert(series(metric, &["/", name]), f64::from(count));
        }
    }
    Some(all)
}
