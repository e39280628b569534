//! The tutorial in docs/packs.md, as a reader types it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::bundle::Rendered;
use crate::bundle::panels::{Empty, all_have_data, prometheus};
use testkit::exporter::{Exporter, binary};
use testkit::postgres::Postgres;

const PAGE: &str = include_str!("../../../docs/packs.md");

/// What starts the exporter, and does not end.
const START: &str = "platform_exporter --config.file platform.yml";

const EMPTY: [Empty; 1] = [("Problems", "A", "nothing is wrong")];

/// The blocks of the tutorial in their order, each with its language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let (_, rest) = PAGE.split_once("## A first pack, step by step\n").unwrap();
    let tutorial = rest.split("\n## ").next().unwrap();
    let blocks = tutorial.split("```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap()).collect()
}

/// Runs what a reader types; it has to succeed. Gives what it says.
fn run(commands: &str, directory: &Path, database: &str) -> String {
    let own = binary().parent().unwrap().to_owned();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-euc", commands]).current_dir(directory).env("DATABASE_URL", database).env("PATH", path);
    let output = shell.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{commands}\n{said}");
    said
}

#[tokio::test]
async fn the_tutorial_leads_to_a_card_and_an_alert() {
    let postgres = Postgres::start().await;
    let directory = tempfile::TempDir::with_prefix("tutorial-").unwrap();
    let mut said = String::new();
    let mut started = None;
    for (language, text) in blocks() {
        if language == "yaml" {
            let name = text.strip_prefix("# ").unwrap().lines().next().unwrap();
            std::fs::write(directory.path().join(name), text).unwrap();
            let shipped = testkit::root().join("examples/packs").join(name);
            assert_eq!(std::fs::read_to_string(shipped).unwrap(), text, "{name}");
        } else if text.trim() == START {
            let file = directory.path().join("platform.yml");
            let options = Exporter::options("").config_file(&file).variable("DATABASE_URL", &postgres.url());
            started = Some(options.start().await);
        } else {
            said += &run(text, directory.path(), &postgres.url());
        }
    }
    assert!(said.contains("ok    query shop.orders\n"), "{said}");
    assert!(said.contains("SUCCESS"), "{said}");

    let exporter = started.unwrap();
    let prometheus = prometheus(&exporter).await;
    let dashboard = Rendered::read(&directory.path().join("out/grafana/dashboards/shop.json"));
    assert!(dashboard.has("New orders"));
    all_have_data(&prometheus, &dashboard.questions(""), &EMPTY, Duration::from_secs(60)).await;
    assert_eq!(prometheus.query("shop_orders{state=\"new\"}").await[0]["value"][1], "1");
}
