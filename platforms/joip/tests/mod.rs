//! JOIP: a real server with a made-up platform in it, the pack's own scripts, and the binary.

mod answers;
mod changes;
mod failures;
mod scans;
mod spelling;
mod tables;

use std::time::Duration;

use tempfile::TempDir;

use self::answers::{PREMIUM_PRICE, answers};
use self::spelling::Spelling;
use super::exported::{self, Values, of_pack, without_source};
use testkit::exporter::Exporter;
use testkit::joip::world::World;
use testkit::joip::{INDEXES, ROLES, SCHEMA};
use testkit::postgres::Postgres;

const DOCUMENT: &str = include_str!("../README.md");

/// Far more than an interval: the machine may be busy.
const SOON: Duration = Duration::from_secs(60);

/// Sums of money have a rounding error.
const TOLERANCE: f64 = 1e-12;

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
        deployment.run(SCHEMA).await;
        deployment.run(&world.inserts()).await;
        // Both scripts may be run again.
        for script in [ROLES, INDEXES, ROLES, INDEXES] {
            deployment.run(script).await;
        }
        deployment
    }

    /// Runs a script as the documents say.
    async fn run(&self, script: &str) {
        self.postgres.script("postgres", &self.spelling.of(script)).await;
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
        exported::check_live(self.files.path(), &config.replace(": 2s", ": 60s"))
    }
}

/// What the pack exports.
fn values(exposition: &str) -> Values {
    without_source(of_pack(exposition, "joip"))
}

/// Waits until the exporter shows these values and no others.
async fn shows(exporter: &Exporter, expected: &Values) {
    exported::shows(exporter, values, expected, TOLERANCE, SOON).await;
}

/// Every value equals the one that was worked out from the rows, asked with the rights that the script gives.
#[tokio::test]
async fn every_value_is_that_of_the_rows() {
    let world = World::populated();
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
    let world = World::populated();
    for spelling in [Spelling::Quoted, Spelling::Snake] {
        let deployment = Deployment::of(&world, spelling).await;
        let exporter = Exporter::start(&deployment.config("")).await;
        shows(&exporter, &answers(&world)).await;
    }
}
