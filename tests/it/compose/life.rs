//! The scripts that bring life into docker-compose.yml, on servers of the same kinds, seen by the exporter that it starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::read;
use testkit::exporter::Exporter;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::process::{Process, command};
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::root;
use testkit::wait::eventually;

const PASSWORD: &str = "geheim";
/// The scripts make a change every second or two; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// The services of the profile `demo`.
struct Services {
    postgres: Postgres,
    mongodb: Mongodb,
    redis: Redis,
    rabbitmq: Rabbitmq,
    /// Secrets, and the files that are mounted at `/hivesync`.
    directory: TempDir,
}

impl Services {
    /// With the accounts that the images make at their first start.
    async fn start() -> Self {
        let (postgres, mongodb, redis, rabbitmq) = tokio::join!(
            Postgres::options().password(PASSWORD).start(),
            Mongodb::options().login("shop", PASSWORD).start(),
            Redis::options().password(PASSWORD).start(),
            Rabbitmq::start(),
        );
        postgres.sql(&format!("CREATE ROLE shop LOGIN SUPERUSER PASSWORD '{PASSWORD}'")).await;
        postgres.add_database("shop").await;
        rabbitmq.add_user("shop", PASSWORD, "administrator").await;
        rabbitmq.allow("shop", "%2f", ".*").await;
        let directory = tempfile::tempdir().unwrap();
        for name in
            ["postgres", "hivesync", "hivesync_roll_up", "grafana_postgres", "mongo", "redis", "rabbitmq"]
        {
            std::fs::write(directory.path().join(format!("{name}_password")), PASSWORD).unwrap();
        }
        for (_, from, to) in super::mounts_below("/hivesync/") {
            std::fs::copy(root().join(from), directory.path().join(to)).unwrap();
        }
        Self { postgres, mongodb, redis, rabbitmq, directory }
    }

    /// A script of the compose file, with the way to the servers here.
    fn script(&self, path: &str) -> Process {
        let (host, port) = self.postgres.address().split_once(':').map(own).unwrap();
        let (redis_host, redis_port) = self.redis.address().split_once(':').map(own).unwrap();
        let mut sh = command("sh");
        sh.arg(root().join(path));
        sh.env("SECRETS", self.directory.path()).env("FILES", self.directory.path());
        sh.env("PGHOST", host).env("PGPORT", port).env("PGUSER", "shop").env("POSTGRES_USER", "shop");
        sh.env("REDIS_HOST", redis_host).env("REDIS_PORT", redis_port);
        // While the image prepares its first start, it asks nobody for a password; here it does.
        sh.env("PGPASSWORD", PASSWORD).env("RABBITMQ", self.rabbitmq.management_address());
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        Process::spawn(name, sh, self.directory.path())
    }

    /// `compose/platform.yml`, with the addresses that the services have here.
    fn config(&self) -> String {
        let mut config = read("compose/platform.yml");
        for (there, here) in [
            ("/run/secrets".to_owned(), self.directory.path().display().to_string()),
            ("@postgres/".to_owned(), format!("@{}/", self.postgres.address())),
            ("@mongo/".to_owned(), format!("@{}/", self.mongodb.address())),
            ("//redis".to_owned(), format!("//{}", self.redis.address())),
            ("@rabbitmq:15672".to_owned(), format!("@{}", self.rabbitmq.management_address())),
            ("@rabbitmq/".to_owned(), format!("@{}/", self.rabbitmq.address())),
        ] {
            assert!(config.contains(&there), "{there}");
            config = config.replace(&there, &here);
        }
        config
    }

    fn log(&self, script: &str) -> PathBuf {
        self.directory.path().join(format!("{script}.log"))
    }
}

fn own((host, port): (&str, &str)) -> (String, String) {
    (host.to_owned(), port.to_owned())
}

#[tokio::test]
async fn the_scripts_make_data_that_the_exporter_sees() {
    let services = Services::start().await;
    services.postgres.script("shop", &read("compose/postgres.sql")).await;
    let mut hivesync = services.script("compose/hivesync.sh");
    let status = hivesync.ended(PATIENCE).await;
    let log = std::fs::read_to_string(services.log("hivesync.sh")).unwrap();
    assert!(status.success(), "{log}");
    let _life =
        ["postgres", "redis", "rabbitmq"].map(|name| services.script(&format!("compose/life/{name}.sh")));

    let exporter = Exporter::start(&services.config()).await;
    for (series, at_least) in [
        ("shop_orders_last_hour{source=\"orders-db\"}", 300.0),
        ("shop_mail_queue_depth{source=\"cache\"}", 1.0),
        ("rabbitmq_queue_messages_ready{source=\"broker\",vhost=\"/\",queue=\"mail\"}", 1.0),
        ("workers_alive{source=\"jobs\",class=\"mail\"}", 1.0),
        ("workers_alive{source=\"hivesync-workers\",class=\"cpu\"}", 2.0),
        (
            "worker_info{source=\"hivesync-workers\",class=\"gpu\",worker=\"gpu-1\",state=\"active\",instance_type=\"g5.xlarge\",lifecycle=\"spot\"}",
            1.0,
        ),
        ("hivesync_websockets{source=\"hivesync-cache\"}", 10.0),
        ("hivesync_heartbeat_users{source=\"hivesync-db\"}", 2.0),
        ("hivesync_queue_depth{source=\"hivesync-cache\",queue=\"ai\"}", 1.0),
        ("hivesync_ai_requests{source=\"hivesync-db\",window=\"1m\"}", 1.0),
        ("platform_roll_up_success{pack=\"hivesync\"}", 1.0),
        ("hivesync_users{source=\"hivesync-db\",plan_state=\"paid\"}", 100.0),
        ("hivesync_job_latency_seconds{source=\"hivesync-db\",queue=\"ai\",window=\"1m\"}", 0.1),
    ] {
        exporter.wait_until(series, |value| value >= at_least, PATIENCE).await;
    }
    // Grafana's role sees what the roll-up has written.
    let days = format!("postgres://grafana_hivesync:{PASSWORD}@{}/hivesync", services.postgres.address());
    let days = std::process::Command::new("psql")
        .args(["-XAtc", "SELECT count(*) > 7 FROM usage_analytics_daily", &days])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&days.stdout), "t\n", "{}", String::from_utf8_lossy(&days.stderr));
    eventually(PATIENCE, "every source is up", async || {
        let metrics = exporter.get("/metrics").await;
        let mut statuses = metrics.lines().filter(|line| line.starts_with("platform_source_status{"));
        statuses.all(|line| line.contains("status=\"up\"") == line.ends_with(" 1"))
    })
    .await;
    let log = exporter.log();
    assert!(!log.contains(PASSWORD), "{log}");
}
