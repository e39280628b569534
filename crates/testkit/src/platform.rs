//! A whole platform: one real server for each kind of source, and the environment that its configuration needs.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::http::client;
use super::mongodb::Mongodb;
use super::platform_data as data;
use super::postgres::Postgres;
use super::rabbitmq::Rabbitmq;
use super::redis::Redis;
use super::s3::S3;
use super::stripe::{ApiKey, Event, StripeServer, Subscription, SubscriptionStatus, WebhookEndpoint};
use super::sts::Sts;
use super::web::{Web, reply};

/// The running services; dropping them ends them.
pub struct Platform {
    pub postgres: Postgres,
    pub mongodb: Mongodb,
    pub redis: Redis,
    pub rabbitmq: Rabbitmq,
    pub stripe: StripeServer,
    pub s3: S3,
    pub sts: Sts,
    pub website: Web,
    directory: TempDir,
}

pub const ACCESS_KEY: &str = "AKIADEMODEMODEMODEMO";
pub const SECRET_KEY: &str = "demo-secret-key";
const STRIPE_KEY: &str = "rk_live_demo";
const BACKUP_TOKEN: &str = "demo-backup-token";

impl Platform {
    /// Starts every service, waits until all answer, and fills them.
    pub async fn start() -> Self {
        super::install_ring();
        let (postgres, mongodb, redis, rabbitmq, sts) = tokio::join!(
            Postgres::start(),
            Mongodb::start(),
            Redis::start(),
            Rabbitmq::start(),
            Sts::start()
        );
        let s3 = S3::start(ACCESS_KEY, SECRET_KEY).await;
        s3.add_bucket("media");
        s3.add_backups("media");
        let platform = Self {
            postgres,
            mongodb,
            redis,
            rabbitmq,
            stripe: stripe().await,
            s3,
            sts,
            website: Web::start(|_| reply(200, "Welcome to the shop.\n")).await,
            directory: TempDir::with_prefix("demo-").expect("a temporary directory"),
        };
        data::fill(&platform).await;
        platform
    }

    /// The configuration with one source of each kind, and a few questions about the business.
    pub const CONFIG: &str = include_str!("../../../demo/platform.yml");

    /// The variables that [`Self::CONFIG`] refers to.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
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
            ("WEBSITE_URL", self.website.url("/")),
        ]
    }

    /// Freezes the server behind a source, or lets it go on.
    ///
    /// # Panics
    /// Where there is no server of its own behind it.
    pub fn freeze(&self, source: &str, is_frozen: bool) {
        match (source, is_frozen) {
            ("orders-db", true) => self.postgres.stop(),
            ("orders-db", false) => self.postgres.resume(),
            ("documents", true) => self.mongodb.stop(),
            ("documents", false) => self.mongodb.resume(),
            ("cache", true) => self.redis.stop(),
            ("cache", false) => self.redis.resume(),
            ("broker", true) => self.rabbitmq.stop(),
            ("broker", false) => self.rabbitmq.resume(),
            ("media", true) => self.sts.stop(),
            ("media", false) => self.sts.resume(),
            _ => panic!("{source} has no server that can be frozen"),
        }
    }

    /// The log file that the exporter follows.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("ai-events.log")
    }

    /// Pushes a heartbeat every few seconds, as a cron job would with curl.
    pub fn keep_pushing(&self, url: &str) {
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
        account.keys.push(ApiKey::for_the_exporter(STRIPE_KEY));
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
