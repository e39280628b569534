//! The backing services of the demo, each a real server.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::http::client;
use crate::support::mongodb::Mongodb;
use crate::support::postgres::Postgres;
use crate::support::rabbitmq::Rabbitmq;
use crate::support::redis::Redis;
use crate::support::s3::S3;
use crate::support::stripe::{
    ApiKey, Event, Permission, StripeServer, Subscription, SubscriptionStatus, WebhookEndpoint,
};
use crate::support::sts::Sts;
use crate::website::Website;
use crate::{data, step};

/// The running services.
pub(crate) struct Services {
    pub(crate) postgres: Postgres,
    pub(crate) mongodb: Mongodb,
    pub(crate) redis: Redis,
    pub(crate) rabbitmq: Rabbitmq,
    stripe: StripeServer,
    s3: S3,
    sts: Sts,
    website: Website,
    directory: TempDir,
}

const ACCESS_KEY: &str = "AKIADEMODEMODEMODEMO";
const SECRET_KEY: &str = "demo-secret-key";
const STRIPE_KEY: &str = "rk_live_demo";
const BACKUP_TOKEN: &str = "demo-backup-token";

impl Services {
    /// Starts every service, and waits until all answer.
    pub(crate) async fn start() -> Self {
        step("PostgreSQL, MongoDB, Redis, RabbitMQ, STS (this takes some seconds)");
        let (postgres, mongodb, redis, rabbitmq, sts) = tokio::join!(
            Postgres::start(),
            Mongodb::start(),
            Redis::start(),
            Rabbitmq::start(),
            Sts::start()
        );
        step("S3, Stripe's stand-in, a website");
        let s3 = S3::start(ACCESS_KEY, SECRET_KEY).await;
        s3.add_bucket("media");
        let services = Self {
            postgres,
            mongodb,
            redis,
            rabbitmq,
            stripe: stripe().await,
            s3,
            sts,
            website: Website::start().await,
            directory: TempDir::with_prefix("demo-").expect("a temporary directory"),
        };
        data::append(&services.log(), "start", "none");
        services
    }

    /// What the exporter's configuration refers to.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("POSTGRES_URL", self.postgres.url()),
            ("MONGODB_URL", self.mongodb.url().replace("/?", "/shop?")),
            ("REDIS_URL", self.redis.url()),
            ("RABBITMQ_URL", self.rabbitmq.url()),
            ("RABBITMQ_MANAGEMENT_URL", self.rabbitmq.management_url()),
            ("STRIPE_API_KEY", STRIPE_KEY.to_owned()),
            ("STRIPE_API_BASE", self.stripe.url()),
            ("S3_ENDPOINT", self.s3.endpoint()),
            ("STS_ENDPOINT", self.sts.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("BACKUP_TOKEN", BACKUP_TOKEN.to_owned()),
            ("AI_LOG", self.log().display().to_string()),
            ("WEBSITE_URL", self.website.url()),
        ]
    }

    /// Those that are processes of their own, and can be frozen.
    pub(crate) fn freezable(&self) -> [(&'static str, &dyn Freeze); 5] {
        [
            ("postgres", &self.postgres),
            ("mongodb", &self.mongodb),
            ("redis", &self.redis),
            ("rabbitmq", &self.rabbitmq),
            ("sts", &self.sts),
        ]
    }

    /// The log file that the exporter follows.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("ai-events.log")
    }

    /// Pushes a heartbeat every few seconds, as a cron job would with curl.
    pub(crate) fn keep_pushing(&self, url: &str) {
        let url = url.to_owned();
        tokio::spawn(async move {
            loop {
                // The exporter may not listen yet, or no more.
                let _ = client().post(&url).bearer_auth(BACKUP_TOKEN).send().await;
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
    }
}

async fn stripe() -> StripeServer {
    let stripe = StripeServer::start().await;
    {
        let mut account = stripe.state();
        account.keys.push(ApiKey::restricted(
            STRIPE_KEY,
            &[
                Permission::Events,
                Permission::WebhookEndpoints,
                Permission::EventDestinations,
                Permission::Subscriptions,
            ],
        ));
        let now = jiff::Timestamp::now().as_second();
        account.add_event(Event::undelivered("invoice.paid", now - 60));
        account.add_event(Event::delivered("checkout.session.completed", now - 600));
        account.add_webhook_endpoint(WebhookEndpoint::new("https://shop.example/api/payments/webhook"));
        for _ in 0..42 {
            account.add_subscription(Subscription::new(SubscriptionStatus::Active, now));
        }
    }
    stripe
}

/// A service that can stop answering for a while.
pub(crate) trait Freeze {
    /// It stops answering.
    fn stop(&self);
    /// It goes on.
    fn resume(&self);
}

/// Every server of the tests can already.
macro_rules! freeze {
    ($($server:ty),*) => {
        $(impl Freeze for $server {
            fn stop(&self) {
                self.stop();
            }

            fn resume(&self) {
                self.resume();
            }
        })*
    };
}

freeze!(Postgres, Mongodb, Redis, Rabbitmq, Sts);
