//! The exporter built with only some of the kinds: the size of the binary, and its memory at rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::ours;
use crate::report::{Section, Table, bytes, ratio};
use crate::usage::memory;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::redis::Redis;
use testkit::wait::eventually;
use testkit::web::{Web, reply};

/// The features of each build; `default` has all kinds.
const BUILDS: [&str; 3] = ["default", "postgres,redis", "http"];

const INTERVAL: Duration = Duration::from_secs(1);
/// Memory is read after this many probes of each source.
const PROBES: u32 = 20;

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(&format!(
        "`cargo build --release --no-default-features --features …`, compared with the binary that has all nine kinds. \
         MiB of resident memory, as counted by the kernel, after {PROBES} probes of a PostgreSQL and a Redis server, or \
         of a website: the same sources for both binaries.",
    ));
    let (postgres, redis) = tokio::join!(Postgres::start(), Redis::start());
    let web = Web::start(|_| reply(200, "fine")).await;
    let databases = format!(
        "  db: {{postgres: {{url: '{}'}}}}\n  cache: {{redis: {{url: '{}'}}}}\n",
        postgres.url(),
        redis.url()
    );
    let website = format!("  site: {{http: {{url: 'http://{}/'}}}}\n", web.address());
    let all = build(BUILDS[0]).await;
    let mut table = Table::new(&["features", "binary", "÷ all", "resident", "÷ all"]);
    table.row(["all nine kinds".to_owned(), bytes(size(&all)), String::new(), String::new(), String::new()]);
    for (features, sources) in BUILDS[1..].iter().zip([&databases, &website]) {
        let some = build(features).await;
        let (of_all, of_some) = (at_rest(&all, sources).await, at_rest(&some, sources).await);
        table.row([
            format!("`{features}`"),
            bytes(size(&some)),
            ratio(size(&some), size(&all)),
            format!("{of_some:.1} instead of {of_all:.1}"),
            ratio(of_some, of_all),
        ]);
    }
    section.table(&table);
    section
}

/// Builds into a directory of its own, because cargo keeps one binary of a name.
async fn build(features: &str) -> PathBuf {
    println!("building with {features}");
    let target = testkit::root().join("target/builds").join(features.replace(',', "-"));
    let mut command = Command::new("cargo");
    command.args([
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--no-default-features",
        "--features",
        features,
    ]);
    let status = command.arg("--target-dir").arg(&target).current_dir(testkit::root()).status().await;
    assert!(status.expect("cargo is there").success(), "{features}");
    target.join("release/platform_exporter")
}

fn size(binary: &Path) -> f64 {
    std::fs::metadata(binary).expect("it was built").len() as f64
}

/// The resident memory of a binary that probes these sources, in MiB.
async fn at_rest(binary: &Path, sources: &str) -> f64 {
    let sources = sources.replace("}}\n", &format!("}}, interval: {INTERVAL:?}}}\n"));
    let exporter = Exporter::options(&format!("sources:\n{sources}")).binary(binary).start().await;
    let wanted = PROBES * u32::try_from(sources.lines().count()).expect("there are few");
    let probed = async || probes(&exporter.get("/metrics").await) >= f64::from(wanted);
    eventually(INTERVAL * PROBES * 3, "all is probed", probed).await;
    assert_eq!(ours::up(&exporter).await, sources.lines().count());
    memory(exporter.pid()).resident
}

/// How many probes have ended.
fn probes(exposition: &str) -> f64 {
    let counts = exposition.lines().filter(|line| line.starts_with("platform_probes_total{"));
    counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}
