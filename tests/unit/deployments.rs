//! One pack for several deployments: what distinguishes their dashboards, rules and alerts.

use std::io;

use platform_exporter::bundle::{self, File};
use platform_exporter::config::{self, Surroundings};
use serde_json::Value;

const CONFIG: &str = "
sources:
  live: {postgres: {url: \"postgres://live/shop\"}}
  staging: {postgres: {url: \"postgres://staging/shop\"}}
packs:
  shop: {file: shop.yml, db: live}
  shop-staging: {file: shop.yml, db: staging, severities: {critical: warning, warning: info}}
";

const PACK: &str = "
about: What the shop has.
inputs: {db: {kind: postgres, help: The shop's database.}}
queries:
  - name: users
    source: $(db)
    sql: SELECT count(*) AS users FROM users
    metrics: [{name: shop_users, value: users, help: Accounts.}]
dashboard:
  title: Shop
  about: How the shop is.
  rows: [{panels: [{stat: Users, expr: 'sum(shop_users{source=~\"$(db)\"})'}]}]
rules:
  - name: shop
    rules:
      - {alert: ShopEmpty, expr: 'shop_users{source=~\"$(db)\"} == 0', labels: {severity: critical}}
      - {alert: ShopQuiet, expr: 'shop_users{source=~\"$(db)\"} < 9', labels: {severity: warning, team: shop}}
      - {alert: ShopLoud, expr: 'shop_users{source=~\"$(db)\"} > 99', labels: {severity: page}}
";

fn files(config: &str) -> Vec<File> {
    let file = |_: &str| io::Result::Ok(PACK.to_owned());
    let surroundings = Surroundings { variable: &|_| None, file: &file };
    let config = config::load(config, "platform.yml", surroundings);
    let config = config.unwrap_or_else(|faults| panic!("{faults}"));
    bundle::render(Some(&config)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there")).text
}

fn title(files: &[File], name: &str) -> Value {
    let text = text(files, &format!("grafana/dashboards/{name}.json"));
    serde_json::from_str::<Value>(text).unwrap()["title"].clone()
}

#[test]
fn each_has_titles_groups_and_severities_of_its_own() {
    let files = files(CONFIG);
    assert_eq!(title(&files, "shop"), "Shop: shop");
    assert_eq!(title(&files, "shop-staging"), "Shop: shop-staging");
    let severities = |name: &str| {
        let rules = text(&files, &format!("alerts/{name}.rules.yml"));
        let lines = rules.lines().filter_map(|line| line.trim().strip_prefix("severity: "));
        assert!(rules.contains(&format!("name: \"shop: {name}\"")), "{rules}");
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(severities("shop"), ["critical", "warning", "page"]);
    assert_eq!(severities("shop-staging"), ["warning", "info", "page"], "each is replaced once");
}

#[test]
fn a_single_one_has_the_names_of_the_pack() {
    let files = files(&CONFIG.replace("  shop: {file: shop.yml, db: live}\n", ""));
    assert_eq!(title(&files, "shop-staging"), "Shop");
    assert!(text(&files, "alerts/shop-staging.rules.yml").contains("- name: shop\n"));
}
