//! The accounts of the kinds, made on real servers by the scripts as they are handed out: what they hold is
//! enough for everything that a probe exports, and for nothing else.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::{BasicProperties, Channel};
use mongodb::bson::{Bson, doc};
use platform_exporter::registry::Kind;

use crate::packs::exported::check_live;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::s3::S3;
use testkit::stripe::{ApiKey, Permission, StripeServer};
use testkit::subject::Surroundings;

fn script(name: &str) -> (PathBuf, String) {
    let path = testkit::root().join("kinds").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

/// The families that a probe gives, which has nothing to complain of; nor has `check --live`.
async fn families(yaml: &str) -> BTreeSet<String> {
    let surroundings = Surroundings { timeout: Duration::from_secs(30), ..Surroundings::default() };
    let observation = surroundings.source(yaml).probe().await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((observation.failure, observation.problems), (None, vec![]), "{yaml}");
    let directory = tempfile::tempdir().unwrap();
    let config = format!("sources:\n  watched: {{{yaml}, interval: 5m, timeout: 60s}}\n");
    let checked = tokio::task::spawn_blocking(move || check_live(directory.path(), &config)).await.unwrap();
    assert!(checked.0, "{}", checked.1);
    let with_samples = observation.families.iter().filter(|family| !family.samples.is_empty());
    with_samples.map(|family| family.desc.name.to_string()).collect()
}

#[test]
fn what_check_prints_to_paste_is_what_is_handed_out() {
    for (kind, name) in [
        (Kind::Postgres, "postgres/role.sql"),
        (Kind::Mongodb, "mongodb/role.js"),
        (Kind::Redis, "redis/role.acl"),
        (Kind::Rabbitmq, "rabbitmq/role.sh"),
        (Kind::Stripe, "stripe/role.txt"),
        (Kind::S3, "s3/policy.json"),
        (Kind::S3, "s3/policy-canary.json"),
        (Kind::S3, "s3/policy-objects.json"),
    ] {
        assert!(kind.facts().permissions.contains(&script(name).1), "{name}");
    }
}

#[tokio::test]
async fn postgres() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int, status text, customer text)").await;
    let (_, sql) = script("postgres/role.sql");
    for _ in 0..2 {
        server.sql(&sql).await;
    }
    let yaml = |user: &str| format!("postgres: {{url: '{}'}}", server.url_as(user, "", "postgres"));
    assert_eq!(families(&yaml("platform_exporter")).await, families(&yaml("postgres")).await);
    // As whoever has the password, and switches off what can be switched off.
    let attempt = async |sql: &str| {
        let sql = format!(
            "SET SESSION AUTHORIZATION platform_exporter; SET default_transaction_read_only = off; {sql}"
        );
        server.try_sql(&sql).await
    };
    for sql in [
        "SELECT id FROM orders",
        "INSERT INTO orders VALUES (1)",
        "TRUNCATE orders",
        "CREATE TABLE mine (id int)",
        "SELECT pg_reload_conf()",
        "SELECT pg_read_file('postgresql.conf')",
        "ALTER ROLE platform_exporter SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ] {
        let reported = attempt(sql).await.expect_err(sql);
        assert!(reported.contains("ermission denied") || reported.contains("must be"), "{sql}: {reported}");
    }
    let limits = "SELECT rolconnlimit, array_to_string(rolconfig, ' ') FROM pg_roles WHERE rolname = 'platform_exporter'";
    assert_eq!(
        server.sql(limits).await,
        "20|default_transaction_read_only=on statement_timeout=30s idle_in_transaction_session_timeout=30s"
    );
    // What stands there for declared queries lets in to these columns alone.
    let grant = sql.lines().find_map(|line| line.strip_prefix("-- GRANT")).unwrap();
    server.sql(&format!("GRANT{grant}")).await;
    attempt("SELECT id, status FROM orders").await.unwrap();
    attempt("SELECT customer FROM orders").await.unwrap_err();
}

#[tokio::test]
async fn mongodb() {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    let root = server.client().await;
    root.database("shop").collection("orders").insert_one(doc! {"customer": "Ada"}).await.unwrap();
    let (_, text) = script("mongodb/role.js");
    let (_, rest) = text.split_once("const roles = ").unwrap();
    let roles: Bson = serde_json::from_str(rest.split_once(";\n").unwrap().0).unwrap();
    server.run(doc! {"createUser": "platform_exporter", "pwd": "geheim", "roles": roles}).await;
    let own = server.url().replace("root:rootpassword", "platform_exporter:geheim");
    let every =
        "dbstats, collstats, indexstats, oplog, top, currentop, replicasetconfig, system, fcv, profile";
    let more = format!("collections: [shop.orders], compatible: true, collect: [{every}]");
    let yaml = |url: &str| format!("mongodb: {{url: '{url}', {more}}}");
    // A server has more to count from second to second.
    let known: BTreeSet<_> = Kind::Mongodb.facts().families().into_iter().map(|desc| desc.name).collect();
    let listed = async |url: &str| -> BTreeSet<String> {
        families(&yaml(url)).await.into_iter().filter(|name| known.contains(name.as_str())).collect()
    };
    assert_eq!(listed(&own).await, listed(&server.url()).await);
    let client = ::mongodb::Client::with_uri_str(&own).await.unwrap();
    for (database, command) in [
        ("shop", doc! {"find": "orders"}),
        ("shop", doc! {"count": "orders"}),
        ("shop", doc! {"aggregate": "orders", "pipeline": [], "cursor": {}}),
        ("shop", doc! {"insert": "orders", "documents": [{"n": 1}]}),
        ("shop", doc! {"drop": "orders"}),
        ("admin", doc! {"shutdown": 1}),
        ("admin", doc! {"killOp": 1, "op": 1}),
        ("admin", doc! {"createUser": "more", "pwd": "x", "roles": ["root"]}),
    ] {
        let reported =
            client.database(database).run_command(command.clone()).await.expect_err("it is refused");
        assert!(reported.to_string().contains("not authorized"), "{command}: {reported}");
    }
}

#[tokio::test]
async fn redis() {
    let rule = script("redis/role.acl").1.replace("PASSWORD", "geheim");
    let server = Redis::options().setting(&rule).setting("slowlog-log-slower-than 0").start().await;
    for command in [
        &["RPUSH", "queue", "a"][..],
        &["XADD", "events", "1-1", "a", "b"],
        &["SET", "text", "a"],
        &["SADD", "set", "a"],
        &["ZADD", "zset", "1", "a"],
        &["HSET", "hash", "a", "b"],
        &["XGROUP", "CREATE", "events", "readers", "0"],
    ] {
        server.run::<::redis::Value>(command).await;
    }
    let keys =
        ["queue", "events", "text", "set", "zset", "hash", "gone"].map(|key| format!("{{name: {key}}}"));
    let own = server.url_as("platform_exporter", "geheim");
    let yaml = |url: &str| format!("redis: {{url: '{url}', keys: [{}]}}", keys.join(", "));
    assert_eq!(families(&yaml(&own)).await, families(&yaml(&server.url())).await);
    let client = ::redis::Client::open(own).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for words in [
        &["GET", "text"][..],
        &["LRANGE", "queue", "0", "-1"],
        &["SET", "text", "b"],
        &["DEL", "text"],
        &["KEYS", "*"],
        &["FLUSHALL"],
        &["CONFIG", "GET", "requirepass"],
        &["ACL", "LIST"],
        &["CLIENT", "KILL", "TYPE", "normal"],
        &["PUBLISH", "channel", "a"],
        &["MONITOR"],
        &["EVAL", "return 1", "0"],
    ] {
        let answer = ::redis::Cmd::new().arg(words).query_async::<::redis::Value>(&mut connection).await;
        let reported = answer.expect_err("it is refused");
        assert_eq!(reported.code(), Some("NOPERM"), "{words:?}: {reported}");
    }
}

#[tokio::test]
async fn rabbitmq() {
    let broker = Rabbitmq::start().await;
    broker.add_vhost("shop").await;
    broker.add_queue("shop", "orders", serde_json::json!({})).await;
    broker.publish("shop", "orders", 1).await;
    let (path, _) = script("rabbitmq/role.sh");
    for password in ["vergessen\n", "geheim\n"] {
        broker.script(&path, &["/", "shop"], password).await;
    }
    let own = broker.url_as("platform_exporter", "geheim", "shop");
    let yaml = |user: &str, password: &str| {
        let (url, management) = (broker.url_as(user, password, "shop"), broker.management_address());
        format!(
            "rabbitmq: {{url: '{url}', management_url: 'http://{management}', consumers_expected: false}}"
        )
    };
    assert_eq!(
        families(&yaml("platform_exporter", "geheim")).await,
        families(&yaml("operator", "unused")).await
    );
    let connection = lapin::Connection::connect(&own, lapin::ConnectionProperties::default()).await.unwrap();
    let channel = async || -> Channel { connection.create_channel().await.unwrap() };
    let refused = |result: Result<(), lapin::Error>| {
        let reported = result.expect_err("it is refused").to_string();
        assert!(reported.contains("ACCESS_REFUSED") || reported.contains("ACCESS-REFUSED"), "{reported}");
    };
    let publisher = channel().await;
    publisher.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let published = publisher.basic_publish("".into(), "orders".into(), options, b"x", properties).await;
    refused(match published {
        Ok(confirm) => confirm.await.map(|_| ()),
        Err(error) => Err(error),
    });
    let got = channel().await.basic_get("orders".into(), BasicGetOptions::default()).await;
    refused(got.map(|_| ()));
    let declared =
        channel().await.queue_declare("mine".into(), QueueDeclareOptions::default(), <_>::default()).await;
    refused(declared.map(|_| ()));
    let purged = channel().await.queue_purge("orders".into(), <_>::default()).await;
    refused(purged.map(|_| ()));
    // The management interface reads, and changes nothing.
    let client = testkit::http::client();
    for (method, path, body) in [
        ("PUT", "/api/users/more", r#"{"password": "x", "tags": "administrator"}"#),
        ("DELETE", "/api/queues/shop/orders", ""),
        ("DELETE", "/api/queues/shop/orders/contents", ""),
        (
            "POST",
            "/api/queues/shop/orders/get",
            r#"{"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}"#,
        ),
    ] {
        let url = format!("http://{}{path}", broker.management_address());
        let request =
            client.request(method.parse().unwrap(), url).basic_auth("platform_exporter", Some("geheim"));
        let answer = request.body(body).send().await.unwrap();
        let (status, reported) = (answer.status().as_u16(), answer.text().await.unwrap());
        let is_refused = matches!(status, 401 | 403) || reported.contains("ACCESS_REFUSED");
        assert!(is_refused, "{method} {path}: {status}: {reported}");
    }
}

#[tokio::test]
async fn s3() {
    let canary = ", canary: {prefix: health}";
    for (name, keys) in [("s3/policy.json", ""), ("s3/policy-canary.json", canary)] {
        let policy = script(name).1.replace("BUCKET", "backups").replace("CANARY_PREFIX", "health");
        let (limited, free) =
            (S3::with_policy("key", "secret", &policy).await, S3::start("key", "secret").await);
        let yaml = |server: &S3, keys: &str| {
            format!(
                "s3: {{bucket: backups, endpoint: '{}', access_key_id: key, secret_access_key: secret{keys}}}",
                server.endpoint()
            )
        };
        for server in [&limited, &free] {
            server.add_bucket("backups");
            server.add_object("backups", "dump.sql", b"secret");
        }
        assert_eq!(families(&yaml(&limited, keys)).await, families(&yaml(&free, keys)).await);
        // Outside of the folder of the canary, nothing can be read, written or deleted.
        let outside = yaml(&limited, ", canary: {prefix: elsewhere}");
        let surroundings = Surroundings { timeout: Duration::from_secs(30), ..Surroundings::default() };
        let observation = surroundings.source(&outside).probe().await.unwrap();
        assert!(observation.problems[0].to_string().starts_with("permission: put: "), "{observation:?}");
        let bucket = rusty_s3::Bucket::new(
            limited.endpoint().parse().unwrap(),
            rusty_s3::UrlStyle::Path,
            "backups",
            "us-east-1",
        );
        let (bucket, key) = (bucket.unwrap(), rusty_s3::Credentials::new("key", "secret"));
        let client = testkit::http::client();
        let minute = Duration::from_secs(60);
        use rusty_s3::S3Action;
        let get = bucket.get_object(Some(&key), "dump.sql").sign(minute);
        assert_eq!(client.get(get).send().await.unwrap().status(), 403);
        let delete = bucket.delete_object(Some(&key), "dump.sql").sign(minute);
        assert_eq!(client.delete(delete).send().await.unwrap().status(), 403);
        assert_eq!(limited.objects("backups"), ["dump.sql"]);
    }
}

#[tokio::test]
async fn stripe() {
    let (_, text) = script("stripe/role.txt");
    let named = |line: &str| line.split_whitespace().find(|word| word.starts_with("rak_")).map(str::to_owned);
    let named: Vec<_> = text.lines().filter_map(named).collect();
    let all = [
        Permission::Events,
        Permission::WebhookEndpoints,
        Permission::EventDestinations,
        Permission::Subscriptions,
        Permission::Balance,
        Permission::Account,
    ];
    let granted: Vec<_> =
        all.into_iter().filter(|permission| named.iter().any(|name| name == permission.slug())).collect();
    assert_eq!((named.len(), granted.len()), (4, 4), "{named:?}");
    let server = StripeServer::start().await;
    let (least, everything) = ("rk_live_planted1234", "rk_live_planted5678");
    server.state().keys = vec![ApiKey::restricted(least, &granted), ApiKey::restricted(everything, &all)];
    let yaml =
        |key: &str| format!("stripe: {{api_key: {key}, api_base: '{}', subscriptions: true}}", server.url());
    assert_eq!(families(&yaml(least)).await, families(&yaml(everything)).await);
}
