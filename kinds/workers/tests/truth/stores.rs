//! The places where workers leave their heartbeats, in each layout.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, doc};
use redis::aio::MultiplexedConnection;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::redis::Redis;
use testkit::subject::{Subject, Surroundings, source};

use super::super::queues::{rq_beat, sidekiq_beat};
use super::class::Made;

/// A heartbeat.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beat {
    At(f64),
    /// Something that is no time.
    Unreadable,
}

/// The layouts that know times and nothing else.
pub(super) const PLAIN: [&str; 5] = ["hash", "keys", "mongo", "sql", "zset"];

pub(super) struct Stores {
    pub(super) redis: Redis,
    postgres: Postgres,
    mongodb: Mongodb,
    /// The connections of BullMQ's workers.
    pub(super) named: Vec<MultiplexedConnection>,
}

impl Stores {
    pub(super) async fn start(ahead: Duration) -> Self {
        let redis = Redis::options().ahead(ahead).start().await;
        let postgres = Postgres::options().ahead(ahead).start().await;
        postgres.sql("CREATE TABLE beats (worker text PRIMARY KEY, seen_at float8)").await;
        let mongodb = Mongodb::options().standalone().ahead(ahead).start().await;
        let shop = mongodb.client().await.database("shop");
        // Of a collection that does not exist, nobody knows whether it has workers.
        shop.create_collection("beats").await.expect("it is new");
        Self { redis, postgres, mongodb, named: Vec::new() }
    }

    pub(super) fn source(&self, more: &str) -> Subject {
        let lane = |kind: &str, url: String| source(&format!("{kind}: {{url: '{url}'}}"));
        Surroundings { timeout: Duration::from_secs(20), ..Surroundings::default() }
            .lane("cache", lane("redis", self.redis.url()))
            .lane("db", lane("postgres", self.postgres.url()))
            .lane("documents", lane("mongodb", self.mongodb.url()))
            .source(&format!(
                "workers: {{classes: {{
                   hash: {{from: cache, layout: hash, key: hash, expected: 2{more}}},
                   keys: {{from: cache, layout: keys, pattern: 'key:*', expected: 2{more}}},
                   zset: {{from: cache, layout: zset, key: zset, expected: 2{more}}},
                   sql: {{from: db, sql: 'SELECT worker, seen_at FROM beats', expected: 2{more}}},
                   mongo: {{from: documents, expected: 2{more},
                            mongo: {{database: shop, collection: beats, pipeline: [{{$project: {{seen_at: 1}}}}]}}}},
                   sidekiq: {{from: cache, layout: sidekiq, expected: 2}},
                   rq: {{from: cache, layout: rq, expected: 2}},
                   resque: {{from: cache, layout: resque, expected: 2}},
                   bullmq: {{from: cache, layout: bullmq, queue: emails, expected: 2}}}}}}"
            ))
    }

    /// Writes a heartbeat in one of the plain layouts.
    pub(super) async fn beat(&self, layout: &str, worker: &str, beat: Beat) {
        let text = match beat {
            Beat::At(at) => at.to_string(),
            Beat::Unreadable => "soon".to_owned(),
        };
        match (layout, beat) {
            ("hash", _) => self.redis.run::<()>(&["HSET", "hash", worker, &text]).await,
            ("keys", _) => self.redis.run::<()>(&["SET", &format!("key:{worker}"), &text, "EX", "600"]).await,
            // The only scores that are no times.
            ("zset", Beat::Unreadable) => self.redis.run::<()>(&["ZADD", "zset", "-inf", worker]).await,
            ("zset", Beat::At(_)) => self.redis.run::<()>(&["ZADD", "zset", &text, worker]).await,
            ("sql", _) => {
                let at = if let Beat::At(at) = beat { at.to_string() } else { "NULL".to_owned() };
                let insert = format!("INSERT INTO beats VALUES ('{worker}', {at})");
                self.postgres
                    .sql(&format!("{insert} ON CONFLICT (worker) DO UPDATE SET seen_at = {at}"))
                    .await;
            }
            _ => {
                let at = match beat {
                    #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
                    Beat::At(at) => DateTime::from_millis((at * 1e3) as i64).into(),
                    Beat::Unreadable => Bson::String(text),
                };
                let beats = self.mongodb.client().await.database("shop").collection::<Document>("beats");
                let update = doc! {"$set": {"seen_at": at}};
                beats.update_one(doc! {"_id": worker}, update).upsert(true).await.expect("it is written");
            }
        }
    }

    /// Removes everything that workers have left.
    pub(super) async fn clear(&mut self) {
        self.redis.run::<()>(&["FLUSHALL"]).await;
        self.postgres.sql("TRUNCATE beats").await;
        let beats = self.mongodb.client().await.database("shop").collection::<Document>("beats");
        beats.delete_many(doc! {}).await.expect("it is emptied");
        self.named.clear();
    }

    pub(super) async fn sidekiq(&self, name: &str, busy: u32) -> Made {
        let identity = format!("{name}:4:0cb7a8f8d2f1");
        sidekiq_beat(&self.redis, "", &identity, busy, false).await;
        let at: f64 = self.redis.run(&["HGET", &identity, "beat"]).await;
        let state = if busy > 0 { "busy" } else { "idle" };
        Made::new(&format!("{name}:4"), Some(at), true).working(state, f64::from(busy), 10.0)
    }

    pub(super) async fn rq(&self, name: &str, state: &'static str) -> Made {
        rq_beat(&self.redis, name, &["default"], state).await;
        let at: String = self.redis.run(&["HGET", &format!("rq:worker:{name}"), "last_heartbeat"]).await;
        let at: jiff::Timestamp = at.parse().expect("a time");
        let busy = f64::from(u8::from(state == "busy"));
        Made::new(name, Some(at.as_microsecond() as f64 / 1e6), true).working(state, busy, 1.0)
    }

    /// A worker of Resque; its heartbeat is as old as this, by whole seconds.
    pub(super) async fn resque(&self, name: &str, at: f64, job: bool, is_alive: bool) -> Made {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
        let time =
            jiff::Timestamp::from_second(at as i64).expect("a time").strftime("%FT%T+00:00").to_string();
        self.redis.run::<()>(&["SADD", "resque:workers", name]).await;
        self.redis.run::<()>(&["HSET", "resque:workers:heartbeat", name, &time]).await;
        if job {
            self.redis.run::<()>(&["SET", &format!("resque:worker:{name}"), "{}"]).await;
        }
        let state = if job { "busy" } else { "idle" };
        Made::new(name, Some(at), is_alive).working(state, f64::from(job), 1.0)
    }

    /// The connection of a worker of BullMQ, for the queue `emails`.
    pub(super) async fn bullmq(&mut self, worker: &str) -> Made {
        let mut connection = self.redis.connection().await;
        let name = format!("bull:ZW1haWxz:w:{worker}");
        redis::cmd("CLIENT")
            .arg("SETNAME")
            .arg(name)
            .query_async::<()>(&mut connection)
            .await
            .expect("it is named");
        self.named.push(connection);
        Made::new(worker, None, true)
    }
}
