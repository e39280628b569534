//! What goes on in Hayon: people sign up, write, subscribe and run into limits; posts become due; workers beat.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::io::Write;

use mongodb::Collection;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::Result;

use super::super::platform::Platform;
use super::super::platform_data::{keep, within_patience};
use super::super::stripe::{Event, Subscription, SubscriptionStatus};
use super::world::{PLATFORMS, Post, Publication, User, limits_of};
use super::{CACHE, Hayon, NAME, posting};

/// How often the scheduler looks for posts that are due, in rounds.
const SCHEDULER: usize = 5;
/// How often somebody signs up.
const NEWCOMER: usize = 120;
/// How often one of them subscribes.
const SUBSCRIBER: usize = 3 * NEWCOMER;
/// The users of the world have lower numbers.
const FIRST_NEWCOMER: i64 = 1_000_000;
/// How often somebody empties the parking lot.
const CLEANING: usize = 100;

const LIMITERS: [&str; 6] =
    ["login_attempt", "admin_login_attempt", "otp_request", "otp_verify", "ai_caption", "analytics_refresh"];

impl Hayon {
    /// Lives until dropped.
    pub async fn live(&self, platform: &Platform) -> Infallible {
        let (never, _) =
            tokio::join!(self.publish(platform), keep(async |round| self.change(platform, round).await));
        never
    }

    /// Only the workers that publish posts, with their heartbeats, until dropped.
    pub async fn publishers(&self, platform: &Platform) -> Infallible {
        let beat = keep(async |_| within_patience(self.change_redis(platform, 0)).await);
        let (never, _) = tokio::join!(self.publish(platform), beat);
        never
    }

    async fn publish(&self, platform: &Platform) -> Infallible {
        let broker = platform.rabbitmq.url().replace("%2f", NAME);
        self.conduct.while_alive(async || posting::work(&broker).await).await
    }

    /// A post whose job was lost: its last attempt was `seconds` ago.
    pub async fn lose_post(&self, seconds: i64) {
        let attempted = DateTime::from_millis((jiff::Timestamp::now().as_second() - seconds) * 1000);
        let post = doc! {"status": "PROCESSING", "scheduledAt": attempted, "createdAt": attempted};
        self.database.collection::<Document>("posts").insert_one(post).await.expect("it answers");
    }

    pub(crate) async fn change(&self, platform: &Platform, round: usize) {
        tokio::join!(
            within_patience(self.change_documents(platform, round)),
            within_patience(self.change_redis(platform, round)),
        );
        self.change_stripe(round);
        self.log(round);
        if round.is_multiple_of(CLEANING) {
            let parked = format!("/api/queues/{NAME}/{}/contents", posting::PARKING_LOT);
            within_patience(platform.rabbitmq.delete(&parked)).await;
        }
    }

    async fn change_documents(&self, platform: &Platform, round: usize) -> Result<()> {
        let [users, accounts, posts] =
            ["users", "socialaccounts", "posts"].map(|name| self.database.collection::<Document>(name));
        let (number, now) = (newcomer(), jiff::Timestamp::now().as_second());
        if round.is_multiple_of(NEWCOMER) {
            users.insert_one(User::typical().document(number, now)).await?;
            let connection = doc! {"connected": true, "health": {"status": "active"}};
            accounts.insert_one(doc! {"_id": id(number), "bluesky": connection}).await?;
        }
        let writer = doc! {"_id": fastrand::i64(..2000)};
        users
            .update_one(writer, doc! {"$inc": {"usage.postsCreated": 1, "usage.captionGenerations": 1}})
            .await?;
        let publication =
            Publication { platform: PLATFORMS[round % PLATFORMS.len()], status: "pending", attempted: None };
        let post = Post {
            status: "SCHEDULED",
            scheduled: Some(-fastrand::i64(5..60)),
            created: 0,
            publications: vec![publication],
            author: fastrand::usize(..2000),
        };
        posts.insert_one(post.document(now)).await?;
        if round.is_multiple_of(SUBSCRIBER) {
            let (posts, captions) = limits_of("pro");
            let pays = doc! {
                "subscription.plan": "pro", "subscription.stripeSubscriptionId": format!("sub_{number}"),
                "limits.maxPosts": posts, "limits.maxCaptionGenerations": captions,
            };
            users.update_one(doc! {"_id": id(number)}, doc! {"$set": pays}).await?;
        }
        self.subscribe(&users).await?;
        if round.is_multiple_of(SCHEDULER) {
            let completed = doc! {"status": "COMPLETED", "platformStatuses.$[].status": "completed"};
            posts.update_many(doc! {"status": "PROCESSING"}, doc! {"$set": completed}).await?;
            let are_due = doc! {"status": "SCHEDULED", "scheduledAt": {"$lte": DateTime::now()}};
            let processing = doc! {
                "status": "PROCESSING",
                "platformStatuses.$[].status": "processing", "platformStatuses.$[].lastAttemptAt": DateTime::now(),
            };
            let due = posts.update_many(are_due, doc! {"$set": processing}).await?.modified_count;
            let due = usize::try_from(due).expect("small");
            platform.rabbitmq.publish(NAME, posting::POSTS, due).await;
            platform.rabbitmq.publish(NAME, posting::ANALYTICS, 1).await;
        }
        Ok(())
    }

    /// A subscription for each newcomer who pays. They are counted, because a change may have been cut short.
    async fn subscribe(&self, users: &Collection<Document>) -> Result<()> {
        let pay = doc! {"_id": {"$gte": FIRST_NEWCOMER}, "subscription.stripeSubscriptionId": {"$ne": null}};
        let paying = usize::try_from(users.count_documents(pay).await?).expect("small");
        let mut account = self.stripe.state();
        let now = jiff::Timestamp::now().as_second();
        while account.subscriptions.len() < self.subscribed + paying {
            account.add_subscription(Subscription::new(SubscriptionStatus::Active, now));
        }
        Ok(())
    }

    /// Now and then an event that has to be delivered again.
    fn change_stripe(&self, round: usize) {
        let mut account = self.stripe.state();
        let now = jiff::Timestamp::now().as_second();
        match round % 300 {
            10 => drop(account.add_event(Event::undelivered("invoice.payment_succeeded", now))),
            25 => {
                let last = account.events.last().map(|event| event.id.clone());
                last.into_iter().for_each(|id| account.mark_delivered(&id));
            }
            _ => {}
        }
    }

    fn log(&self, round: usize) {
        let level = match round % 900 {
            3 => "error",
            6 => "warn",
            _ => "info",
        };
        let at = jiff::Timestamp::now().to_string();
        let line = serde_json::json!({"timestamp": at, "level": level, "message": "secret"});
        let file = OpenOptions::new().create(true).append(true).open(self.log_file());
        file.and_then(|mut file| writeln!(file, "{line}")).expect("the directory is writable");
    }

    async fn change_redis(&self, platform: &Platform, round: usize) -> redis::RedisResult<()> {
        let mut changes = redis::pipe();
        changes.cmd("SELECT").arg(CACHE);
        for worker in ["worker-1", "worker-2"].into_iter().filter(|_| self.conduct.is_alive()) {
            changes.set_ex(format!("heartbeat:posting:{worker}"), 1, 20);
        }
        // The first round is as if there had been others before.
        let requests = if round == 0 { 30 } else { 1 };
        for limiter in LIMITERS.into_iter().flat_map(|limiter| std::iter::repeat_n(limiter, requests)) {
            let client = fastrand::u32(..20);
            let key = format!("ratelimit:{limiter}:user{client}@example.com:{}", round / 30);
            changes.incr(&key, 1).expire(&key, 60);
        }
        changes.query_async(&mut platform.redis.try_connection().await?).await
    }
}

/// The number of the account that is made now, beyond those of the world: life may be interrupted, and go on.
fn newcomer() -> usize {
    jiff::Timestamp::now().as_millisecond().try_into().expect("after 1970")
}

fn id(number: usize) -> i64 {
    i64::try_from(number).expect("small")
}
