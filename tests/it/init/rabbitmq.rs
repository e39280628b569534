//! The queues of a broker, in the configuration.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use testkit::exporter::binary;
use testkit::rabbitmq::Rabbitmq;

use super::text;

#[tokio::test]
async fn queues_that_last_are_written_and_generated_ones_are_not() {
    let broker = Rabbitmq::start().await;
    for (queue, arguments) in [
        ("orders", json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.failed"})),
        ("orders.failed", json!({})),
        ("mails.parking_lot", json!({})),
        ("unused", json!({})),
        ("replies-3f2b8c1e9d7a4c55", json!({})),
        ("anna@example.com", json!({})),
    ] {
        broker.add_queue("%2f", queue, arguments).await;
    }
    broker.put("/api/queues/%2f/passing", json!({"durable": false})).await;
    for queue in ["orders", "orders.failed", "passing", "replies-3f2b8c1e9d7a4c55", "anna@example.com"] {
        broker.publish("%2f", queue, 3).await;
    }
    let directory = TempDir::with_prefix("init-").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.current_dir(&directory).args(arguments).env("RABBITMQ_URL", broker.url());
        command.env("RABBITMQ_MANAGEMENT_URL", broker.management_url()).output().unwrap()
    };
    let printed = text(&run(&["init", "--yes", "--name", "shop"]));
    let platform = std::fs::read_to_string(directory.path().join("platform.yml")).unwrap();
    let keys = "queues: [\"orders\"], dead_letter_queues: {include: \"^(mails\\\\.parking_lot)$\"}}}";
    assert!(platform.contains(keys), "{platform}\n{printed}");
    let checked = run(&["check", "--config.file", "platform.yml"]);
    assert!(checked.status.success(), "{}", text(&checked));
    let probe = ["probe", "broker", "--config.file", "platform.yml", "--format", "prometheus"];
    let probed = text(&run(&probe));
    assert!(
        probed.contains("rabbitmq_dead_letter_queue_messages{vhost=\"/\",queue=\"mails.parking_lot\"} 0"),
        "{probed}"
    );
}
