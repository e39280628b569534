//! From an account without any right to one that is good for its configuration, by nothing but what is printed.

use std::process::Command;

use mongodb::bson::doc;
use regex::Regex;
use serde_json::json;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::s3::S3;

use super::pasted;

fn query(name: &str, source: &str, text: &str) -> String {
    format!(
        "  - {{name: {name}, source: {source}, every: 1m, {text}, \
         metrics: [{{name: acme_{name}, value: value, help: A value.}}]}}\n"
    )
}

#[tokio::test]
async fn postgres() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE parcels (status text)").await;
    server.sql("CREATE SCHEMA shop").await;
    server.sql("CREATE TABLE shop.\"Orders\" (status text)").await;
    server.sql("CREATE ROLE \"We Watch\" LOGIN").await;
    server.sql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC").await;
    let config = format!(
        "sources:\n  db: {{postgres: {{url: '{}'}}}}\nqueries:\n{}{}",
        server.url_as("We%20Watch", "", "postgres"),
        query("parcels", "db", "sql: 'SELECT count(*) AS value FROM parcels'"),
        query("orders", "db", "sql: 'SELECT count(*) AS value FROM shop.\"Orders\"'"),
    );
    let run = pasted(&config, async |remedy| drop(server.sql(remedy).await)).await.concat();
    assert_eq!(
        run,
        [
            "GRANT CONNECT ON DATABASE postgres TO \"We Watch\";",
            "GRANT pg_monitor TO \"We Watch\";",
            "GRANT SELECT ON parcels TO \"We Watch\";",
            "GRANT USAGE ON SCHEMA shop TO \"We Watch\"; GRANT SELECT ON shop.\"Orders\" TO \"We Watch\";",
        ]
    );
}

#[tokio::test]
async fn redis() {
    let server = Redis::options().user("watcher on >geheim resetkeys resetchannels -@all").start().await;
    server.run::<()>(&["SADD", "members*", "me"]).await;
    server.run::<()>(&["SET", "hb:mail:a", "1"]).await;
    let config = format!(
        "sources:\n  cache: {{redis: {{url: '{}', keys: [{{name: 'queue:tasks'}}]}}}}\n  \
         jobs: {{workers: {{classes: {{mail: {{from: cache, layout: keys, pattern: 'hb:mail:*', interval: 1h}}}}}}}}\n\
         queries:\n{}{}{}",
        server.url_as("watcher", "geheim"),
        query("member", "cache", "redis: {command: [SISMEMBER, 'members*', me]}"),
        query("carts", "cache", "redis: {scan: 'cart:*', id: '^cart:(.+)$', at_least: {a: 1}}")
            .replace("value: value", "value: count"),
        query("lengths", "cache", "labels: [key], redis: {command: [LLEN], keys: [a, b]}"),
    );
    let run = pasted(&config, async |remedy| {
        // As a shell reads it, for which `|` and `*` are special.
        let words = Command::new("sh").arg("-c").arg(format!("printf '%s\\n' {remedy}")).output().unwrap();
        assert!(words.status.success(), "{remedy}: {}", String::from_utf8_lossy(&words.stderr));
        let words = String::from_utf8(words.stdout).unwrap();
        server.run::<()>(&words.lines().collect::<Vec<_>>()).await;
    })
    .await;
    // The server checks a command before its keys.
    assert_eq!(run.len(), 2, "{run:#?}");
    let run = run.concat();
    assert!(run[0].starts_with("ACL SETUSER watcher +ping +info "), "{run:#?}");
    for rule in
        ["+info", "'+slowlog|len'", "+type", "'~queue:tasks'", "+sismember", r"'~members\*'", "'~hb:mail:*'"]
    {
        assert!(
            run.iter().any(|statement| statement.split(' ').any(|word| word == rule)),
            "{rule}: {run:#?}"
        );
    }
    assert!(run.iter().any(|statement| statement.ends_with("'~a' '~b'")), "both keys at once: {run:#?}");
    let writes = server.try_run::<String>(&["ACL", "GETUSER", "watcher"]).await;
    assert!(!format!("{writes:?}").contains("+@"), "{run:#?}");
}

#[tokio::test]
async fn mongodb() {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    let root = server.client().await;
    root.database("shop").collection("orders").insert_one(doc! {"customer": "Ada"}).await.unwrap();
    let watcher = doc! {"createUser": "watcher", "pwd": "geheim", "roles": []};
    root.database("users").run_command(watcher).await.unwrap();
    let url = server.url().replace("root:rootpassword", "watcher:geheim") + "&authSource=users";
    let config = format!(
        "sources:\n  db: {{mongodb: {{url: '{url}', collections: [shop.orders], \
         collect: [dbstats, collstats, indexstats, oplog, top, currentop, replicasetconfig, profile]}}}}\n\
         queries:\n{}",
        query("orders", "db", "mongo: {database: shop, collection: orders, pipeline: [{$count: value}]}"),
    );
    let command = Regex::new(
        r#"^db\.getSiblingDB\("(\w+)"\)\.grantRolesToUser\("(\w+)", \[\{role: "(\w+)", db: "(\w+)"\}\]\)$"#,
    );
    let command = command.unwrap();
    let run = pasted(&config, async |remedy| {
        let [database, user, role, on] = command.captures(remedy).expect(remedy).extract().1;
        let grant = doc! {"grantRolesToUser": user, "roles": [{"role": role, "db": on}]};
        root.database(database).run_command(grant).await.unwrap();
    })
    .await
    .concat();
    let grant = "db.getSiblingDB(\"users\").grantRolesToUser(\"watcher\", ";
    assert_eq!(
        run,
        [
            format!("{grant}[{{role: \"clusterMonitor\", db: \"admin\"}}])"),
            format!("{grant}[{{role: \"read\", db: \"shop\"}}])"),
        ]
    );
}

#[tokio::test]
async fn rabbitmq() {
    let broker = Rabbitmq::start().await;
    for vhost in ["shop", "back%20office"] {
        broker.add_vhost(vhost).await;
        broker.add_queue(vhost, "orders", json!({})).await;
    }
    broker.add_user("watcher", "geheim", "").await;
    let config = format!(
        "sources:\n  broker: {{rabbitmq: {{url: '{}', management_url: 'http://{}', queues: [orders], collect: [queues]}}}}\n",
        broker.url_as("watcher", "geheim", "shop"),
        broker.management_address(),
    );
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("remedy.sh");
    let paste = async |remedy: &str| {
        std::fs::write(&script, remedy).unwrap();
        broker.script(&script, &[], "").await;
    };
    let run = pasted(&config, paste).await.concat();
    assert_eq!(
        run,
        [
            "rabbitmqctl set_permissions -p shop watcher '^$' '^$' '^$'",
            "rabbitmqctl set_user_tags watcher monitoring",
            "rabbitmqctl set_permissions -p 'back office' watcher '^$' '^$' '^$'",
        ]
    );

    // Tags that are known are kept.
    broker.add_user("watcher", "geheim", "management,policymaker").await;
    let run = pasted(&config, paste).await.concat();
    assert_eq!(run, ["rabbitmqctl set_user_tags watcher monitoring policymaker"]);
}

#[tokio::test]
async fn s3() {
    let server = S3::with_policy("key", "secret", r#"{"Statement": []}"#).await;
    server.add_bucket("backups");
    let config = |more: &str| {
        format!(
            "sources:\n  backups: {{s3: {{bucket: backups, endpoint: '{}', access_key_id: key, \
             secret_access_key: secret{more}}}}}\n",
            server.endpoint()
        )
    };
    let paste = async |remedy: &str| server.allow(remedy);
    let statement = |action: &str, resource: &str| {
        format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::{resource}"}}"#)
    };
    // Without a canary, nothing of it is printed.
    assert_eq!(pasted(&config(""), paste).await.concat(), [statement("s3:ListBucket", "backups")]);
    let run = pasted(&config(", canary: {prefix: health}"), paste).await.concat();
    let folder = "backups/health/platform_exporter-backups/*";
    let mut expected =
        ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"].map(|action| statement(action, folder));
    expected.sort();
    let mut sorted = run.clone();
    sorted.sort();
    assert_eq!(sorted, expected, "{run:#?}");
}
