//! Workers that publish what failed to a queue that waits, from where it comes back.

use lapin::{Connection, Consumer};
use platform_core::metric::Family;
use platform_core::probe::Reason;
use serde_json::json;

use super::{SOON, both, client, members, problems, publish, reasons, the};
use testkit::rabbitmq::Rabbitmq;
use testkit::subject::{Subject, value};
use testkit::wait::until;

const WITHOUT: &str = "rabbitmq_queue_without_consumers";
const DEAD: &str = "rabbitmq_dead_letter_queue_messages";

/// A worker that takes one message at a time, until it is stopped.
struct Worker {
    connection: Connection,
    _consumer: Consumer,
}

impl Worker {
    async fn start(broker: &Rabbitmq, queue: &str) -> Self {
        let (connection, channel) = client(broker, "%2f").await;
        channel.basic_qos(1, Default::default()).await.expect("it answers");
        let consumer =
            channel.basic_consume(queue.into(), "worker".into(), Default::default(), Default::default());
        Self { connection, _consumer: consumer.await.expect("it answers") }
    }

    async fn stop(self) {
        self.connection.close(200, "done".into()).await.expect("it answers");
    }
}

/// The families of a probe in which the queue has this many consumers: statistics follow after some seconds.
async fn with_consumers(subject: &mut Subject, queue: &str, wanted: f64) -> Vec<Family> {
    until(SOON, "the broker counts its consumers", async || {
        let families = subject.probe().await.expect("it answers").families;
        let consumers = value(&families, "rabbitmq_queue_consumers", &["/", queue]);
        (consumers == Some(wanted)).then_some(families)
    })
    .await
}

#[tokio::test]
async fn the_queue_of_posts_is_work_whether_or_not_somebody_works() {
    let broker = Rabbitmq::start().await;
    let to = |key: &str| json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": key});
    let mut retry = to("posts");
    retry["x-message-ttl"] = json!(3_600_000);
    for (queue, arguments) in [("posts", to("dead")), ("retry", retry), ("dead", json!({}))] {
        broker.add_queue("%2f", queue, arguments).await;
    }
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "posts", 7).await;
    publish(&channel, "", "retry", 2).await;
    publish(&channel, "", "dead", 4).await;
    let mut subject = both(&broker, "%2f", "");
    // From the first probe on, with nobody at work.
    let families = subject.probe().await.expect("it answers").families;
    assert_eq!(the(&families, WITHOUT, &["/", "posts"]), 1.0);
    assert_eq!(members(&families, DEAD), [["/", "dead"]]);
    assert_eq!(the(&families, DEAD, &["/", "dead"]), 4.0);

    let worker = Worker::start(&broker, "posts").await;
    let families = with_consumers(&mut subject, "posts", 1.0).await;
    assert_eq!(the(&families, WITHOUT, &["/", "posts"]), 0.0);
    worker.stop().await;
    let families = with_consumers(&mut subject, "posts", 0.0).await;
    assert_eq!(the(&families, WITHOUT, &["/", "posts"]), 1.0);
    assert_eq!(reasons(&problems(&mut subject).await), [Reason::Stale]);
}

/// Nothing leads on from this queue, so only its worker shows that it is work; that is remembered.
#[tokio::test]
async fn a_queue_that_had_a_worker_is_missed_when_it_stops() {
    let broker = Rabbitmq::start().await;
    let retry = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "mails",
                       "x-message-ttl": 3_600_000});
    for (queue, arguments) in [("mails", json!({})), ("retry", retry)] {
        broker.add_queue("%2f", queue, arguments).await;
    }
    let (_connection, channel) = client(&broker, "%2f").await;
    publish(&channel, "", "mails", 3).await;
    let mut subject = both(&broker, "%2f", "");
    let worker = Worker::start(&broker, "mails").await;
    let families = with_consumers(&mut subject, "mails", 1.0).await;
    assert_eq!((the(&families, WITHOUT, &["/", "mails"]), members(&families, DEAD).len()), (0.0, 0));
    worker.stop().await;
    let families = with_consumers(&mut subject, "mails", 0.0).await;
    assert_eq!((the(&families, WITHOUT, &["/", "mails"]), members(&families, DEAD).len()), (1.0, 0));
}
