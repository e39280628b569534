//! `platform_exporter init` on real databases.

mod again;
mod bounds;
mod mongodb;
mod platforms;
mod privacy;
mod rabbitmq;
mod recipes;
mod redis;
mod s3;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use testkit::exporter::binary;
use testkit::postgres::Postgres;

/// The directory of a platform whose database is in the environment.
struct Project {
    directory: TempDir,
    /// The variable that holds the URL.
    variable: &'static str,
    url: String,
}

impl Project {
    fn new(url: String) -> Self {
        Self::of("DATABASE_URL", url)
    }

    fn of(variable: &'static str, url: String) -> Self {
        Self { directory: TempDir::with_prefix("init-").unwrap(), variable, url }
    }

    /// With a server that has this schema.
    async fn with(schema: &str) -> (Postgres, Self) {
        let server = Postgres::start().await;
        server.add_database("shop").await;
        server.script("shop", schema).await;
        let url = server.url_as("postgres", "", "shop");
        (server, Self::new(url))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a command of the exporter, or another program.
    fn command(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).args(arguments).env(self.variable, &self.url);
        command.output().unwrap()
    }

    /// Runs a command that succeeds. Returns all that it prints.
    fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let output = self.command(program, arguments);
        let text = text(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// Runs `init` without questions.
    fn init(&self, arguments: &[&str]) -> String {
        let fixed = ["init", "--yes", "--name", "shop"];
        self.run(&binary(), &[&fixed, arguments].concat())
    }

    /// What is exported of the workers, if there is a source for them.
    fn workers(&self) -> String {
        match self.read("platform.yml").contains("\n  workers:\n") {
            true => {
                let probe = ["probe", "workers", "--config.file", "platform.yml", "--format", "prometheus"];
                self.run(&binary(), &probe)
            }
            false => String::new(),
        }
    }

    /// What was written passes everything that users run on it.
    fn passes(&self) {
        self.run(&binary(), &["check", "--live", "--config.file", "platform.yml"]);
        self.run(&binary(), &["bundle", "--config.file", "platform.yml", "--out", "out"]);
        let promtool = Path::new("promtool");
        if self.path("out/alerts/shop.rules.yml").exists() {
            self.run(promtool, &["check", "rules", "out/alerts/shop.rules.yml"]);
        }
        if self.path("packs/shop_test.yml").exists() {
            self.run(promtool, &["test", "rules", "packs/shop_test.yml"]);
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

const ORDERS: &str = "
    CREATE TABLE orders (id serial PRIMARY KEY, status text, total_cents int, currency text, created_at timestamptz);
    INSERT INTO orders (status, total_cents, currency, created_at)
      SELECT (ARRAY['new', 'paid', 'shipped'])[1 + i % 3], 100 * i, 'eur', now() - i * interval '10 minutes'
      FROM generate_series(1, 300) i;
    ANALYZE;";

#[tokio::test]
async fn what_it_writes_passes_check_bundle_and_its_own_tests() {
    let (_server, project) = Project::with(ORDERS).await;
    let printed = project.init(&[]);
    assert!(printed.contains("packs/shop.yml"), "{printed}");
    project.passes();
    let pack = project.read("packs/shop.yml");
    for proposal in ["backlog(orders)", "money(orders)", "states(orders.status)", "growth(orders)"] {
        assert!(pack.contains(&format!("\n  # {proposal}: ")), "{proposal} is missing in {pack}");
    }
    assert!(pack.contains("expect: {state: [new, paid, shipped]}"), "{pack}");
    let answer = project.run(&binary(), &["query", "shop.orders_by_status", "--config.file", "platform.yml"]);
    assert!(answer.contains("shop_orders_by_status{source=\"db\",state=\"paid\"} 100"), "{answer}");
}

#[tokio::test]
async fn no_secret_is_written_or_printed() {
    let server = Postgres::options().password("planted-secret").start().await;
    let project = Project::new(server.url_as("postgres", "planted-secret", "postgres"));
    server.sql(ORDERS).await;
    let printed = project.init(&[]);
    assert!(!printed.contains("planted-secret"), "{printed}");
    for file in ["platform.yml", "packs/shop.yml", "packs/shop.role.sql", "packs/shop_test.yml"] {
        assert!(!project.read(file).contains("planted-secret"), "{file}");
    }
    assert!(project.read("platform.yml").contains("url: \"${DATABASE_URL}\""));
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let (_server, project) = Project::with(ORDERS).await;
    let printed = project.run(&binary(), &["init", "--dry-run"]);
    assert!(printed.contains("states(orders.status)"), "{printed}");
    assert_eq!(fs::read_dir(&project.directory).unwrap().count(), 0);
}

#[tokio::test]
async fn recipes_tables_and_proposals_can_be_left_out() {
    let (_server, project) = Project::with(ORDERS).await;
    project.init(&["--without", "growth,money(orders)"]);
    let pack = project.read("packs/shop.yml");
    assert!(
        pack.contains("states(orders.status)")
            && !pack.contains("orders_new")
            && !pack.contains("orders_money")
    );
    project.passes();
}

#[test]
fn without_any_source_it_names_what_would_be_found() {
    let directory = TempDir::with_prefix("init-").unwrap();
    let mut command = Command::new(binary());
    let output = command.current_dir(&directory).args(["init", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("set a variable such as DATABASE_URL"), "{}", text(&output));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[tokio::test]
async fn a_source_that_is_down_is_written_and_reported() {
    let project = Project::new("postgres://app@127.0.0.1:1/shop".to_owned());
    let printed = project.init(&[]);
    assert!(printed.contains("db was not looked at: "), "{printed}");
    assert!(project.read("platform.yml").contains("db: {postgres: "));
    project.run(&binary(), &["check", "--config.file", "platform.yml"]);
}

/// A directory as an application has it: the password is in .env, the port in the Compose file.
#[tokio::test]
async fn values_of_files_are_written_only_where_one_wants_them() {
    let server = Postgres::options().password("planted-secret").start().await;
    server.sql(ORDERS).await;
    let project = Project::new(String::new());
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    fs::write(project.path(".env"), "DB_PASSWORD=planted-secret\n").unwrap();
    let compose = format!(
        "services:\n  web:\n    image: shop\n    environment:\n      \
         DATABASE_URL: postgres://postgres:${{DB_PASSWORD}}@db:5432/postgres\n  \
         db:\n    image: postgres:16\n    ports: [\"{port}:5432\"]\n"
    );
    fs::write(project.path("compose.yaml"), compose).unwrap();
    let printed = project.init(&[]);
    assert!(printed.contains("compose.yaml:5 (service web)"), "{printed}");
    assert!(printed.contains("set DATABASE_URL for the exporter"), "{printed}");
    assert!(project.read("packs/shop.yml").contains("states(orders.status)"), "{printed}");
    let values = project.run(&binary(), &["init", "--yes", "--name", "shop", "--env-file", "platform.env"]);
    assert!(!values.contains("planted-secret"), "{values}");
    let file = fs::metadata(project.path("platform.env")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let check = "set -a; . ./platform.env; exec \"$0\" check --live --config.file platform.yml";
    let shell = Path::new("sh");
    project.run(shell, &["-c", check, binary().to_str().unwrap()]);
    for file in ["platform.yml", "packs/shop.yml", "packs/shop.role.sql", "packs/shop_test.yml"] {
        assert!(!project.read(file).contains("planted-secret"), "{file}");
    }
}
