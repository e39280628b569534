//! The scripts that are handed out with the pack: what they hold is enough, and no more.

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;

use super::expected::answers;
use super::{config, expect};
use testkit::exporter::Exporter;
use testkit::hayon::world::World;
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

    // Without any document, the account can still tell an empty collection from a missing one.
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

/// Posts that wait are found without reading those that do not; through the view as well.
#[tokio::test]
async fn the_index_is_used_and_may_be_made_twice() {
    let server = Mongodb::start().await;
    let world = World::new(3000);
    let database = fill(&server, &world).await;
    for _ in 0..2 {
        database.run_command(document(&constant(INDEXES, "indexes"))).await.unwrap();
    }
    for view in constant(ROLE, "views").as_array().unwrap() {
        database.run_command(document(view)).await.unwrap();
    }
    for keys in ["", VIEWS] {
        database.run_command(doc! {"profile": 2}).await.unwrap();
        let exporter = Exporter::start(&config(&url(&server), None, keys)).await;
        expect(&exporter, &answers(&world)).await;
        drop(exporter);
        database.run_command(doc! {"profile": 0}).await.unwrap();
        let profile = database.collection::<Document>("system.profile");
        let collection = if keys.is_empty() { "posts" } else { "exporter_posts" };
        let asked = doc! {"ns": {"$in": [format!("hayon.{collection}"), "hayon.posts"]}, "command.aggregate": {"$exists": true}};
        let ran = profile.find_one(asked).await.unwrap().expect("the profiler saw the question");
        let waiting = world.posts.iter().filter(|post| post.status == "SCHEDULED").count();
        let number = |key: &str| ran.get(key).and_then(|n| n.as_i32().map(i64::from).or(n.as_i64())).unwrap();
        assert!(ran.get_str("planSummary").unwrap().contains("IXSCAN"), "{ran}");
        assert!(number("keysExamined") <= i64::try_from(waiting).unwrap() + 2, "{ran}");
        // The one that shows the field; what waits is told by the index alone.
        assert!(number("docsExamined") <= 2, "{ran}");
        profile.drop().await.unwrap();
    }
}
