//! HiveSync: real servers with a made-up platform in them, the pack's own scripts, and the binary.

mod answers;
mod changes;
mod failures;
mod panels;
mod plans;
mod renamed;
mod scale;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use self::answers::{ASSUMED, INPUT_PRICE, ON_DEMAND_PRICE, OUTPUT_PRICE, SPOT_PRICE, answers};
use super::exported::{self, Values, of_pack, without_source};
use testkit::exporter::Exporter;
use testkit::hivesync::world::World;
use testkit::hivesync::{INDEXES, ROLES, SCHEMA};
use testkit::postgres::Postgres;
use testkit::redis::Redis;

const PAGE: &str = include_str!("../README.md");

/// Far more than an interval: the machine may be busy.
const SOON: Duration = Duration::from_secs(120);

/// PostgreSQL has averages to the microsecond.
const TOLERANCE: f64 = 2e-6;

/// The services of a HiveSync.
struct Deployment {
    postgres: Postgres,
    redis: Redis,
    logs: TempDir,
}

impl Deployment {
    /// The tables, the roles and the indexes; no rows yet.
    async fn bare() -> Self {
        let account = PAGE.lines().find_map(|line| line.trim().strip_prefix("ACL SETUSER ")).unwrap();
        let (postgres, redis) = tokio::join!(Postgres::start(), Redis::options().user(account).start());
        // Roles and indexes may be made again.
        for script in [SCHEMA, ROLES, INDEXES, ROLES, INDEXES] {
            postgres.script("postgres", script).await;
        }
        let logs = TempDir::with_prefix("hivesync-").expect("a temporary directory");
        Self { postgres, redis, logs }
    }

    async fn of(world: &World) -> Self {
        let deployment = Self::bare().await;
        deployment.postgres.script("postgres", &world.inserts()).await;
        for key in world.socket_keys() {
            deployment.open_socket(&key).await;
        }
        deployment.redis.run::<()>(&["SET", "session:7", "another key"]).await;
        for (queue, length) in [("ai_queue:tasks", world.ai_queue), ("ai_queue:preview", world.preview_queue)]
        {
            for _ in 0..length {
                deployment.redis.run::<()>(&["RPUSH", queue, "{}"]).await;
            }
        }
        std::fs::write(deployment.ai_log(), world.ai_log_lines()).unwrap();
        std::fs::write(deployment.preview_log(), world.preview_log_lines()).unwrap();
        deployment.beat().await;
        deployment
    }

    async fn open_socket(&self, key: &str) {
        self.redis.run::<()>(&["SET", key, "node-1"]).await;
    }

    /// Two CPU workers and two GPU workers give a heartbeat.
    async fn beat(&self) {
        // By a clock that runs ahead, so that they live as long as the test.
        let at = (jiff::Timestamp::now().as_second() + 3600).to_string();
        for worker in ["cpu-1", "cpu-2"] {
            self.redis.run::<()>(&["ZADD", "hb:cpu", &at, worker]).await;
        }
        for (worker, spot, state) in [("gpu-1", true, "active"), ("gpu-2", false, "idle")] {
            let value = format!(
                r#"{{"at": {at}, "state": "{state}", "instance_type": "g5.xlarge", "spot": {spot}}}"#
            );
            self.redis.run::<()>(&["HSET", "hb:gpu", worker, &value]).await;
        }
    }

    fn ai_log(&self) -> PathBuf {
        self.logs.path().join("ai-events.log")
    }

    fn preview_log(&self) -> PathBuf {
        self.logs.path().join("preview.log")
    }

    fn append(&self, log: PathBuf, line: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    /// A configuration with the pack, at a pace at which changes are seen soon.
    fn config(&self) -> String {
        format!(
            "
sources:
  app-db: {{postgres: {{url: '{}'}}, interval: 2s}}
  cache: {{redis: {{url: '{}'}}, interval: 2s}}
  ai-log: {{logfile: {{path: {}, from: beginning}}, interval: 2s}}
  preview-log: {{logfile: {{path: {}, from: beginning}}, interval: 2s}}
  fleet:
    workers:
      classes:
        cpu: {{from: cache, layout: zset, key: 'hb:cpu', expected: 2}}
        gpu: {{from: cache, layout: hash, key: 'hb:gpu', states: [active, idle]}}
    interval: 2s
packs:
  hivesync:
    db: app-db
    cache: cache
    ai_log: ai-log
    preview_log: preview-log
    workers: fleet
    every_moment: 2s
    every_day: 2s
    every_month: 2s
    month_timeout: 2s
    input_price: {INPUT_PRICE}
    output_price: {OUTPUT_PRICE}
    assumed_input_tokens: {}
    assumed_output_tokens: {}
    gpu_on_demand_price: {ON_DEMAND_PRICE}
    gpu_spot_price: {SPOT_PRICE}
",
            self.postgres.url_as("platform_exporter", "", "postgres"),
            self.redis.url_as("platform_exporter", "PASSWORD"),
            self.ai_log().display(),
            self.preview_log().display(),
            ASSUMED.0,
            ASSUMED.1,
        )
    }

    async fn exporter(&self) -> Exporter {
        Exporter::start(&self.config()).await
    }

    /// `check --live` on the configuration.
    fn check_live(&self) -> (bool, String) {
        exported::check_live(self.logs.path(), &self.config())
    }
}

/// What the pack exports.
fn values(exposition: &str) -> Values {
    without_source(of_pack(exposition, "hivesync"))
}

/// Waits until the exporter shows these values and no others.
async fn shows(exporter: &Exporter, expected: &Values) {
    exported::shows(exporter, values, expected, TOLERANCE, SOON).await;
}

/// Every value equals the one that was worked out from the rows, asked with the rights that the script gives.
#[tokio::test]
async fn every_value_is_that_of_the_rows() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    let exporter = deployment.exporter().await;
    let expected = answers(&world);
    assert_eq!(expected.len(), 98, "{expected:#?}");
    assert!(expected.values().all(|value| *value > 0.0), "{expected:#?}");
    shows(&exporter, &expected).await;
    let (is_good, text) = deployment.check_live();
    assert!(is_good, "{text}");
}
