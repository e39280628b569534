//! Every value of the pack equals the answer that follows from the documents.

use super::super::exported::Values;
use super::expected::answers;
use super::{config, expect};
use testkit::exporter::Exporter;
use testkit::hayon::world::World;
use testkit::hayon::{fill, url};
use testkit::mongodb::Mongodb;
use testkit::redis::Redis;

const LIMITS: [(&str, usize); 6] = [
    ("admin_login_attempt", 5),
    ("ai_caption", 50),
    ("analytics_refresh", 1),
    ("login_attempt", 5),
    ("otp_request", 2),
    ("otp_verify", 5),
];

/// Clients of every limiter with 1, 2, 3 … requests in this window, and what follows.
pub(super) async fn count_requests(cache: &Redis, clients: usize) -> Values {
    let mut pipeline = redis::pipe();
    let mut series = Values::new();
    for (number, (limiter, limit)) in LIMITS.into_iter().enumerate() {
        let clients = clients + number;
        for client in 1..=clients {
            let key = format!("ratelimit:{limiter}:user{client}@example.com:1735689600");
            pipeline.cmd("SET").arg(key).arg(client).arg("EX").arg(3600).ignore();
        }
        let mut put = |name: &str, value: usize| {
            let name = format!("hayon_rate_limit_{name}{{source=\"cache\",limiter=\"{limiter}\"}}");
            series.insert(name, f64::from(u32::try_from(value).unwrap()));
        };
        put("clients", clients);
        put("clients_at_limit", (clients + 1).saturating_sub(limit));
    }
    // Another limiter, a cache, a session.
    for key in ["ratelimit:search:x:1", "user:profile:7", "sess:abc"] {
        pipeline.cmd("SET").arg(key).arg(1_000_000).ignore();
    }
    pipeline.query_async::<()>(&mut cache.connection().await).await.unwrap();
    series
}

#[tokio::test]
async fn every_value_follows_from_the_documents() {
    let (database, cache) = tokio::join!(Mongodb::start(), Redis::start());
    let world = World::new(4000);
    fill(&database, &world).await;
    let mut expected = answers(&world);
    assert!(expected.values().filter(|value| **value == 0.0).count() < 10, "{expected:#?}");
    expected.extend(count_requests(&cache, 60).await);
    let exporter = Exporter::start(&config(&url(&database), Some(&cache), "")).await;
    expect(&exporter, &expected).await;
    let log = exporter.log();
    assert!(!log.contains("secret") && !log.contains("@example.com"), "{log}");
}

/// Other names, and no Redis.
#[tokio::test]
async fn collections_fields_and_values_may_be_called_otherwise() {
    use mongodb::bson::{Document, doc};
    let server = Mongodb::start().await;
    let world = World::new(300);
    let database = fill(&server, &world).await;
    let renamed = doc! {"$rename": {
        "isDisabled": "blocked", "createdAt": "meta.created", "subscription.plan": "plan.name",
        "subscription.status": "plan.state", "usage.postsCreated": "posts", "limits.maxPosts": "max-posts",
    }};
    let users = database.collection::<Document>("users");
    users.update_many(doc! {}, renamed).await.unwrap();
    users
        .update_many(doc! {"plan.state": "pastDue"}, doc! {"$set": {"plan.state": "past_due"}})
        .await
        .unwrap();
    let rename = doc! {"renameCollection": "hayon.users", "to": "hayon.members"};
    server.client().await.database("admin").run_command(rename).await.unwrap();
    let nested = doc! {"$rename": {"bluesky.connected": "bluesky.isLinked", "tumblr.connected": "tumblr.isLinked",
    "facebook.connected": "facebook.isLinked", "threads.connected": "threads.isLinked",
    "mastodon.connected": "mastodon.isLinked"}};
    database.collection::<Document>("socialaccounts").update_many(doc! {}, nested).await.unwrap();
    let keys = ", users_collection: members, disabled_field: blocked, created_field: meta.created, plan_field: plan.name, \
         status_field: plan.state, posts_field: posts, max_posts_field: max-posts, status_past_due: past_due, \
         connected_field: isLinked";
    let exporter = Exporter::start(&config(&url(&server), None, keys)).await;
    expect(&exporter, &answers(&world)).await;
}

/// No accounts at all is a number: plans are there with 0.
#[tokio::test]
async fn an_empty_platform_has_zeros() {
    let server = Mongodb::start().await;
    let database = server.client().await.database("hayon");
    for collection in ["users", "socialaccounts", "posts"] {
        database.create_collection(collection).await.unwrap();
    }
    let exporter = Exporter::start(&config(&url(&server), None, "")).await;
    let nobody = r#"hayon_users{source="app-db",plan="pro",state="active"}"#;
    exporter.wait_for(nobody, 0.0, super::PATIENCE).await;
    let up = r#"platform_source_status{source="app-db",kind="mongodb",status="up"}"#;
    exporter.wait_for(up, 1.0, super::PATIENCE).await;
}
