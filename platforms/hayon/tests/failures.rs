//! What is missing is named, and the rest of the pack stays.

use mongodb::bson::{Document, doc};

use super::super::exported::{self, Values};
use super::expected::answers;
use super::{config, expect, wait_for_problem};
use testkit::exporter::Exporter;
use testkit::hayon::world::World;
use testkit::hayon::{fill, url};
use testkit::mongodb::Mongodb;
use testkit::redis::Redis;

/// The series of a world without those of some metrics.
fn without(world: &World, starts: &[&str]) -> Values {
    let mut series = answers(world);
    series.retain(|name, _| !starts.iter().any(|start| name.starts_with(&format!("hayon_{start}"))));
    series
}

const OF_USERS: [&str; 7] = [
    "users",
    "subscriptions",
    "posts_created",
    "captions_generated",
    "posts_allowed",
    "captions_allowed",
    "limited_",
];

/// What `check --live` says, with the pack's own cadences and patience.
fn check_live(url: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let config =
        format!("sources: {{app-db: {{mongodb: {{url: '{url}'}}}}}}\npacks: {{hayon: {{db: app-db}}}}\n");
    exported::check_live(directory.path(), &config).1
}

#[tokio::test]
async fn a_collection_that_is_missing_is_named() {
    let server = Mongodb::start().await;
    let world = World::new(200);
    let database = fill(&server, &world).await;
    database.collection::<Document>("socialaccounts").drop().await.unwrap();
    let exporter = Exporter::start(&config(&url(&server), None, "")).await;
    expect(&exporter, &without(&world, &["connect"])).await;
    wait_for_problem(&exporter, "app-db", "not_found").await;
    let report = check_live(&url(&server));
    let line =
        "FAIL  query hayon.accounts: not_found: collection `socialaccounts` does not exist in `hayon`\n";
    assert!(report.contains(line) && report.contains("ok    query hayon.users\n"), "{report}");
}

/// MongoDB takes a field that no document has for null everywhere: the numbers made of it would be 0.
#[tokio::test]
async fn a_field_that_is_renamed_is_named() {
    let server = Mongodb::start().await;
    let world = World::new(200);
    let database = fill(&server, &world).await;
    let rename = async |collection: &str, from: &str, to: &str| {
        let documents = database.collection::<Document>(collection);
        documents.update_many(doc! {}, doc! {"$rename": {from: to}}).await.unwrap();
    };
    for (collection, field, queries) in [
        ("users", "isDisabled", &["users"][..]),
        ("users", "createdAt", &["users"]),
        ("users", "subscription.status", &["users"]),
        ("users", "subscription.stripeSubscriptionId", &["users"]),
        ("users", "subscription.currentPeriodEnd", &["users"]),
        ("users", "usage.postsCreated", &["users"]),
        ("users", "usage.captionGenerations", &["users"]),
        ("users", "limits.maxPosts", &["users"]),
        ("users", "limits.maxCaptionGenerations", &["users"]),
        ("posts", "status", &["posts", "scheduled_posts", "stuck_posts"]),
        ("posts", "scheduledAt", &["scheduled_posts"]),
        ("posts", "createdAt", &["posts", "publications", "stuck_posts"]),
    ] {
        rename(collection, field, "elsewhere").await;
        let report = check_live(&url(&server));
        let of = |query: &str| format!("FAIL  query hayon.{query}: query: row ");
        let named = format!(" has nothing in the column `field {field}`");
        let failed: Vec<_> = report.lines().filter(|line| line.starts_with("FAIL")).collect();
        for query in queries {
            let is_named = failed.iter().any(|line| line.starts_with(&of(query)) && line.contains(&named));
            assert!(is_named, "{query} {field}: {report}");
        }
        let are_meant = failed.iter().all(|line| queries.iter().any(|query| line.starts_with(&of(query))));
        assert!(are_meant, "{field}: {report}");
        rename(collection, "elsewhere", field).await;
    }
    rename("users", "subscription.plan", "elsewhere").await;
    let report = check_live(&url(&server));
    let expected =
        "FAIL  query hayon.users: query: row 1 has nothing in the column `field subscription.plan`";
    assert!(report.contains(expected), "{report}");
    rename("users", "elsewhere", "subscription.plan").await;

    rename("posts", "platformStatuses", "elsewhere").await;
    let report = check_live(&url(&server));
    let named = "has nothing in the column `field platformStatuses.platform`";
    assert!(report.contains("FAIL  query hayon.publications: ") && report.contains(named), "{report}");
    assert_eq!(report.matches("FAIL").count(), 1, "{report}");
    rename("posts", "elsewhere", "platformStatuses").await;

    // In operation, what is made of the field leaves, and the rest stays.
    let exporter = Exporter::start(&config(&url(&server), None, "")).await;
    expect(&exporter, &answers(&world)).await;
    for (field, names) in [
        ("createdAt", &["users_created"][..]),
        ("subscription.status", &["subscriptions", "users_paid"]),
        (
            "limits.maxPosts",
            &["users_near", "users_at", "users_over", "users_off", "posts_allowed", "limited_posts"],
        ),
    ] {
        rename("users", field, "elsewhere").await;
        expect(&exporter, &without(&world, names)).await;
        wait_for_problem(&exporter, "app-db", "query").await;
        rename("users", "elsewhere", field).await;
        expect(&exporter, &answers(&world)).await;
    }
}

#[tokio::test]
async fn a_permission_that_is_revoked_is_named() {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    let world = World::new(200);
    let database = fill(&server, &world).await;
    let client = server.client().await;
    let admin = client.database("admin");
    let find =
        |collection: &str| doc! {"resource": {"db": "hayon", "collection": collection}, "actions": ["find"]};
    let privileges = vec![find("users"), find("socialaccounts"), find("posts")];
    admin
        .run_command(doc! {"createRole": "look", "privileges": privileges, "roles": ["clusterMonitor"]})
        .await
        .unwrap();
    admin.run_command(doc! {"createUser": "exporter", "pwd": "geheim", "roles": ["look"]}).await.unwrap();
    let url = url(&server).replace("root:rootpassword", "exporter:geheim");
    let exporter = Exporter::start(&config(&url, None, "")).await;
    expect(&exporter, &answers(&world)).await;
    let revoke = doc! {"revokePrivilegesFromRole": "look", "privileges": [find("users")]};
    admin.run_command(revoke).await.unwrap();
    expect(&exporter, &without(&world, &OF_USERS)).await;
    wait_for_problem(&exporter, "app-db", "permission").await;
    let report = check_live(&url);
    assert!(
        report.contains("FAIL  query hayon.users: permission: ") && report.contains("`read` on `hayon`"),
        "{report}"
    );
    assert!(!report.contains("geheim") && database.name() == "hayon", "{report}");
}

/// The rate limits are another source's: what is wrong there is nothing to the database.
#[tokio::test]
async fn a_sick_cache_leaves_the_database_alone() {
    let (server, mut cache) = tokio::join!(Mongodb::start(), Redis::start());
    let world = World::new(200);
    fill(&server, &world).await;
    let requests = super::answers::count_requests(&cache, 3).await;
    let exporter = Exporter::start(&config(&url(&server), Some(&cache), "")).await;
    let mut all = answers(&world);
    all.extend(requests);
    expect(&exporter, &all).await;
    cache.kill();
    expect(&exporter, &answers(&world)).await;
    wait_for_problem(&exporter, "cache", "connect").await;
    let up = r#"platform_source_status{source="app-db",kind="mongodb",status="up"}"#;
    exporter.wait_for(up, 1.0, super::PATIENCE).await;
}
