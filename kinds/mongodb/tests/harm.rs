//! What the exporter does to a server: little, and for a short time.

use std::collections::BTreeSet;
use std::time::Duration;

use mongodb::bson::doc;
use platform_core::probe::Reason;

use super::{PATIENCE, connections, question, yaml};
use testkit::mongodb::Mongodb;
use testkit::process::write_secret;
use testkit::proxy::Proxy;
use testkit::subject::{Surroundings, config, source, value};
use testkit::wait::eventually;

/// The name that the exporter gives.
const APP: &str = "platform_exporter";

/// Runs for far longer than any timeout here: it counts to ten billion.
const ENDLESS: &str = "{database: shop, collection: users, pipeline: [\
                       {$project: {a: {$range: [0, 100000]}}}, {$unwind: $a}, \
                       {$project: {b: {$range: [0, 100000]}}}, {$unwind: $b}, {$count: n}]}";

async fn with_a_user() -> Mongodb {
    let server = Mongodb::start().await;
    server
        .client()
        .await
        .database("shop")
        .collection("users")
        .insert_one(doc! {"n": 1})
        .await
        .expect("it is primary");
    server
}

/// The operations that the server runs for the exporter.
async fn at_work(server: &Mongodb) -> usize {
    let connections = connections(server).await;
    connections
        .iter()
        .filter(|connection| connection.get_str("ns").unwrap_or("").starts_with("shop."))
        .count()
}

/// The connections that the exporter has on the server.
async fn ids(server: &Mongodb) -> BTreeSet<i32> {
    let connections = connections(server).await;
    connections
        .iter()
        .map(|connection| connection.get_i32("connectionId").expect("clients have one"))
        .collect()
}

#[tokio::test]
async fn a_source_has_three_connections_at_most() {
    let server = with_a_user().await;
    for url in [server.url(), server.url_of_set()] {
        let mut subject = source(&yaml(&url, ", collections: [shop.users]"));
        for _ in 0..5 {
            subject.probe().await.unwrap();
            subject.rows(&question("{database: shop, collection: users}")).await.unwrap();
        }
        // One for all questions, which came one after another, and one for the driver's monitor.
        assert_eq!(ids(&server).await.len(), 2);
        // While the lane is busy, the prober has its own.
        let (seen, answer) = subject.probe_beside(&question(ENDLESS)).await;
        assert_eq!(seen.unwrap().problems, []);
        assert_eq!(answer.unwrap_err().reason, Reason::Timeout);
        assert_eq!(ids(&server).await.len(), 3);
        drop(subject);
        eventually(PATIENCE, "the connections are closed", async || ids(&server).await.is_empty()).await;
    }
}

/// One to greet, one for the server, and one for each collector of databases or collections, however many of these there
/// are. The driver's monitor may have one of its own meanwhile.
#[tokio::test]
async fn a_probe_has_four_round_trips() {
    let set = Mongodb::options().login("admin", "right").start().await;
    let standalone = Mongodb::options().standalone().start().await;
    let monitor = doc! {"role": "clusterMonitor", "db": "admin"};
    set.run(doc! {"createUser": "watcher", "pwd": "right", "roles": [monitor]}).await;
    let every = "dbstats, collstats, indexstats, oplog, top, currentop, replicasetconfig, fcv";
    for (server, user) in [(&set, "watcher:"), (&standalone, "")] {
        let client = server.client().await;
        for number in 0..12 {
            let users = client.database(&format!("shop{number}")).collection("users");
            users.insert_one(doc! {"n": 1}).await.unwrap();
        }
        let proxy = Proxy::start(&server.address()).await;
        let url = proxy.through(&server.url().replace("admin:", user));
        let listed: Vec<_> = (0..12).map(|number| format!("shop{number}.users")).collect();
        for (collect, expected) in [("dbstats, collstats, oplog", 4), (every, 5)] {
            let more = format!(", collections: [{}], collect: [{collect}]", listed.join(", "));
            // So that no command exceeds its share on a slow machine.
            let surroundings = Surroundings { timeout: 6 * PATIENCE, ..Surroundings::default() };
            let mut subject = surroundings.source(&yaml(&url, &more));
            subject.probe().await.unwrap();
            let before = proxy.exchanges();
            let seen = subject.probe().await.unwrap();
            let round_trips = proxy.exchanges() - before;
            assert!(round_trips <= expected + 1, "{collect}: {round_trips} round trips");
            assert_eq!(seen.problems, []);
            for number in 0..12 {
                let labels = [&format!("shop{number}"), "users", ""];
                let count = value(&seen.families, "mongodb_collstats_storageStats_count", &labels);
                assert_eq!(count, Some(1.0), "{collect}");
                let objects = value(&seen.families, "mongodb_dbstats_objects", &labels[..1]);
                assert_eq!(objects, Some(1.0), "{collect}");
            }
        }
    }
}

/// Who asks through a client that another has replaced asks through the next one, and nothing is left of the first.
#[tokio::test]
async fn another_client_has_no_connection_beside_those_of_the_last_one() {
    let server = Mongodb::options().login("admin", "first").argument("--setParameter=enableTestCommands=1");
    let server = server.start().await;
    let users = server.client().await.database("shop").collection("users");
    users.insert_one(doc! {"n": 1}).await.unwrap();
    let proxy = Proxy::start(&server.address()).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    write_secret(&file, "first");
    let url = proxy.through(&server.url()).replace("first", "none");
    let surroundings = Surroundings { timeout: PATIENCE, ..Surroundings::default() };
    let mut subject = surroundings.source(&yaml(&url, &format!(", password_file: '{}'", file.display())));
    subject.probe().await.unwrap();
    let slow =
        doc! {"blockConnection": true, "blockTimeMS": 8000, "failCommands": ["aggregate"], "appName": APP};
    server.run(doc! {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": slow}).await;
    let event = async {
        eventually(PATIENCE, "the question is at work", async || at_work(&server).await == 1).await;
        server.run(doc! {"updateUser": "admin", "pwd": "second"}).await;
        write_secret(&file, "second");
    };
    let (seen, answer) = subject.probe_after(event, &question("{database: shop, collection: users}")).await;
    assert_eq!(seen.unwrap().problems, []);
    assert_eq!(answer.unwrap().rows.len(), 1);
    assert!(proxy.most() <= 3);
}

#[tokio::test]
async fn the_server_gives_up_before_the_exporter_does() {
    let server = with_a_user().await;
    let mut subject = source(&yaml(&server.url(), ""));
    let problem = subject.rows(&question(ENDLESS)).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Timeout);
    assert!(problem.detail.starts_with("MaxTimeMSExpired (50)"), "{problem}");
    assert_eq!(at_work(&server).await, 0);
    let command = "{database: shop, command: {count: users, query: {$where: 'while (true) sleep(10)'}}}";
    let problem = subject.rows(&question(command)).await.unwrap_err();
    assert!(problem.detail.starts_with("MaxTimeMSExpired (50)"), "{problem}");
}

#[tokio::test]
async fn nothing_is_left_running_after_a_cancelled_question() {
    let server = with_a_user().await;
    let mut subject = source(&yaml(&server.url(), ""));
    let endless = question(ENDLESS);
    for _ in 0..3 {
        tokio::select! {
            answer = subject.rows(&endless) => panic!("{answer:?}"),
            () = eventually(PATIENCE, "the question is at work", async || at_work(&server).await == 1) => {}
        }
        // Within the source's timeout, which is two seconds.
        let limit = Duration::from_secs(3);
        eventually(limit, "the question is over", async || at_work(&server).await == 0).await;
        assert!(ids(&server).await.len() <= 3);
        subject.probe().await.unwrap();
    }
}

#[tokio::test]
async fn sizes_that_take_too_long_cost_only_themselves() {
    let server = Mongodb::options().argument("--setParameter=enableTestCommands=1").start().await;
    let client = server.client().await;
    for database in ["a", "b", "c", "d"] {
        client.database(database).collection("users").insert_one(doc! {"n": 1}).await.unwrap();
    }
    let mut subject = source(&yaml(&server.url(), ", collections: [a.users]"));
    let refused = doc! {"errorCode": 50};
    // Seven databases take 2.8 seconds, of a timeout of 2.
    let slow = doc! {"blockConnection": true, "blockTimeMS": 400};
    for mut data in [refused, slow] {
        data.extend(doc! {"failCommands": ["dbStats"], "appName": APP});
        server.run(doc! {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data}).await;
        let seen = subject.probe().await.unwrap();
        for name in ["mongodb_ss_uptime", "mongodb_rs_myState"] {
            assert!(seen.families.iter().any(|family| family.desc.name == name), "{name}");
        }
        let count = value(&seen.families, "mongodb_collstats_storageStats_count", &["a", "users", ""]);
        assert_eq!(count, Some(1.0));
        assert!(!seen.problems.is_empty());
        assert!(seen.problems.iter().all(|problem| problem.reason == Reason::Timeout), "{:?}", seen.problems);
    }
}

const SECRET: &str = "Xq7-planted";

#[tokio::test]
async fn no_secret_is_reported() {
    let server = Mongodb::options().login("admin", "right").start().await;
    let url = server.url().replace("right", SECRET);
    let nobody = url.replace(&server.address(), "127.0.0.1:1");
    let text = format!("{{url: 'mongodb://admin@{}/', password: {SECRET}}}", server.address());
    for yaml in [yaml(&url, ""), yaml(&nobody, ""), format!("mongodb: {text}")] {
        let config = config(&yaml).unwrap();
        let mut reported = format!("{config:?} {}", config.definition().target());
        let mut subject = source(&yaml);
        let down = subject.probe().await.unwrap_err();
        let refused = subject.rows(&question("{command: {ping: 1}}")).await.unwrap_err();
        reported.push_str(&format!("{down} {down:?} {refused:?}"));
        assert!(!reported.contains(SECRET), "{reported}");
        assert!(reported.contains("127.0.0.1"), "{reported}");
    }
}
