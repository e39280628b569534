//! The scripts that are handed out with the pack: what they hold is enough, and no more.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;

use super::expected::answers;
use super::{config, expect};
use testkit::exporter::Exporter;
use testkit::hayon::world::{DAY, MINUTE, Post, World};
use testkit::hayon::{fill, url};
use testkit::mongodb::Mongodb;

const ROLE: &str = include_str!("../role.js");
const INDEXES: &str = include_str!("../indexes.js");

/// The value of a `const` of a script. They are JSON, so that they can be read here without a shell.
fn constant(script: &str, name: &str) -> Bson {
    let (_, rest) = script.split_once(&format!("const {name} = ")).unwrap();
    let (json, _) = rest.split_once(";\n").unwrap();
    serde_json::from_str(json).unwrap()
}

fn document(value: &Bson) -> Document {
    value.as_document().unwrap().clone()
}

const VIEWS: &str = ", users_collection: exporter_users, accounts_collection: exporter_accounts, \
     posts_collection: exporter_posts";

#[tokio::test]
async fn the_role_is_enough_and_least() {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    let world = World::new(300);
    let database = fill(&server, &world).await;
    for view in constant(ROLE, "views").as_array().unwrap() {
        database.run_command(document(view)).await.unwrap();
    }
    let client = server.client().await;
    let admin = client.database("admin");
    admin.run_command(document(&constant(ROLE, "role"))).await.unwrap();
    admin
        .run_command(doc! {"createUser": "exporter", "pwd": "geheim", "roles": ["hayon_exporter"]})
        .await
        .unwrap();
    let url = url(&server).replace("root:rootpassword", "exporter:geheim");
    let exporter = Exporter::start(&config(&url, None, VIEWS)).await;
    expect(&exporter, &answers(&world)).await;
    let up = r#"platform_source_status{source="app-db",kind="mongodb",status="up"}"#;
    exporter.wait_for(up, 1.0, super::PATIENCE).await;

    // Without any document, the account still sees whether a collection is empty or missing.
    database.collection::<Document>("users").delete_many(doc! {}).await.unwrap();
    let nobody = r#"hayon_users{source="app-db",plan="pro",state="active"}"#;
    exporter.wait_for(nobody, 0.0, super::PATIENCE).await;
    database.collection::<Document>("users").insert_many(world.user_documents()).await.unwrap();

    // The account itself: tokens, hashes, addresses and texts are out of its reach, and it writes nothing.
    let hers = mongodb::Client::with_uri_str(&url).await.unwrap().database("hayon");
    for collection in ["users", "socialaccounts", "posts"] {
        let documents = hers.collection::<Document>(collection);
        assert_unauthorized(documents.find_one(doc! {}).await.map(|_| ()));
    }
    for view in ["exporter_users", "exporter_accounts", "exporter_posts"] {
        let documents = hers.collection::<Document>(view);
        let one = documents.find_one(doc! {}).await.unwrap().unwrap().to_string();
        assert!(!one.contains("secret") && !one.contains("@example.com"), "{one}");
        assert_unauthorized(documents.insert_one(doc! {"n": 1}).await.map(|_| ()));
    }
}

fn assert_unauthorized(result: Result<(), mongodb::error::Error>) {
    let error = result.expect_err("the role does not allow it");
    match error.kind.as_ref() {
        ErrorKind::Command(command) => assert_eq!(command.code_name, "Unauthorized", "{error}"),
        other => panic!("{other}"),
    }
}

/// The stages of the script, as it puts them together for these filters on accounts.
fn views_without(excluded: &str) -> Vec<Document> {
    let with_filters = ROLE.replace("\"EXCLUDED\"", excluded);
    let leave_out = document(&constant(&with_filters, "leaveOut"));
    let views = constant(ROLE, "views");
    let views = views.as_array().unwrap().iter().map(|view| {
        let mut view = document(view);
        let is_of_accounts = view.get_str("viewOn").unwrap() == "users";
        let stages = if is_of_accounts { "accounts" } else { "owned" };
        let mut pipeline = leave_out.get_array(stages).unwrap().clone();
        pipeline.extend(view.get_array("pipeline").unwrap().clone());
        view.insert("pipeline", pipeline);
        view
    });
    views.collect()
}

/// By a filter on accounts alone: nothing is written into any document.
#[tokio::test]
async fn the_views_leave_out_accounts_with_their_connections_and_posts() {
    let server = Mongodb::start().await;
    let world = World::new(1000);
    let database = fill(&server, &world).await;
    for collection in ["users", "socialaccounts", "posts"] {
        let unmarked = doc! {"$unset": {"isTest": true}};
        database.collection::<Document>(collection).update_many(doc! {}, unmarked).await.unwrap();
    }
    let by_address = r#"[{"email": {"$regex": "@staff[.]example[.]com$"}}, {"deletedAt": {"$ne": null}}]"#;
    for view in views_without(by_address) {
        database.run_command(view).await.unwrap();
    }
    database.run_command(document(&constant(INDEXES, "indexes"))).await.unwrap();
    let mut everybody = world.clone();
    for user in &mut everybody.users {
        user.is_staff = false;
    }
    let (expected, all) = (answers(&world), answers(&everybody));
    let same: Vec<_> = expected.iter().filter(|(name, value)| all.get(*name) == Some(*value)).collect();
    assert!(same.len() < expected.len() / 4, "{same:?}");
    let through_views = Exporter::start(&config(&url(&server), None, VIEWS)).await;
    expect(&through_views, &expected).await;
    let direct = Exporter::start(&config(&url(&server), None, "")).await;
    expect(&direct, &all).await;
}

/// What is asked of posts is found without reading all of them; through the view as well.
#[tokio::test]
async fn the_indexes_are_used_and_may_be_made_twice() {
    let server = Mongodb::start().await;
    let world = World::new(3000);
    let database = fill(&server, &world).await;
    for _ in 0..2 {
        database.run_command(document(&constant(INDEXES, "indexes"))).await.unwrap();
    }
    for view in constant(ROLE, "views").as_array().unwrap() {
        database.run_command(document(view)).await.unwrap();
    }
    let count = |holds: &dyn Fn(&Post) -> bool| world.posts.iter().filter(|post| holds(post)).count();
    let were_due = count(&|post| post.scheduled.is_some_and(|due| (-MINUTE..DAY + MINUTE).contains(&due)));
    let are_new = count(&|post| post.created < DAY + MINUTE);
    let wait = count(&|post| post.status == "SCHEDULED");
    let most = i64::try_from((were_due + are_new).max(wait)).unwrap();
    for keys in ["", VIEWS] {
        database.run_command(doc! {"profile": 2}).await.unwrap();
        let exporter = Exporter::start(&config(&url(&server), None, keys)).await;
        expect(&exporter, &answers(&world)).await;
        drop(exporter);
        database.run_command(doc! {"profile": 0}).await.unwrap();
        let profile = database.collection::<Document>("system.profile");
        let collection = if keys.is_empty() { "posts" } else { "exporter_posts" };
        let asked = doc! {"ns": {"$in": [format!("hayon.{collection}"), "hayon.posts"]}, "command.aggregate": {"$exists": true}};
        let ran: Vec<Document> = profile.find(asked).await.unwrap().try_collect().await.unwrap();
        assert!(ran.len() >= 4, "the profiler saw the questions: {ran:?}");
        for ran in ran {
            let number =
                |key: &str| ran.get(key).and_then(|n| n.as_i32().map(i64::from).or(n.as_i64())).unwrap();
            assert!(ran.get_str("planSummary").unwrap().contains("IXSCAN"), "{ran}");
            let (keys, documents) = (number("keysExamined"), number("docsExamined"));
            // Documents that come from two indexes pass two stages; one or two more show that the fields exist.
            assert!(keys <= most + 3 && documents <= 2 * keys + 3, "{most}: {ran}");
        }
        profile.drop().await.unwrap();
    }
}
