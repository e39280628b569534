//! The servers that other tests rely on start, answer, freeze, and are gone after their drop.

use std::net::TcpStream;
use std::time::Duration;

use mongodb::bson::doc;
use serde_json::json;

use crate::support::alertmanager::Alertmanager;
use crate::support::mongodb::Mongodb;
use crate::support::postgres::Postgres;
use crate::support::prometheus::Prometheus;
use crate::support::rabbitmq::Rabbitmq;
use crate::support::redis::Redis;
use crate::support::s3::S3;
use crate::support::sts::Sts;
use crate::support::tls::Ca;
use crate::support::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing listens any more where a server was.
fn assert_gone(address: &str) {
    TcpStream::connect(address).expect_err("the server is gone");
}

/// Long enough for every server here to answer, if it ever does.
async fn hangs<T>(answer: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(500), answer).await.is_err()
}

#[tokio::test]
async fn postgres_starts_freezes_and_ends() {
    let mut server = Postgres::start().await;
    let select = async |server: &Postgres| {
        use sqlx::{Connection, Executor};
        let mut connection = sqlx::PgConnection::connect(&server.url()).await?;
        connection.execute("SELECT 1").await
    };
    select(&server).await.expect("it answers");
    server.stop();
    assert!(hangs(select(&server)).await);
    server.resume();
    assert_eq!(server.sql("SELECT 1 + 1").await, "2");
    server.kill();
    assert_gone(&server.address());
    server.restart().await;
    select(&server).await.expect("it answers again");
    let address = server.address();
    drop(server);
    assert_gone(&address);
}

#[tokio::test]
async fn a_frozen_postgres_freezes_open_connections_too() {
    use sqlx::{Connection, Executor};
    let server = Postgres::start().await;
    let mut connection = sqlx::PgConnection::connect(&server.url()).await.expect("it answers");
    server.stop();
    assert!(hangs(connection.execute("SELECT 1")).await);
}

#[tokio::test]
async fn postgres_wants_its_password_over_tls() {
    use sqlx::Connection;
    crate::support::install_ring();
    let ca = Ca::new();
    let server = Postgres::options().password("right").tls(&ca.issue(&["127.0.0.1"])).start().await;
    let trusting = |url: String, ca: &Ca| {
        format!("{url}?sslmode=verify-full&sslrootcert={}", ca.certificate().display())
    };
    sqlx::PgConnection::connect(&trusting(server.url(), &ca)).await.expect("it answers");
    let wrong = server.url_as("postgres", "wrong", "postgres");
    sqlx::PgConnection::connect(&trusting(wrong, &ca)).await.expect_err("the password is wrong");
    sqlx::PgConnection::connect(&trusting(server.url(), &Ca::new()))
        .await
        .expect_err("the authority is unknown");
    let plain = format!("{}?sslmode=disable", server.url());
    sqlx::PgConnection::connect(&plain).await.expect_err("there is no TLS");
}

#[tokio::test]
async fn a_postgres_replica_follows() {
    let primary = Postgres::start().await;
    let replica = Postgres::options().replica_of(&primary).start().await;
    primary.sql("CREATE TABLE t AS SELECT 7 AS n").await;
    eventually(PATIENCE, "the replica has the table", async || {
        replica.try_sql("SELECT n FROM t").await.is_ok_and(|n| n == "7")
    })
    .await;
    assert_eq!(replica.sql("SELECT pg_is_in_recovery()").await, "t");
}

#[tokio::test]
async fn redis_starts_freezes_and_ends() {
    let mut server = Redis::start().await;
    assert_eq!(server.run::<String>(&["PING"]).await, "PONG");
    server.stop();
    assert!(hangs(server.run::<String>(&["PING"])).await);
    server.resume();
    assert_eq!(server.run::<String>(&["PING"]).await, "PONG");
    server.kill();
    assert_gone(&server.address());
    server.restart().await;
    let address = server.address();
    drop(server);
    assert_gone(&address);
}

#[tokio::test]
async fn redis_knows_passwords_users_tls_and_replicas() {
    crate::support::install_ring();
    let ping = async |url: String| {
        let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    let server = Redis::options().password("right").user("reader on >read ~* +ping").start().await;
    ping(server.url()).await.expect("the password is right");
    ping(server.url_as("reader", "read")).await.expect("the user may ping");
    ping(server.url_as("default", "wrong")).await.expect_err("the password is wrong");

    let replica = Redis::options().replica_of(&server).start().await;
    server.run::<()>(&["SET", "key", "value"]).await;
    eventually(PATIENCE, "the replica has the key", async || {
        replica.run::<Option<String>>(&["GET", "key"]).await.as_deref() == Some("value")
    })
    .await;

    let ca = Ca::new();
    let encrypted = Redis::options().tls(&ca, &ca.issue(&["127.0.0.1"])).start().await;
    assert!(encrypted.url().starts_with("rediss://"));
    let unknown = ping(encrypted.url()).await.expect_err("the authority is unknown to the system");
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
}

#[tokio::test]
async fn mongodb_starts_freezes_and_ends() {
    let mut server = Mongodb::start().await;
    let ping = async |server: &Mongodb| server.run(doc! {"ping": 1}).await;
    ping(&server).await;
    server.stop();
    assert!(hangs(ping(&server)).await);
    server.resume();
    ping(&server).await;
    server.kill();
    assert_gone(&server.address());
    server.restart().await;
    let set = mongodb::Client::with_uri_str(server.url_of_set()).await.expect("our own URL");
    let names = set.list_database_names().await.expect("the set has a primary");
    assert!(names.contains(&"admin".to_owned()));
    let address = server.address();
    drop(server);
    assert_gone(&address);
}

#[tokio::test]
async fn mongodb_wants_its_login() {
    let server = Mongodb::options().login("admin", "right").start().await;
    server.run(doc! {"listDatabases": 1}).await;
    let wrong = server.url().replace("right", "wrong");
    let client = mongodb::Client::with_uri_str(wrong).await.expect("our own URL");
    client.list_database_names().await.expect_err("the password is wrong");
}

#[tokio::test]
async fn rabbitmq_starts_freezes_and_ends() {
    let mut broker = Rabbitmq::start().await;
    broker.add_vhost("shop").await;
    broker.add_user("reader", "read", "monitoring").await;
    broker.allow("reader", "shop", "orders").await;
    broker.add_policy("shop", "dead", "^orders$", json!({"dead-letter-exchange": ""})).await;
    broker.add_queue("shop", "orders", json!({"x-max-length": 5})).await;
    broker.publish("shop", "orders", 2).await;
    let count = async |broker: &Rabbitmq| {
        let url = broker.url_as("reader", "read", "shop");
        let connection = lapin::Connection::connect(&url, Default::default()).await?;
        let channel = connection.create_channel().await?;
        let passive = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = channel.queue_declare("orders".into(), passive, Default::default()).await?;
        Ok::<_, lapin::Error>(queue.message_count())
    };
    assert_eq!(count(&broker).await.expect("it answers"), 2);
    eventually(PATIENCE, "the policy shows", async || {
        broker.get("/api/queues/shop/orders").await["policy"] == "dead"
    })
    .await;
    broker.stop();
    assert!(hangs(broker.get("/api/overview")).await);
    broker.resume();
    broker.get("/api/overview").await;
    broker.kill();
    assert_gone(&broker.address());
    broker.restart().await;
    count(&broker).await.expect("it answers again");
    let addresses = [broker.address(), broker.management_address()];
    drop(broker);
    addresses.iter().for_each(|address| assert_gone(address));
}

#[tokio::test]
async fn prometheus_starts_freezes_and_ends() {
    let rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(7)}]}]";
    let config = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n";
    let alertmanager = Alertmanager::start("route: {receiver: nobody}\nreceivers: [{name: nobody}]").await;
    let alerting = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}",
        alertmanager.address()
    );
    let options = Prometheus::options(&format!("{config}{alerting}")).file("rules.yml", rules);
    let server = options.lookback(Duration::from_secs(5)).start().await;
    assert_eq!(server.query("vector(1) + 1").await[0]["value"][1], "2");
    eventually(PATIENCE, "the alert is sent", async || {
        alertmanager.alerts().await[0]["labels"]["alertname"] == "Always"
    })
    .await;
    server.reload("rules.yml", "groups: []").await;
    assert_eq!(server.get("rules").await["groups"], json!([]));
    server.stop();
    assert!(hangs(server.query("vector(1)")).await);
    server.resume();
    server.query("vector(1)").await;
    alertmanager.stop();
    assert!(hangs(alertmanager.alerts()).await);
    alertmanager.resume();
    let addresses = [server.address(), alertmanager.address()];
    drop((server, alertmanager));
    addresses.iter().for_each(|address| assert_gone(address));
}

#[tokio::test]
async fn s3_verifies_signatures() {
    let server = S3::start("key", "right").await;
    server.add_bucket("files");
    server.add_object("files", "a.txt", b"hello");
    use rusty_s3::S3Action;
    let list = async |secret: &str, bucket: &str| {
        let endpoint = server.endpoint().parse().expect("our own URL");
        let bucket =
            rusty_s3::Bucket::new(endpoint, rusty_s3::UrlStyle::Path, bucket.to_owned(), "us-east-1")
                .expect("a bucket's name");
        let credentials = rusty_s3::Credentials::new("key", secret);
        let url = bucket.list_objects_v2(Some(&credentials)).sign(Duration::from_secs(60));
        let response = crate::support::http::client().get(url).send().await.expect("it answers");
        (response.status().as_u16(), response.text().await.expect("it answers in full"))
    };
    let (status, body) = list("right", "files").await;
    assert!(status == 200 && body.contains("<Key>a.txt</Key>"), "{status}: {body}");
    let (status, body) = list("wrong", "files").await;
    assert!(status == 403 && body.contains("SignatureDoesNotMatch"), "{status}: {body}");
    let (status, body) = list("right", "other").await;
    assert!(status == 404 && body.contains("NoSuchBucket"), "{status}: {body}");
    let address = server.address().to_owned();
    drop(server);
    eventually(PATIENCE, "nothing listens", async || TcpStream::connect(&address).is_err()).await;
}

#[tokio::test]
async fn sts_starts_freezes_and_ends() {
    let server = Sts::start().await;
    let ask = async || {
        let scope = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        let request = crate::support::http::client().post(server.endpoint()).header("Authorization", scope);
        let request = request.form(&[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]);
        request.send().await.expect("it answers").text().await.expect("it answers in full")
    };
    assert!(ask().await.contains("<Arn>"));
    server.stop();
    assert!(hangs(ask()).await);
    server.resume();
    ask().await;
    let address = server.address();
    drop(server);
    assert_gone(&address);
}
