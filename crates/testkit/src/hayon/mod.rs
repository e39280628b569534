//! Hayon on the servers of a platform: a database in MongoDB, one in Redis, a virtual host of RabbitMQ, a bucket, and an
//! account at Stripe.

mod failures;
mod life;
mod posting;
pub mod world;

use std::path::PathBuf;

use mongodb::Database;
use mongodb::bson::Document;
use serde_json::json;
use tempfile::TempDir;

use self::failures::Conduct;
use self::world::{PLATFORMS, Post, Publication, World};
use super::mongodb::Mongodb;
use super::platform::{ACCESS_KEY, Platform, SECRET_KEY};
use super::stripe::{ApiKey, Event, StripeServer, Subscription, SubscriptionStatus, WebhookEndpoint};
use super::web::Web;

/// The database in MongoDB, and the virtual host of RabbitMQ.
const NAME: &str = "hayon";
/// The number of the database in Redis.
const CACHE: u8 = 1;
const BUCKET: &str = "hayon-media";
const STRIPE_KEY: &str = "rk_live_hayon";

/// A Hayon at work.
pub struct Hayon {
    database: Database,
    stripe: StripeServer,
    /// How many users of the world have a subscription.
    subscribed: usize,
    webhook: Web,
    conduct: Conduct,
    logs: TempDir,
}

impl Hayon {
    pub const CONFIG: &str = include_str!("../../../../demo/hayon.yml");

    /// Fills the servers, and starts what is Hayon's own.
    pub async fn start(platform: &Platform) -> Self {
        let mut world = World::new(2000);
        heal(&mut world);
        world.posts.extend(day());
        let database = fill(&platform.mongodb, &world).await;
        queues(platform).await;
        platform.s3.add_bucket(BUCKET);
        platform.s3.add_backups(BUCKET);
        let conduct = Conduct::good();
        let hayon = Self {
            database,
            stripe: stripe(&world).await,
            subscribed: world.users.iter().filter(|user| user.subscribed).count(),
            webhook: conduct.webhook().await,
            conduct,
            logs: TempDir::with_prefix("hayon-").expect("a temporary directory"),
        };
        hayon.change(platform, 0).await;
        hayon
    }

    /// The variables that [`Self::CONFIG`] refers to.
    pub fn environment(&self, platform: &Platform) -> [(&'static str, String); 12] {
        let broker = platform.rabbitmq.url();
        [
            ("HAYON_MONGODB_URI", url(&platform.mongodb)),
            ("HAYON_REDIS_URL", format!("{}/{CACHE}", platform.redis.url())),
            ("HAYON_RABBITMQ_URL", broker.replace("%2f", NAME)),
            ("HAYON_RABBITMQ_MANAGEMENT_URL", platform.rabbitmq.management_url()),
            ("HAYON_STRIPE_API_KEY", STRIPE_KEY.to_owned()),
            ("HAYON_STRIPE_API_BASE", self.stripe.url()),
            ("HAYON_WEBHOOK_URL", self.webhook.url("/api/payments/webhook")),
            ("HAYON_S3_ENDPOINT", platform.s3.endpoint()),
            ("HAYON_STS_ENDPOINT", platform.sts.endpoint()),
            ("HAYON_AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("HAYON_AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("HAYON_LOG", self.log_file().display().to_string()),
        ]
    }

    fn log_file(&self) -> PathBuf {
        self.logs.path().join("app.log")
    }
}

/// The URL of the application's database.
pub fn url(server: &Mongodb) -> String {
    server.url().replace("/?", &format!("/{NAME}?authSource=admin&"))
}

/// Puts a world into the application's database.
pub async fn fill(server: &Mongodb, world: &World) -> Database {
    let database = server.client().await.database(NAME);
    for (collection, documents) in [
        ("users", world.user_documents()),
        ("socialaccounts", world.account_documents()),
        ("posts", world.post_documents()),
    ] {
        database.collection::<Document>(collection).insert_many(documents).await.expect("it answers");
    }
    database
}

/// A world has some of everything that can be wrong. On a platform that is well, little of it is.
fn heal(world: &mut World) {
    for (number, user) in world.users.iter_mut().enumerate() {
        user.paid_until = user.paid_until.min(-world::DAY);
        user.is_staff = false;
        // The others have come over the years: a tenth in the last month.
        if number % 8 != 0 {
            let earlier = i64::try_from(number * 37 % 800).expect("small");
            user.registered = user.registered.max((31 + earlier) * world::DAY);
        }
        if number % 50 != 0 {
            user.limits = world::limits_of(user.plan);
        }
        let (posts, captions) = user.limits;
        (user.posts, user.captions) =
            (user.posts.min(posts.unwrap_or(0)), user.captions.min(captions.unwrap_or(0)));
    }
    for (number, connection) in world.accounts.iter_mut().flatten().enumerate() {
        // Not a multiple of the number of platforms: each has some.
        if number % 41 != 0 {
            connection.status = "active";
        }
    }
    for (number, post) in world.posts.iter_mut().enumerate().filter(|(_, post)| post.due() > 0) {
        let has_failed = number % 40 == 0;
        post.status = if has_failed { "FAILED" } else { "COMPLETED" };
        for publication in &mut post.publications {
            publication.status = if has_failed { "failed" } else { "completed" };
        }
    }
}

/// A post every six seconds from a day to an hour ago: as many in an hour as while it lives.
fn day() -> impl Iterator<Item = Post> {
    (world::HOUR..world::DAY).step_by(6).enumerate().map(|(number, age)| {
        let (status, outcome) =
            if number % 40 == 0 { ("FAILED", "failed") } else { ("COMPLETED", "completed") };
        let publication = Publication {
            // Each has some that failed.
            platform: PLATFORMS[(number + number / 40) % PLATFORMS.len()],
            status: outcome,
            attempted: Some(age),
        };
        Post {
            status,
            scheduled: Some(age),
            created: age + world::HOUR,
            publications: vec![publication],
            author: number % 2000,
        }
    })
}

/// The queues of the application: what fails waits, and comes back; what fails for good is parked.
async fn queues(platform: &Platform) {
    let broker = &platform.rabbitmq;
    broker.add_vhost(NAME).await;
    let to = |queue: &str| json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue});
    let mut retry = to(posting::POSTS);
    retry["x-message-ttl"] = json!(20_000);
    for (queue, arguments) in [
        (posting::POSTS, to(posting::DEAD_LETTERS)),
        (posting::ANALYTICS, json!({})),
        (posting::RETRY, retry),
        (posting::PARKING_LOT, json!({})),
        (posting::DEAD_LETTERS, json!({})),
    ] {
        broker.add_queue(NAME, queue, arguments).await;
    }
}

/// Everybody who pays has a subscription.
async fn stripe(world: &World) -> StripeServer {
    let stripe = StripeServer::start().await;
    {
        let mut account = stripe.state();
        account.keys.push(ApiKey::for_the_exporter(STRIPE_KEY));
        let now = jiff::Timestamp::now().as_second();
        account.add_webhook_endpoint(WebhookEndpoint::new("https://hayon.example/api/payments/webhook"));
        account.add_event(Event::delivered("invoice.payment_succeeded", now - 600));
        for user in world.users.iter().filter(|user| user.subscribed) {
            let status = match user.status {
                "active" => SubscriptionStatus::Active,
                "pastDue" => SubscriptionStatus::PastDue,
                "cancelled" => SubscriptionStatus::Canceled,
                _ => SubscriptionStatus::Incomplete,
            };
            account.add_subscription(Subscription::new(status, now - user.registered));
        }
    }
    stripe
}
