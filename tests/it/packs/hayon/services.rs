//! All the services of a Hayon, with a made-up platform in them.

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, Consumer};
use serde_json::json;

use super::answers::count_requests;
use super::world::World;
use super::{fill, url};
use crate::support::platform::Platform;

/// The queues, but for those of dead letters.
const QUEUES: [&str; 3] = ["hayon_social_posts", "hayon_analytics_fetch", "hayon_retry_queue"];
const DEAD: [&str; 2] = ["hayon_parking_lot", "hayon_dead_letters"];

/// The running services; dropping them ends them.
pub(super) struct Services {
    platform: Platform,
    /// The worker, as long as it consumes.
    _worker: (Connection, Vec<Consumer>),
}

impl Services {
    pub(super) async fn of(world: &World) -> Self {
        let platform = Platform::start().await;
        fill(&platform.mongodb, world).await;
        count_requests(&platform.redis, 3).await;
        for worker in ["a", "b"] {
            let key = format!("heartbeat:posting:{worker}");
            platform.redis.run::<()>(&["SET", &key, "1", "EX", "3600"]).await;
        }
        for queue in QUEUES.into_iter().chain(DEAD) {
            platform.rabbitmq.add_queue("%2f", queue, json!({})).await;
        }
        let worker = work(&platform).await;
        Self { platform, _worker: worker }
    }

    /// A configuration with every input of the pack.
    pub(super) fn config(&self) -> String {
        let text = format!(
            "
sources:
  app-db: {{mongodb: {{url: '{}'}}, interval: 2s}}
  cache: {{redis: {{url: '${{REDIS_URL}}'}}, interval: 2s}}
  broker:
    rabbitmq:
      url: '${{RABBITMQ_URL}}'
      management_url: '${{RABBITMQ_MANAGEMENT_URL}}'
      queues: [{}]
      dead_letter_queues: {{include: '^({})$'}}
    interval: 2s
  stripe:
    stripe: {{api_key: '${{STRIPE_API_KEY}}', api_base: '${{STRIPE_API_BASE}}', subscriptions: true}}
    interval: 5s
  webhook: {{http: {{url: '${{WEBSITE_URL}}', expect: {{status: [200]}}}}, interval: 2s}}
  uploads:
    s3:
      bucket: media
      endpoint: '${{S3_ENDPOINT}}'
      access_key_id: '${{AWS_ACCESS_KEY_ID}}'
      secret_access_key: '${{AWS_SECRET_ACCESS_KEY}}'
      sts: {{endpoint: '${{STS_ENDPOINT}}'}}
      canary: {{prefix: canary/}}
    interval: 5s
  processes:
    workers:
      classes: {{posting: {{from: cache, layout: keys, pattern: 'heartbeat:posting:*', expected: 2}}}}
    interval: 2s
packs:
  hayon:
    db: app-db
    cache: cache
    queue: broker
    stripe: stripe
    uploads: uploads
    workers: processes
    webhook: webhook
    users_every: 2s
    accounts_every: 2s
    posts_every: 2s
    rate_limits_every: 2s
    scan_timeout: 2s
",
            url(&self.platform.mongodb),
            QUEUES.into_iter().chain(DEAD).collect::<Vec<_>>().join(", "),
            DEAD.join("|"),
        );
        let put = |text: String, (name, value): (&str, String)| text.replace(&format!("${{{name}}}"), &value);
        self.platform.environment().into_iter().fold(text, put)
    }
}

/// Consumes the queues that have workers, and leaves a post that was tried for the last time in each of the others.
async fn work(platform: &Platform) -> (Connection, Vec<Consumer>) {
    let connection = Connection::connect(&platform.rabbitmq.url(), Default::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut consumers = Vec::new();
    for queue in &QUEUES[..2] {
        let consumer =
            channel.basic_consume((*queue).into(), "".into(), Default::default(), Default::default()).await;
        consumers.push(consumer.unwrap());
    }
    for queue in DEAD {
        let at = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
        let properties = BasicProperties::default().with_timestamp(at);
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), queue.into(), options, b"post", properties).await;
        sent.unwrap().await.unwrap();
    }
    (connection, consumers)
}
