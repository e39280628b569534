//! Broken configurations, and what `check` says of each. A file `NAME.yml` below `broken/` is one, and `NAME.expected`
//! beside it is what a user reads; `BLESS=1` writes it. In `broken/web` they are web configuration files, and a file
//! `NAME.pack.yml` is a pack that a configuration names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use testkit::exporter::{Exporter, binary};
use testkit::wait::eventually;

fn root() -> PathBuf {
    testkit::root().join("tests/it/broken")
}

/// The files with this ending in all folders.
fn files(ending: &str) -> BTreeSet<PathBuf> {
    let folders = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending))).collect()
}

/// `check`, run beside the file.
fn check(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(binary())
        .arg("check")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("EMPTY", "")
        .env("REDIS_URL", "redis://cache")
        .output()
        .unwrap()
}

fn error_of(file: &Path) -> String {
    let directory = file.parent().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let output = match directory.ends_with("web") {
        true => check(directory, &["--web.config.file", name]),
        false => check(directory, &["--config.file", name]),
    };
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{} is not refused: {message}", file.display());
    assert!(output.stdout.is_empty(), "{}", file.display());
    message
}

#[test]
fn configurations_are_refused_in_these_words() {
    let broken: Vec<_> = files(".yml").difference(&files(".pack.yml")).cloned().collect();
    assert!(broken.len() >= 100, "{} files", broken.len());
    let mut wrong = Vec::new();
    for file in &broken {
        let (message, expected) = (error_of(file), file.with_extension("expected"));
        assert!(!message.contains("SECRET"), "{}: {message}", file.display());
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, message).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != message {
            wrong.push(format!("{}:\n{message}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "BLESS=1 writes what is said now:\n{}", wrong.join("\n"));
    for expected in files(".expected") {
        assert!(
            broken.contains(&expected.with_extension("yml")),
            "{} belongs to no file",
            expected.display()
        );
    }
}

#[test]
fn a_file_that_is_no_configuration_is_not_read_as_one() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("platform.yml"), "# a dump\n".repeat(1_200_000)).unwrap();
    let output = check(directory.path(), &["--config.file=platform.yml"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "platform.yml:1:1: expected a file of at most 4 MiB, found 11 MiB: is it the right file?\n"
    );
}

/// A pipe without a writer stands for a mount that hangs.
#[test]
fn check_waits_for_no_file_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let text = "sources:
  one: {redis: {url: 'redis://cache', password_file: pipe}}
  two: {redis: {url: 'redis://cache', password_file: pipe}}
";
    fs::write(directory.path().join("platform.yml"), text).unwrap();
    let made = Command::new("mkfifo").arg(directory.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let start = Instant::now();
    let output = check(directory.path(), &["--config.file=platform.yml"]);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "platform.yml:2:54: sources.one.redis.password_file: cannot read pipe: no data within \
         5s\nplatform.yml:3:54: sources.two.redis.password_file: cannot read pipe: no data within 5s\n"
    );
}

/// Seen from the configuration, wherever `check` is started.
#[test]
fn files_are_named_as_seen_from_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("conf");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("password"), "secret\n").unwrap();
    let text = "sources: {cache: {redis: {url: 'redis://cache', password_file: password}}}\n";
    fs::write(folder.join("platform.yml"), text).unwrap();
    for (file, is_good) in [("conf/platform.yml", true), ("platform.yml", false)] {
        let _ = fs::copy(folder.join("platform.yml"), directory.path().join("platform.yml"));
        let output = check(directory.path(), &["--config.file", file]);
        assert_eq!(output.status.success(), is_good, "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// One mount that is not there takes one source with it, and says so.
#[tokio::test]
async fn an_absent_file_is_a_warning_at_the_start() {
    let config = "sources:\n  cache: {redis: {url: 'redis://127.0.0.1:1', password_file: absent}}\n";
    let exporter = Exporter::options(config).start().await;
    eventually(Duration::from_secs(10), "the file is named", async || {
        let log = exporter.log();
        log.contains("event=config.file")
            && log.contains("platform.yml:2:62: sources.cache.redis.password_file")
    })
    .await;
    assert!(exporter.get("/-/healthy").await.contains("healthy"), "it serves");
}

#[test]
fn errors_are_written_for_programs_and_for_code_review() {
    let directory = root().join("bundle");
    let run = |format: &str| {
        let output = check(&directory, &["--config.file", "dashboard.yml", "--format", format]);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    let in_pack = |finding: &&serde_json::Value| finding["file"] == "dashboard.pack.yml";
    let first = json.as_array().unwrap().iter().find(in_pack).unwrap();
    assert_eq!((&first["line"], &first["hint"]), (&17.into(), &"did you mean `trend`?".into()));
    let github = run("github");
    assert!(github.lines().all(|line| line.starts_with("::error title=platform_exporter,file=dashboard.")));
    assert!(github.contains("file=dashboard.pack.yml,line=17,col="), "{github}");
    assert_eq!(github.lines().count(), json.as_array().unwrap().len());
    let sarif: serde_json::Value = serde_json::from_str(&run("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), json.as_array().unwrap().len());
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert!(region["startLine"].is_u64() && region["startColumn"].is_u64(), "{region}");
}

/// There is no file with places.
#[test]
fn what_is_wrong_in_the_environment_is_named_by_its_variable() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("check").args(arguments).current_dir(directory.path()).env_clear();
        command.env("MONGO_URL", "mongodb://app:SECRET@").env("REDIS_URL", "localhost:6379").output().unwrap()
    };
    let output = run(&[]);
    let message = String::from_utf8(output.stderr).unwrap();
    let mut lines = message.lines();
    assert!(lines.next().unwrap().starts_with("MONGO_URL: "), "{message}");
    assert!(lines.next().unwrap().starts_with("REDIS_URL: expected a URL that starts with"), "{message}");
    assert!(lines.next().is_none() && !message.contains("SECRET"), "{message}");
    let json: serde_json::Value = serde_json::from_slice(&run(&["--format", "json"]).stdout).unwrap();
    assert!(json[1]["message"].as_str().unwrap().starts_with("REDIS_URL: "), "{json}");
    assert!(json[1]["file"].is_null(), "{json}");
}

#[test]
fn what_may_not_be_meant_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let pack = r#"about: Parcels of a shop.
inputs:
  db: {kind: postgres, help: The shop's database.}
queries:
  - name: parcels
    source: $(db)
    sql: SELECT status, count(*) AS parcels FROM parcels GROUP BY status
    labels: [status]
    expect: {status: [new, lost]}
    metrics:
      - {name: shop_parcels, value: parcels, help: Parcels by status.}
dashboard:
  title: Shop
  about: How the shop is doing.
  rows:
    - panels:
        - {stat: Parcels, expr: sum(shop_parcels)}
        - {stat: Parcels, expr: 'sum(shop_parcels{status="$status", source="$(db)"})'}
rules:
  - name: shop
    rules:
      - {alert: ShopParcels, expr: sum(shop_parcels), labels: {severity: info}}
      - {alert: ShopParcelsLost, expr: 'shop_parcels{status="losst"} > 5', labels: {severity: info}}
      - {alert: ShopAlarm, expr: 'shop:alarm{status="any"} or absent(shop_parcels)', labels: {severity: info}}
      - {record: "shop:alarm", expr: 'shop_parcels{status!="other"} > bool 3'}
"#;
    fs::write(directory.path().join("shop.yml"), pack).unwrap();
    let config = "sources: {db: {postgres: {url: 'postgres://exporter@db/shop'}}}\npacks: {shop: {file: shop.yml, db: db}}\n";
    fs::write(directory.path().join("platform.yml"), config).unwrap();
    let output = check(directory.path(), &["--config.file=platform.yml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let notes: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
    assert_eq!(
        notes,
        [
            "shop.yml:18:18: dashboard.rows[0].panels[1].stat: another card of this row has the same title",
            "shop.yml:22:36: rules[0].rules[0].expr: the expression has no condition: the alert fires as long as \
             there is data",
            "shop.yml:23:40: rules[0].rules[1].expr: the query does not expect `losst` of the label `status`, only \
             lost, new (did you mean `lost`?)",
        ]
    );
}
