//! How old dead letters are, as far as their publishers or the broker say, without taking any out.

use lapin::BasicProperties;
use serde_json::json;

use super::{both, client, members, publish, publish_as, the, well};
use testkit::rabbitmq::Rabbitmq;
use testkit::wait::until;

const HEAD: &str = "rabbitmq_dead_letter_queue_head_message_timestamp_seconds";

#[tokio::test]
async fn the_time_of_the_first_dead_letter_is_known_where_it_has_one() {
    let broker = Rabbitmq::start().await;
    let dead = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders/dead"});
    broker.add_queue("%2f", "orders", dead).await;
    for queue in ["orders%2fdead", "parked", "silent", "work"] {
        broker.add_queue("%2f", queue, json!({})).await;
    }
    let (_connection, channel) = client(&broker, "%2f").await;
    let at = |seconds: u64| BasicProperties::default().with_timestamp(seconds);
    publish_as(&channel, "", "orders/dead", 1, at(1_700_000_000)).await;
    publish_as(&channel, "", "orders/dead", 3, at(1_700_000_900)).await;
    publish_as(&channel, "", "parked", 1, at(1_710_000_000)).await;
    publish_as(&channel, "", "work", 1, at(1_720_000_000)).await;
    publish(&channel, "", "silent", 2).await;
    let more = ", dead_letter_queues: {include: '^(parked|silent)$'}, consumers_expected: false";
    let mut subject = both(&broker, "%2f", more);
    // The broker reports it with its statistics, some seconds later.
    let families = until(super::SOON, "the time stamps are known", async || {
        let families = well(&mut subject).await.families;
        (members(&families, HEAD).len() == 2).then_some(families)
    })
    .await;
    assert_eq!(the(&families, HEAD, &["/", "orders/dead"]), 1_700_000_000.0);
    assert_eq!(the(&families, HEAD, &["/", "parked"]), 1_710_000_000.0);
    assert_eq!(the(&families, "rabbitmq_dead_letter_queue_messages", &["/", "silent"]), 2.0);
    // Nothing was taken out, and nothing was marked as delivered before.
    let got = channel.basic_get("orders/dead".into(), Default::default()).await.unwrap().unwrap();
    assert_eq!((got.redelivered, got.message_count), (false, 3));
}
