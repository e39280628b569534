//! What changes in the platform moves its own series, and no other.

use mongodb::bson::{Document, doc};

use super::answers::count_requests;
use super::expected::answers;
use super::{config, expect};
use testkit::exporter::Exporter;
use testkit::hayon::world::{HOUR, User, World, limits_of};
use testkit::hayon::{fill, url};
use testkit::mongodb::Mongodb;
use testkit::redis::Redis;

#[tokio::test]
async fn a_change_moves_its_own_series_alone() {
    let (server, cache) = tokio::join!(Mongodb::start(), Redis::start());
    let mut world = World::new(500);
    let database = fill(&server, &world).await;
    let requests = count_requests(&cache, 10).await;
    let exporter = Exporter::start(&config(&url(&server), Some(&cache), "")).await;
    let all = |world: &World| {
        let mut series = answers(world);
        series.extend(requests.clone());
        series
    };
    let mut before = all(&world);
    expect(&exporter, &before).await;
    let set = async |collection: &str, number: usize, fields: Document| {
        let one = doc! {"_id": i64::try_from(number).unwrap()};
        let collection = database.collection::<Document>(collection);
        let result = collection.update_one(one, doc! {"$set": fields}).await.unwrap();
        assert_eq!(result.modified_count, 1);
    };
    // Exactly the series that the change is about differ, and the exporter shows them.
    let mut moved = async |world: &World, names: &[&str]| {
        let after = all(world);
        let differ: Vec<_> = after.iter().filter(|(name, value)| before.get(*name) != Some(*value)).collect();
        let are_meant = |name: &str| names.iter().any(|meant| name.starts_with(&format!("hayon_{meant}{{")));
        assert!(!differ.is_empty() && differ.iter().all(|(name, _)| are_meant(name)), "{differ:?}");
        expect(&exporter, &after).await;
        before = after;
    };

    let free =
        world.users.iter().position(|user| user.plan == "free" && !user.disabled && !user.is_staff).unwrap();
    world.users[free].disabled = true;
    set("users", free, doc! {"isDisabled": true}).await;
    moved(&world, &["users"]).await;

    // A failed payment.
    let pays =
        |user: &&User| user.plan == "pro" && user.subscribed && user.status == "active" && !user.is_staff;
    let pro = world.users.iter().position(|user| pays(&user)).unwrap();
    world.users[pro].status = "pastDue";
    set("users", pro, doc! {"subscription.status": "pastDue"}).await;
    moved(&world, &["users_paid", "subscriptions", "subscriptions_overdue"]).await;

    // An admin gives a plan without a subscription, and the limits stay what they were.
    let is_typical = |user: &User| user.plan == "free" && user.limits == limits_of("free") && !user.is_staff;
    let other = world.users.iter().position(is_typical).unwrap();
    world.users[other].plan = "pro";
    set("users", other, doc! {"subscription.plan": "pro"}).await;
    let by_plan = [
        "users",
        "users_created",
        "users_near_limit",
        "users_at_limit",
        "users_over_limit",
        "users_off_plan_limits",
        "posts_created",
        "captions_generated",
        "posts_allowed",
        "captions_allowed",
        "limited_posts_created",
        "limited_captions_generated",
    ];
    moved(&world, &by_plan).await;

    let is_free = |account: &usize| !world.accounts[*account][3].connected && !world.users[*account].is_staff;
    let account = (0..world.accounts.len()).find(is_free).unwrap();
    world.accounts[account][3].connected = true;
    world.accounts[account][3].status = "revoked";
    set("socialaccounts", account, doc! {"threads.connected": true, "threads.health.status": "revoked"})
        .await;
    moved(&world, &["connected_accounts", "connected_accounts_broken", "connections"]).await;

    // A post that is just due fails.
    let is_published = |post: &usize| {
        let post = &world.posts[*post];
        post.status == "COMPLETED" && (0..HOUR).contains(&post.due()) && !world.users[post.author].is_staff
    };
    let post = (0..world.posts.len()).find(is_published).unwrap();
    world.posts[post].status = "FAILED";
    world.posts[post].publications.iter_mut().for_each(|publication| publication.status = "failed");
    set("posts", post, doc! {"status": "FAILED", "platformStatuses.$[].status": "failed"}).await;
    moved(&world, &["posts", "publications"]).await;

    // The workers catch up: every post is published.
    for post in &mut world.posts {
        post.status = "COMPLETED";
        post.publications.iter_mut().for_each(|publication| publication.status = "completed");
    }
    let posts = database.collection::<Document>("posts");
    let completed = doc! {"status": "COMPLETED", "platformStatuses.$[].status": "completed"};
    posts.update_many(doc! {}, doc! {"$set": completed}).await.unwrap();
    let oldest = "hayon_scheduled_posts_oldest_due_timestamp_seconds{source=\"app-db\"}";
    assert!(before_has(&world, oldest), "nothing waits, so there is no oldest");
    let by_status = ["scheduled_posts", "scheduled_posts_overdue", "posts", "publications", "posts_stuck"];
    moved(&world, &by_status).await;

    // One client more at its limit.
    cache.run::<()>(&["INCR", "ratelimit:login_attempt:user4@example.com:1735689600"]).await;
    let mut after = all(&world);
    *after
        .get_mut("hayon_rate_limit_clients_at_limit{source=\"cache\",limiter=\"login_attempt\"}")
        .unwrap() += 1.0;
    expect(&exporter, &after).await;
}

fn before_has(world: &World, series: &str) -> bool {
    !answers(world).contains_key(series)
}
