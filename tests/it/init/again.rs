//! A second run: it adds what is new, and changes nothing else.

use std::fs;

use super::{ORDERS, Project};

const REFUNDS: &str = "
    CREATE TABLE refunds (id serial, status text, created_at timestamptz);
    INSERT INTO refunds (status, created_at)
      SELECT (ARRAY['pending', 'failed', 'done'])[1 + i % 3], now() - i * interval '1 minute' FROM generate_series(1, 60) i;
    ANALYZE refunds;";

#[tokio::test]
async fn nothing_changes_if_nothing_is_new() {
    let (_server, project) = Project::with(ORDERS).await;
    project.init(&[]);
    let files = ["platform.yml", "packs/shop.yml", "packs/shop.role.sql", "packs/shop_test.yml"];
    let before = files.map(|file| project.read(file));
    let printed = project.init(&[]);
    assert!(printed.contains("db: nothing new to propose"), "{printed}");
    assert_eq!(files.map(|file| project.read(file)), before);
}

#[tokio::test]
async fn a_new_table_is_added_and_edits_stay() {
    let (server, project) = Project::with(ORDERS).await;
    project.init(&[]);
    // A person changes a query, deletes a panel, and adds a source and a comment.
    let pack = project.read("packs/shop.yml");
    let edited = pack.replace("every: 1m", "every: 2m").replace("title: Shop", "title: The shop # ours");
    let panel = edited.lines().find(|line| line.contains("Oldest of orders")).unwrap().to_owned();
    let edited = edited.replace(&format!("{panel}\n"), "");
    fs::write(project.path("packs/shop.yml"), &edited).unwrap();
    let platform = project.read("platform.yml").replace("sources:\n", "sources:\n  # The old one.\n");
    fs::write(project.path("platform.yml"), &platform).unwrap();
    server.script("shop", REFUNDS).await;
    project.init(&[]);
    let merged = project.read("packs/shop.yml");
    assert_eq!(project.read("platform.yml"), platform);
    let mut rest = merged.lines();
    let of_person = edited.lines().filter(|line| !line.starts_with("# Proposed so far: "));
    for line in of_person {
        assert!(rest.any(|other| other == line), "`{line}` is gone, or elsewhere, in:\n{merged}");
    }
    assert!(!merged.contains("Oldest of orders"), "{merged}");
    assert!(merged.contains("refunds_by_status") && merged.contains("ShopRefundsWaiting"), "{merged}");
    project.passes();
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back() {
    let (server, project) = Project::with(ORDERS).await;
    project.init(&[]);
    server.script("shop", REFUNDS).await;
    let pack = project.read("packs/shop.yml");
    let start = pack.find("  # growth(orders)").unwrap();
    let end = pack.find("dashboard:").unwrap();
    let panel = pack.lines().find(|line| line.contains("New orders")).unwrap();
    let without = (pack[..start].to_owned() + "\n" + &pack[end..]).replace(&format!("{panel}\n"), "");
    fs::write(project.path("packs/shop.yml"), without.replace("    - row: Growth\n      panels:\n", ""))
        .unwrap();
    project.init(&[]);
    let merged = project.read("packs/shop.yml");
    assert!(!merged.contains("orders_new") && merged.contains("refunds_new"), "{merged}");
    project.passes();
}
