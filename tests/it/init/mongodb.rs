//! `init` on MongoDB.

use std::fs;

use ::mongodb::bson::{Bson, DateTime, Document, doc};
use testkit::exporter::binary;
use testkit::mongodb::Mongodb;

use super::Project;

/// Orders with a state of their own and one of their payment, and accounts with data about people.
async fn shop() -> (Mongodb, Project) {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    let database = server.client().await.database("shop");
    let minutes_ago =
        |minutes: i64| DateTime::from_millis(DateTime::now().timestamp_millis() - minutes * 60_000);
    let orders = (0..300).map(|i| {
        doc! {
            "status": (["PENDING", "COMPLETED", "FAILED"][i % 3]),
            // None of them leaves the hour before the end of the test.
            "createdAt": minutes_ago(10 * i as i64),
            "payment": {"status": (["paid", "unpaid"][i % 2])},
        }
    });
    database.collection("orders").insert_many(orders).await.unwrap();
    let payments = (0..100).map(|i| {
        doc! {
            "amountCents": 250,
            "currency": "eur",
            "status": (["paid", "refunded"][i % 2]),
            "type": (["card", "transfer"][i % 2]),
            "createdAt": minutes_ago(i as i64),
        }
    });
    database.collection("payments").insert_many(payments).await.unwrap();
    let users = (0..50).map(|i| {
        doc! {
            "email": "planted@example.org",
            "name": "Planted Person",
            "role": (["admin", "member"][i % 2]),
            "status": "planted@example.net",
            "lastLoginAt": minutes_ago(60 * i as i64),
        }
    });
    database.collection("users").insert_many(users).await.unwrap();
    let project = Project::new(String::new());
    let config =
        format!("sources:\n  mongo: {{mongodb: {{url: '{}'}}}}\n", url(&server, "root:rootpassword"));
    fs::write(project.path("platform.yml"), config).unwrap();
    (server, project)
}

fn url(server: &Mongodb, login: &str) -> String {
    let url = server.url().replace("root:rootpassword", login);
    match url.split_once("/?") {
        Some((address, parameters)) => format!("{address}/shop?authSource=admin&{parameters}"),
        None => format!("{}/shop?authSource=admin", url.trim_end_matches('/')),
    }
}

#[tokio::test]
async fn what_it_proposes_passes_with_the_role_that_it_writes() {
    let (server, project) = shop().await;
    let printed = project.init(&[]);
    let pack = project.read("packs/shop.yml");
    for proposal in [
        "states(orders.status)",
        "states(orders.payment_status)",
        "failures(orders)",
        "groups(users.role)",
        "accounts(users)",
        "totals(users)",
        "types(payments)",
        "money(payments)",
    ] {
        assert!(pack.contains(&format!("# {proposal}: ")), "{proposal} is missing: {printed}\n{pack}");
    }
    assert!(!(printed + &pack).to_lowercase().contains("planted"), "{pack}");
    let script = project.read("packs/shop.role.js");
    let value = |name: &str| -> Bson {
        let (_, rest) = script.split_once(&format!("const {name} = ")).unwrap();
        serde_json::from_str(rest.split_once(";\n").unwrap().0).unwrap()
    };
    let role = value("role");
    server.run(doc! {"createRole": &role, "privileges": value("privileges"), "roles": []}).await;
    let Bson::Array(mut roles) = value("roles") else { panic!("{script}") };
    roles.push(Bson::Document(Document::from_iter([
        ("role".to_owned(), role),
        ("db".to_owned(), "admin".into()),
    ])));
    server.run(doc! {"createUser": "platform_exporter", "pwd": "geheim", "roles": roles}).await;
    let platform = project.read("platform.yml").replace("root:rootpassword", "platform_exporter:geheim");
    fs::write(project.path("platform.yml"), platform).unwrap();
    project.passes();
    let answer = project.run(&binary(), &["query", "shop.orders_by_status", "--config.file", "platform.yml"]);
    assert!(answer.contains("shop_orders_by_status{source=\"mongo\",state=\"FAILED\"} 100"), "{answer}");
    let answer = project.run(&binary(), &["query", "shop.orders_failed", "--config.file", "platform.yml"]);
    assert!(answer.contains("shop_orders_failed_recently{source=\"mongo\"} 2"), "{answer}");
    for (query, expected) in [
        ("users_rows", "shop_users_rows{source=\"mongo\"} 50"),
        ("payments_by_type", "shop_payments_by_type{source=\"mongo\",type=\"card\"} 50"),
        ("payments_money", "shop_payments_amount{source=\"mongo\",currency=\"EUR\"} 125"),
    ] {
        let answer =
            project.run(&binary(), &["query", &format!("shop.{query}"), "--config.file", "platform.yml"]);
        assert!(answer.contains(expected), "{answer}");
    }
}
