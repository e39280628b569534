//! The events of a day, done to the demo's platforms and to two sets of servers that can fail over.

use std::cell::Cell;
use std::convert::Infallible;
use std::fs;
use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::http::client;
use testkit::mongodb_set::MongodbSet;
use testkit::platforms::Platforms;
use testkit::redis::Redis;
use testkit::wait::eventually;

use super::takes::{Moment, PATIENCE, Takes, until_page};

/// How many takes of an ordinary moment there are.
const TAKES: usize = 2;

/// Redis with a replica and a sentinel.
struct Sessions {
    primary: Redis,
    replica: Redis,
    sentinel: Redis,
}

impl Sessions {
    async fn start() -> Self {
        let [primary, replica, sentinel] = Redis::start_set().await;
        Self { primary, replica, sentinel }
    }

    async fn fail_over(&self) {
        self.sentinel.run::<()>(&["SENTINEL", "FAILOVER", "main"]).await;
        eventually(PATIENCE, "the replica is the master", async || {
            // A server that is promoted closes the connections of its clients.
            let replication = self.replica.try_run::<String>(&["INFO", "replication"]).await;
            replication.is_ok_and(|replication| replication.contains("role:master"))
        })
        .await;
    }
}

/// What is recorded, and what it is recorded with.
struct Recorder {
    exporter: Exporter,
    set: MongodbSet,
    sessions: Sessions,
    config: String,
    takes: Takes,
}

/// The takes of a day, in its order.
pub(super) async fn record() -> Takes {
    let mut platforms = Platforms::start().await;
    let mut recorder = Recorder::start(&platforms).await;
    // Two web workers, except during a deployment.
    let workers = Cell::new(2);
    let url = platforms.shop.redis.url();
    let day = async {
        platforms.while_living(recorder.morning(&platforms, &workers)).await;
        platforms.shop.redis.kill();
        platforms.while_living(recorder.while_redis_is_gone()).await;
        platforms.shop.redis.restart().await;
        platforms.while_living(recorder.evening()).await;
    };
    tokio::select! {
        () = day => recorder.takes,
        never = beat(url, &workers) => match never {},
    }
}

/// The drills' sources, and those of the demo.
fn config(set: &MongodbSet, sentinel: &Redis) -> String {
    let (hosts, sentinel) = (set.hosts(), sentinel.url());
    let more = format!(
        "sources:
  replica-set:
    mongodb: {{url: \"mongodb://root:secret@{hosts}/?authSource=admin&replicaSet=rs0\"}}
    interval: 5s
  sessions:
    redis: {{sentinel: {{master: main, urls: [\"{sentinel}\"]}}}}
    interval: 5s
  web:
    workers: {{classes: {{web: {{from: cache, layout: zset, key: \"heartbeat:web\", expected: 2, interval: 5s}}}}}}
    interval: 5s
"
    );
    let config = Platforms::config().replacen("sources:\n", &more, 1);
    // The rules in alerts/ are made without a configuration, so they take subscriptions of every account for Hayon's.
    let of_shop = "api_base: \"${STRIPE_API_BASE}\", subscriptions: true";
    assert!(config.contains(of_shop), "the demo's source payments has changed");
    config.replace(of_shop, "api_base: \"${STRIPE_API_BASE}\"")
}

impl Recorder {
    async fn start(platforms: &Platforms) -> Self {
        let (set, sessions) = tokio::join!(MongodbSet::start("root", "secret"), Sessions::start());
        let config = config(&set, &sessions.sentinel);
        let environment = platforms.environment();
        let options = Exporter::options(&config);
        let options =
            environment.iter().fold(options, |options, (name, value)| options.variable(name, value));
        let exporter = options.start().await;
        platforms.shop.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
        Self { exporter, set, sessions, config, takes: Takes::default() }
    }

    async fn morning(&mut self, platforms: &Platforms, workers: &Cell<usize>) {
        until_page(&self.exporter, "posts have publishers", |page| {
            let mut consumers = page.of("rabbitmq_queue_consumers");
            consumers.any(|(labels, consumers)| labels.contains("hayon_social_posts") && consumers > 0.0)
        })
        .await;
        self.well(Moment::Quiet).await;
        let log = platforms.shop.log();
        fs::rename(&log, log.with_extension("log.1")).unwrap();
        self.well(Moment::LogRotated).await;
        workers.set(1);
        self.first(Moment::Deploying, "workers_alive{source=\"web\",class=\"web\"}", 1.0).await;
        workers.set(2);
        self.well(Moment::Deployed).await;
        self.reload().await;
        self.lose_a_member().await;
        self.sessions.fail_over().await;
        self.takes.add(&self.exporter, Moment::FailingOver).await;
        self.well(Moment::FailedOver).await;
    }

    /// With another limit, so that a source begins again.
    async fn reload(&mut self) {
        let config =
            self.config.replace("  replica-set:\n", "  replica-set:\n    degraded: {latency: 10s}\n");
        fs::write(self.exporter.directory().join("platform.yml"), config).unwrap();
        let answer = client().post(self.exporter.url("/-/reload")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.unwrap());
        self.takes.add(&self.exporter, Moment::Reloading).await;
        self.well(Moment::Reloaded).await;
    }

    async fn lose_a_member(&mut self) {
        self.set.kill_primary().await;
        until_page(&self.exporter, "another member is primary", |page| {
            let states = page.of("mongodb_rs_members_state");
            let primaries = states.filter(|(labels, state)| labels.contains("replica-set") && *state == 1.0);
            primaries.count() == 1 && page.of("mongodb_rs_members_health").any(|(_, health)| health < 1.0)
        })
        .await;
        self.takes.add(&self.exporter, Moment::MemberGone).await;
        self.set.revive().await;
        self.well(Moment::MemberBack).await;
    }

    async fn while_redis_is_gone(&mut self) {
        self.first(Moment::RedisGone, "platform_source_up{source=\"cache\",kind=\"redis\"}", 0.0).await;
    }

    async fn evening(&mut self) {
        self.first(Moment::RedisBack, "platform_source_up{source=\"cache\",kind=\"redis\"}", 1.0).await;
        self.well(Moment::RedisWell).await;
        self.exporter.restart().await;
        self.takes.add(&self.exporter, Moment::ExporterStarting).await;
        self.well(Moment::ExporterWell).await;
        self.sessions.primary.kill();
        self.sessions.replica.kill();
        self.first(Moment::SessionsGone, "platform_source_up{source=\"sessions\",kind=\"redis\"}", 0.0).await;
        tokio::join!(self.sessions.primary.restart(), self.sessions.replica.restart());
        self.well(Moment::SessionsWell).await;
    }

    async fn well(&mut self, moment: Moment) {
        self.takes.well(&self.exporter, moment, TAKES).await;
    }

    async fn first(&mut self, moment: Moment, series: &str, value: f64) {
        self.takes.first(&self.exporter, moment, series, value).await;
    }
}

/// Heartbeats of the web workers.
async fn beat(url: String, workers: &Cell<usize>) -> Infallible {
    let client = redis::Client::open(url).unwrap();
    loop {
        // The server may be gone.
        let _ = once(&client, workers.get()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn once(client: &redis::Client, workers: usize) -> redis::RedisResult<()> {
    let now = jiff::Timestamp::now().as_second();
    let mut beats = redis::pipe();
    for worker in ["web-1", "web-2"].iter().take(workers) {
        beats.zadd("heartbeat:web", worker, now);
    }
    beats.query_async(&mut client.get_multiplexed_async_connection().await?).await
}
