//! The alerts that workers raise, by heartbeats in real stores.

use std::time::Duration;

use super::seconds_ago;
use crate::alerting::drill::{Drills, beside};
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::proxy::Proxy;
use testkit::redis::Redis;
use testkit::wait::PAUSE;

const MINUTE: Duration = Duration::from_secs(60);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const DEGRADED: (&str, &str) = ("PlatformSourceDegraded", "warning");

/// Four workers in a table, and one in Redis, of which only the clock matters.
struct Scene {
    postgres: Postgres,
    redis: Redis,
    ahead: Redis,
    proxy: Proxy,
}

impl Scene {
    async fn start() -> Self {
        // It is the older of the two, so that no restart seems to be behind its clock.
        let ahead = Redis::options().ahead(2 * MINUTE).start().await;
        let redis = Redis::start().await;
        for server in [&ahead, &redis] {
            server.run::<()>(&["ZADD", "beats", &seconds_ago(0.0).to_string(), "a"]).await;
        }
        let postgres = Postgres::start().await;
        postgres
            .sql(
                "CREATE TABLE beats (worker text, seen_at timestamptz, progress_at timestamptz, busy int, slots int)",
            )
            .await;
        let proxy = Proxy::start(&redis.address()).await;
        let scene = Self { postgres, redis, ahead, proxy };
        scene.employ().await;
        scene
    }

    /// All workers are there, and idle.
    async fn employ(&self) {
        self.postgres
            .sql(
                "BEGIN;
                 TRUNCATE beats;
                 INSERT INTO beats SELECT worker, now(), now(), 0, 5 FROM unnest('{a,b,c,d}'::text[]) AS worker;
                 COMMIT",
            )
            .await;
    }

    fn config(&self) -> String {
        format!(
            "sources:
               db: {{postgres: {{url: '{}'}}, interval: 1s}}
               cache: {{redis: {{url: '{}'}}, interval: 1s}}
               jobs:
                 workers:
                   classes:
                     mail: {{from: db, sql: SELECT * FROM beats, expected: 4, interval: 1d}}
                     cpu: {{from: cache, layout: zset, key: beats, interval: 1d}}
                 interval: 1s",
            self.postgres.url(),
            self.proxy.through(&self.redis.url()),
        )
    }

    /// Workers of the table finish a job.
    async fn work(&self) {
        self.postgres.sql("UPDATE beats SET progress_at = now()").await;
        tokio::time::sleep(PAUSE).await;
    }
}

fn of_mail(family: &str) -> String {
    format!("{family}{{source=\"jobs\",class=\"mail\"}}")
}

async fn missing(scene: &Scene, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    scene.postgres.sql("DELETE FROM beats WHERE worker = 'd'").await;
    exporter.wait_for(&of_mail("workers_alive"), 3.0, PATIENCE).await;
    // Budgets are not judged before there are six hours of data.
    let budgets = [("WorkersErrorBudget", "critical"), ("WorkersErrorBudget", "warning")];
    drills.fires(375 * MINUTE, &[budgets[0], budgets[1], ("WorkersShort", "warning"), DEGRADED]).await;

    scene.employ().await;
    drills.well().await;
    scene.postgres.sql("TRUNCATE beats").await;
    exporter.wait_for(&of_mail("workers_alive"), 0.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("WorkersGone", "critical"), DEGRADED]).await;
    scene.employ().await;
}

async fn busy(scene: &Scene, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    scene.postgres.sql("UPDATE beats SET busy = 2").await;
    exporter.wait_for(&of_mail("workers_busy"), 8.0, PATIENCE).await;
    drills.fires(45 * MINUTE, &[("WorkersStuck", "critical")]).await;

    scene.employ().await;
    drills.well().await;
    scene.postgres.sql("UPDATE beats SET busy = slots").await;
    exporter.wait_for(&of_mail("workers_busy"), 20.0, PATIENCE).await;
    // They make progress: they are not stuck.
    let work = async || scene.work().await;
    beside(work, 1, drills.fires(130 * MINUTE, &[("WorkersSaturated", "info")])).await;
    scene.employ().await;
}

async fn skewed(scene: &Scene, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    scene.proxy.retarget(&scene.ahead.address());
    scene.proxy.end_connections().await;
    let skew = "worker_clock_skew_seconds{source=\"jobs\",class=\"cpu\"}";
    exporter.wait_until(skew, |value| value > 100.0, PATIENCE).await;
    drills.fires(20 * MINUTE, &[("WorkersClockSkew", "info")]).await;
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let scene = Scene::start().await;
    let exporter = Exporter::start(&scene.config()).await;
    let mut drills = Drills::of(&exporter);
    missing(&scene, &exporter, &mut drills).await;
    busy(&scene, &exporter, &mut drills).await;
    skewed(&scene, &exporter, &mut drills).await;
    drills.have_seen(&on_servers::WORKERS);
}
