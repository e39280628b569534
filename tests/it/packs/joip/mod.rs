//! JOIP: a real server with a made-up platform in it, the pack's own scripts, and the binary.

mod answers;
mod changes;
mod failures;
mod rows;
mod scans;
mod spelling;
mod tables;
mod world;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::answers::{PREMIUM_PRICE, Values, answers};
use self::spelling::Spelling;
use self::world::World;
use crate::support::exporter::{Exporter, binary};
use crate::support::postgres::Postgres;
use crate::support::wait::PAUSE;

const SCHEMA: &str = include_str!("schema.sql");
const ROLES: &str = include_str!("../../../../packs/joip.role.sql");
const INDEXES: &str = include_str!("../../../../packs/joip.indexes.sql");
const DOCUMENT: &str = include_str!("../../../../docs/platforms/joip.md");

/// Far more than an interval: the machine may be busy.
const SOON: Duration = Duration::from_secs(60);

/// The database of a JOIP.
struct Deployment {
    postgres: Postgres,
    spelling: Spelling,
    files: TempDir,
}

impl Deployment {
    /// Tables, rows, roles and indexes, in a server that has another time zone than the application.
    async fn of(world: &World, spelling: Spelling) -> Self {
        let postgres = Postgres::options().setting("timezone = 'Asia/Kathmandu'").start().await;
        let files = TempDir::with_prefix("joip-").expect("a temporary directory");
        let deployment = Self { postgres, spelling, files };
        deployment.run(SCHEMA);
        deployment.run(&world.inserts());
        // Both scripts may be run again.
        for script in [ROLES, INDEXES, ROLES, INDEXES] {
            deployment.run(script);
        }
        deployment
    }

    /// Runs a script as the documents say.
    fn run(&self, script: &str) {
        let file = self.files.path().join("script.sql");
        std::fs::write(&file, self.spelling.of(script)).unwrap();
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.postgres.url(), "-f"]).arg(&file);
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A configuration with the pack, at a pace at which changes are seen soon.
    fn config(&self, more: &str) -> String {
        format!(
            "
sources:
  app-db: {{postgres: {{url: '{}'}}, interval: 2s}}
packs:
  joip:
    db: app-db
    cadence: 2s
    totals_cadence: 2s
    timeout: 2s
    premium_price: {PREMIUM_PRICE}
    currency: eur
{}{more}",
            self.postgres.url_as("platform_exporter", "", "postgres"),
            self.spelling.parameters(),
        )
    }

    /// `check --live` on a configuration, without haste.
    fn check_live(&self, config: &str) -> (bool, String) {
        let file = self.files.path().join("platform.yml");
        std::fs::write(&file, config.replace(": 2s", ": 60s")).unwrap();
        let mut check = Command::new(binary());
        let Output { status, stdout, stderr } =
            check.args(["check", "--live", "--config.file"]).arg(&file).output().unwrap();
        (status.success(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
    }
}

/// What the pack exports now.
async fn values(exporter: &Exporter) -> Values {
    let metrics = exporter.get("/metrics").await;
    let lines = metrics.lines().filter(|line| line.starts_with("joip_"));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap();
            let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
            labels.retain(|label| !label.starts_with("source="));
            labels.sort_unstable();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            (format!("{name}{labels}"), value.parse().unwrap())
        })
        .collect()
}

/// Waits until the exporter shows these values and no others.
async fn shows(exporter: &Exporter, expected: &Values) {
    let deadline = Instant::now() + SOON;
    loop {
        let differences = differences(&values(exporter).await, expected);
        if differences.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{}\n{}", differences.join("\n"), exporter.log());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Each series that is not in both with the same value; sums of money have a rounding error.
fn differences(found: &Values, expected: &Values) -> Vec<String> {
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(1.0);
    let wrong = expected.iter().filter_map(|(series, value)| match found.get(series) {
        None => Some(format!("{series} is missing, expected {value}")),
        Some(found) if same(*found, *value) => None,
        Some(found) => Some(format!("{series} is {found}, expected {value}")),
    });
    let more = found.iter().filter(|(series, _)| !expected.contains_key(*series));
    wrong.chain(more.map(|(series, value)| format!("{series} is {value}, expected none"))).collect()
}

/// Every value equals the one that was worked out from the rows, asked with the rights that the script gives.
#[tokio::test]
async fn every_value_is_that_of_the_rows() {
    let world = World::new();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let config = deployment.config("");
    let exporter = Exporter::start(&config).await;
    let expected = answers(&world);
    // Nothing is 0 by accident: nobody has deleted a user yet.
    let zero = expected.iter().filter(|(_, value)| **value == 0.0);
    assert!(zero.clone().count() == 4 && zero.clone().all(|(series, _)| series.contains("user_deleted")));
    shows(&exporter, &expected).await;
    let (is_good, text) = deployment.check_live(&config);
    assert!(is_good, "{text}");
}

/// The names of columns are what the DDL makes of them, or quoted, or in snake case: the documented blocks rename them.
#[tokio::test]
async fn columns_may_be_quoted_or_in_snake_case() {
    let world = World::new();
    for spelling in [Spelling::Quoted, Spelling::Snake] {
        let deployment = Deployment::of(&world, spelling).await;
        let exporter = Exporter::start(&deployment.config("")).await;
        shows(&exporter, &answers(&world)).await;
    }
}
