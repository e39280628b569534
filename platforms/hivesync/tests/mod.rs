//! HiveSync: real servers with a made-up platform in them, the pack's own scripts, and the binary.

mod answers;
mod changes;
mod cost;
mod failures;
mod history;
mod left_out;
mod panels;
mod plans;
mod renamed;
mod scale;
mod slow;
mod subscriptions;
mod zones;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use self::answers::{ASSUMED, GPU_PRICES, INPUT_PRICE, OUTPUT_PRICE, SOCKETS_ALONE, answers};
use super::exported::{self, Values, of_pack, without_source};
use testkit::exporter::Exporter;
use testkit::hivesync::world::World;
use testkit::hivesync::{INDEXES, ROLES, SCHEMA};
use testkit::postgres::{self, Postgres};
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
        Self::on(Postgres::options()).await
    }

    /// The same on a server of one's own.
    async fn on(postgres: postgres::Options) -> Self {
        let account = PAGE.lines().find_map(|line| line.trim().strip_prefix("ACL SETUSER ")).unwrap();
        let (postgres, redis) = tokio::join!(postgres.start(), Redis::options().user(account).start());
        // Roles and indexes may be made again.
        for script in [SCHEMA, ROLES, INDEXES, ROLES, INDEXES] {
            postgres.script("postgres", script).await;
        }
        let logs = TempDir::with_prefix("hivesync-").expect("a temporary directory");
        Self { postgres, redis, logs }
    }

    async fn of(world: &World) -> Self {
        let deployment = Self::bare().await;
        deployment.fill(world).await;
        deployment
    }

    async fn fill(&self, world: &World) {
        self.postgres.script("postgres", &world.inserts()).await;
        for key in world.socket_keys() {
            self.open_socket(&key).await;
        }
        self.redis.run::<()>(&["SET", "session:7", "another key"]).await;
        for (queue, length) in [("ai_queue:tasks", world.ai_queue), ("ai_queue:preview", world.preview_queue)]
        {
            for _ in 0..length {
                self.redis.run::<()>(&["RPUSH", queue, "{}"]).await;
            }
        }
        std::fs::write(self.ai_log(), world.ai_log_lines()).unwrap();
        std::fs::write(self.preview_log(), world.preview_log_lines()).unwrap();
        self.beat().await;
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
    moment_max_age: 6s
    input_price: {INPUT_PRICE}
    output_price: {OUTPUT_PRICE}
    assumed_input_tokens: {}
    assumed_output_tokens: {}
    gpu_prices: [{}]
",
            self.postgres.url_as("platform_exporter", "", "postgres"),
            self.redis.url_as("platform_exporter", "PASSWORD"),
            self.ai_log().display(),
            self.preview_log().display(),
            ASSUMED.0,
            ASSUMED.1,
            GPU_PRICES.map(|(kind, lifecycle, price)| format!("{kind} {lifecycle} {price}")).join(", "),
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

/// What the pack exports. Two sources have devices of an unknown type: those of WebSockets get a name of their own.
fn values(exposition: &str) -> Values {
    let mut values = of_pack(exposition, "hivesync");
    let of_sockets = values.remove("hivesync_online_devices{source=\"cache\",device=\"unknown\"}");
    let mut values = without_source(values);
    values.extend(of_sockets.map(|value| (SOCKETS_ALONE.to_owned(), value)));
    values
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
    assert_eq!(expected.len(), 100, "{expected:#?}");
    assert!(expected.values().all(|value| *value > 0.0), "{expected:#?}");
    shows(&exporter, &expected).await;
    let (is_good, text) = deployment.check_live();
    assert!(is_good, "{text}");
}
