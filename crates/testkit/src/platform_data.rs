//! Living data: what the services of a platform hold, and how it changes while one watches.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use mongodb::bson::{Document, doc};

use super::platform::Platform;

const SCHEMA: &str = "
CREATE TABLE users (id serial PRIMARY KEY, plan text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, cents int NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE sessions (user_id int PRIMARY KEY, seen_at timestamptz NOT NULL DEFAULT now());
INSERT INTO users (plan)
  SELECT (ARRAY['free', 'free', 'free', 'pro', 'trial'])[1 + n % 5] FROM generate_series(1, 2000) AS n;
INSERT INTO orders (cents, created_at)
  SELECT 500 + n * 7, now() - n * interval '10 seconds' FROM generate_series(1, 500) AS n;
INSERT INTO sessions (user_id) SELECT n FROM generate_series(1, 50) AS n;
";

const CHANGES: &str = "
INSERT INTO users (plan) SELECT (ARRAY['free', 'pro', 'trial'])[1 + (random() * 2)::int] WHERE random() < 0.05;
INSERT INTO orders (cents) VALUES (500 + (random() * 5000)::int);
UPDATE sessions SET seen_at = now() WHERE random() < 0.8;
";

const PLATFORMS: [&str; 5] = ["bluesky", "tumblr", "facebook", "threads", "mastodon"];
const ERRORS: [&str; 3] = ["provider", "timeout", "safety"];
/// How often the data changes.
const EVERY: Duration = Duration::from_secs(2);
/// How often queues are emptied to what is always in them, in rounds: before scheduled posts become dead letters.
const EMPTIED: usize = 4;
const MAILS: isize = 5;
const SCHEDULED: usize = 7;
/// How long a change may take.
const PATIENCE: Duration = Duration::from_millis(400);

/// Fills the services once.
pub async fn fill(platform: &Platform) {
    platform.postgres.sql(SCHEMA).await;
    let posts: Vec<Document> = (0..500).map(|n| doc! {"platform": PLATFORMS[n % PLATFORMS.len()]}).collect();
    platform
        .mongodb
        .client()
        .await
        .database("shop")
        .collection("posts")
        .insert_many(posts)
        .await
        .expect("it answers");
    platform.rabbitmq.add_queue("%2f", "posts.dead", serde_json::json!({})).await;
    let arguments = serde_json::json!({
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "posts.dead", "x-message-ttl": 60_000,
    });
    platform.rabbitmq.add_queue("%2f", "posts.scheduled", arguments).await;
    change(platform, 0).await;
}

/// Runs something while the data changes.
pub async fn while_living<T>(platform: &Platform, run: impl Future<Output = T>) -> T {
    tokio::select! {
        result = run => result,
        never = live(platform) => match never {},
    }
}

/// Changes the data for as long as it is awaited.
pub async fn live(platform: &Platform) -> Infallible {
    keep(async |round| change(platform, round).await).await
}

/// Makes a change in every round.
pub async fn keep(change: impl AsyncFn(usize)) -> Infallible {
    for round in 1.. {
        tokio::time::sleep(EVERY).await;
        change(round).await;
    }
    unreachable!("there is always a next round")
}

/// A service that is frozen on purpose is left out of this round, whether its client gives up by itself or not.
pub async fn within_patience(change: impl Future) {
    let _ = tokio::time::timeout(PATIENCE, change).await;
}

async fn change(platform: &Platform, round: usize) {
    append(&platform.log(), "error", ERRORS[round % ERRORS.len()]);
    tokio::join!(
        within_patience(change_redis(platform, round)),
        within_patience(platform.postgres.sql(CHANGES)),
        within_patience(change_mongodb(platform, round)),
        within_patience(change_rabbitmq(platform, round)),
    );
}

async fn change_rabbitmq(platform: &Platform, round: usize) {
    let mut posts = 1;
    if round.is_multiple_of(EMPTIED) {
        platform.rabbitmq.delete("/api/queues/%2f/posts.scheduled/contents").await;
        posts = SCHEDULED;
    }
    platform.rabbitmq.publish("%2f", "posts.scheduled", posts).await;
}

async fn change_redis(platform: &Platform, round: usize) -> redis::RedisResult<()> {
    let seconds = jiff::Timestamp::now().as_second();
    let mut changes = redis::pipe();
    for worker in ["mail-1", "mail-2"] {
        changes.zadd("heartbeat:mail", worker, seconds);
    }
    let state = if round % 10 < 5 { "active" } else { "idle" };
    let beat =
        format!(r#"{{"at":{seconds},"state":"{state}","instance_type":"g5.xlarge","lifecycle":"spot"}}"#);
    changes.hset("heartbeat:render", "gpu-1", beat).rpush("queue:mail", "mail");
    changes.set_ex(format!("ws_sessions:{}", 40 + round % 30), 1, 60);
    if round.is_multiple_of(EMPTIED) {
        changes.rpush("queue:mail", &["mail"; MAILS as usize][..]).ltrim("queue:mail", -MAILS, -1);
    }
    changes.query_async(&mut platform.redis.try_connection().await?).await
}

async fn change_mongodb(platform: &Platform, round: usize) -> mongodb::error::Result<()> {
    let post = doc! {"platform": PLATFORMS[round % PLATFORMS.len()]};
    let posts = platform.mongodb.client().await.database("shop").collection("posts");
    posts.insert_one(post).await.map(drop)
}

/// Appends an event to the log file.
pub fn append(log: &Path, event: &str, class: &str) {
    let line = serde_json::json!({"ts": jiff::Timestamp::now().to_string(), "event": event, "class": class});
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
    file.and_then(|mut file| writeln!(file, "{line}")).expect("the directory is writable");
}
