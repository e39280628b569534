//! The workers that publish posts: what fails comes again later, and what fails for good is parked.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};

pub(crate) const POSTS: &str = "hayon_social_posts";
pub(crate) const ANALYTICS: &str = "hayon_analytics_fetch";
pub(crate) const RETRY: &str = "hayon_retry_queue";
pub(crate) const PARKING_LOT: &str = "hayon_parking_lot";
pub(crate) const DEAD_LETTERS: &str = "hayon_dead_letters";

/// Works until dropped; after a failure of the broker with a new connection.
pub(crate) async fn work(url: &str) -> Infallible {
    loop {
        let _ = until_it_fails(url).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn until_it_fails(url: &str) -> lapin::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let mut posts = consume(&channel, POSTS).await?;
    let mut analytics = consume(&channel, ANALYTICS).await?;
    loop {
        tokio::select! {
            Some(post) = posts.next() => publish(&channel, post?).await?,
            Some(analysis) = analytics.next() => analysis?.ack(BasicAckOptions::default()).await.map(drop)?,
            else => return Ok(()),
        }
    }
}

async fn consume(channel: &Channel, queue: &str) -> lapin::Result<Consumer> {
    let options = BasicConsumeOptions::default();
    channel.basic_consume(queue.into(), queue.into(), options, FieldTable::default()).await
}

/// A platform takes a moment for a post. Of fifteen it does not take two at first; of forty-five, one not at all.
async fn publish(channel: &Channel, post: Delivery) -> lapin::Result<()> {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(100..700))).await;
    let elsewhere = match post.delivery_tag % 45 {
        4 | 9 | 19 | 24 | 34 | 39 => Some(RETRY),
        44 => Some(PARKING_LOT),
        _ => None,
    };
    if let Some(queue) = elsewhere {
        let now = jiff::Timestamp::now().as_second().try_into().expect("after 1970");
        let (options, properties) =
            (BasicPublishOptions::default(), BasicProperties::default().with_timestamp(now));
        channel.basic_publish("".into(), queue.into(), options, &post.data, properties).await?;
    }
    post.ack(BasicAckOptions::default()).await.map(drop)
}
