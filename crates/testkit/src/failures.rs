//! Failures of the running platforms. Each begins and ends on demand.

use super::platforms::Platforms;

/// Something that goes wrong.
#[derive(Debug)]
pub struct Failure {
    pub name: &'static str,
    /// What happens.
    pub cause: &'static str,
    /// Where it is seen.
    pub signs: &'static str,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// The server behind this source of the shop, and behind others.
    Frozen(&'static str),
    PublishersKilled,
    PostsRejected(usize),
    ReceiverFailing,
    EventUndelivered,
    KeyRevoked,
}

pub const ALL: [Failure; 10] = [
    Failure {
        name: "postgres",
        cause: "PostgreSQL is frozen",
        signs: "orders-db, hivesync-db and joip-db on the status page; PlatformSourceDown",
        what: What::Frozen("orders-db"),
    },
    Failure {
        name: "mongodb",
        cause: "MongoDB is frozen",
        signs: "documents and hayon-db on the status page; PlatformSourceDown",
        what: What::Frozen("documents"),
    },
    Failure {
        name: "redis",
        cause: "Redis is frozen",
        signs: "the caches and the workers on the status page; PlatformSourceDown",
        what: What::Frozen("cache"),
    },
    Failure {
        name: "rabbitmq",
        cause: "RabbitMQ is frozen",
        signs: "broker and hayon-broker on the status page; PlatformSourceDown",
        what: What::Frozen("broker"),
    },
    Failure {
        name: "sts",
        cause: "The service that checks S3 keys is frozen",
        signs: "media and hayon-uploads on the status page",
        what: What::Frozen("media"),
    },
    Failure {
        name: "publishers",
        cause: "The workers that publish Hayon's posts are killed",
        signs: "the queue on Hayon's dashboard; HayonPublishersGone, which inhibits the alerts of its symptoms",
        what: What::PublishersKilled,
    },
    Failure {
        name: "dead-letters",
        cause: "20 of Hayon's posts are rejected for good",
        signs: "the dead letters on Hayon's dashboard; RabbitmqDeadLetters",
        what: What::PostsRejected(20),
    },
    Failure {
        name: "webhook",
        cause: "Hayon's receiver of Stripe's webhooks answers 500",
        signs: "hayon-webhook on the status page; PlatformSourceDown",
        what: What::ReceiverFailing,
    },
    Failure {
        name: "webhook-event",
        cause: "An event of two hours ago has not reached Hayon",
        signs: "the webhooks on Hayon's dashboard; StripeWebhooksErrorBudget",
        what: What::EventUndelivered,
    },
    Failure {
        name: "stripe-key",
        cause: "The exporter's key for Hayon's account at Stripe is revoked",
        signs: "hayon-stripe on the status page, with where the key comes from; PlatformSourceDown",
        what: What::KeyRevoked,
    },
];

impl Platforms {
    /// Runs something while a failure lasts.
    pub async fn while_failing<T>(&self, failure: &Failure, run: impl Future<Output = T>) -> T {
        let Self { shop, hayon, .. } = self;
        match failure.what {
            What::Frozen(source) => {
                shop.freeze(source, true);
                let result = run.await;
                shop.freeze(source, false);
                result
            }
            What::PublishersKilled => {
                hayon.set_publishers(false);
                let result = run.await;
                hayon.set_publishers(true);
                result
            }
            What::PostsRejected(count) => {
                hayon.reject_posts(shop, count).await;
                let result = run.await;
                hayon.forget_rejected(shop).await;
                result
            }
            What::ReceiverFailing => {
                hayon.set_receiver(false);
                let result = run.await;
                hayon.set_receiver(true);
                result
            }
            What::EventUndelivered => {
                let event = hayon.lose_event();
                let result = run.await;
                hayon.deliver(&event);
                result
            }
            What::KeyRevoked => {
                let keys = hayon.revoke_key();
                let result = run.await;
                hayon.restore_key(keys);
                result
            }
        }
    }
}
