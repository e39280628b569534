//! JOIP: a real server with a made-up platform in it, the pack's own scripts, and the binary.

mod answers;
mod changes;
mod failures;
mod left_out;
mod links;
mod pseudonyms;
mod retention;
mod scans;
mod spelling;
mod tables;
mod viewer;
mod zones;

use std::process::{Command, Output};
use std::time::Duration;

use platform_exporter::bundle;
use platform_exporter::config::{self, Config, Surroundings};
use tempfile::TempDir;

use self::answers::{PREMIUM_PRICE, answers};
use self::spelling::Spelling;
use super::exported::{self, Values, of_pack, without_source};
use crate::bundle::{Rendered, of_bundle};
use testkit::exporter::Exporter;
use testkit::joip::world::World;
use testkit::joip::{INDEXES, ROLES, SCHEMA};
use testkit::postgres::Postgres;

const DOCUMENT: &str = include_str!("../README.md");
const COUNTED: &str = include_str!("../counted.sql");
const EXPORT: &str = include_str!("../export.sql");
const PRUNE: &str = include_str!("../prune.sql");

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

    /// A dashboard as it is rendered with these parameters.
    fn dashboard(&self, name: &str, more: &str) -> Rendered {
        let config = loaded(&self.config(more));
        let files = bundle::render(Some(&config)).unwrap_or_else(|faults| panic!("{faults}"));
        of_bundle(files).into_iter().find(|dashboard| dashboard.name == name).unwrap()
    }

    /// What psql prints when it runs a script as the documents say, with variables such as `days=60`.
    fn psql(&self, role: &str, script: &str, variables: &[&str]) -> String {
        let file = self.files.path().join("script.sql");
        std::fs::write(&file, self.spelling.of(script)).unwrap();
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-d", &self.postgres.url_as(role, "", "postgres"), "-f"]).arg(file);
        psql.args(variables.iter().flat_map(|variable| ["-v", variable]));
        let Output { status, stdout, stderr } = psql.output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
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

/// A configuration as it is read.
fn loaded(config: &str) -> Config {
    let missing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let surroundings = Surroundings { variable: &|_| None, file: &missing };
    config::load(config, "platform.yml", surroundings).unwrap_or_else(|faults| panic!("{faults}"))
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
