//! The servers that other tests rely on start, answer, freeze, and are gone after their drop.

use std::net::TcpStream;
use std::time::Duration;

use mongodb::bson::doc;
use serde_json::json;

use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::tls::Ca;
use testkit::wait::eventually;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing listens any more where a server was.
pub(crate) fn assert_gone(address: &str) {
    TcpStream::connect(address).expect_err("the server is gone");
}

/// Long enough for every server here to answer, if it ever does.
pub(crate) async fn hangs<T>(answer: impl Future<Output = T>) -> bool {
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
    testkit::install_ring();
    let ca = Ca::generate();
    let server = Postgres::options().password("right").tls(&ca.issue(&["127.0.0.1"])).start().await;
    let trusting = |url: String, ca: &Ca| {
        format!("{url}?sslmode=verify-full&sslrootcert={}", ca.certificate().display())
    };
    sqlx::PgConnection::connect(&trusting(server.url(), &ca)).await.expect("it answers");
    let wrong = server.url_as("postgres", "wrong", "postgres");
    sqlx::PgConnection::connect(&trusting(wrong, &ca)).await.expect_err("the password is wrong");
    sqlx::PgConnection::connect(&trusting(server.url(), &Ca::generate()))
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
    testkit::install_ring();
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

    let ca = Ca::generate();
    let encrypted = Redis::options().tls(&ca, &ca.issue(&["127.0.0.1"])).start().await;
    assert!(encrypted.url().starts_with("rediss://"));
    let unknown = ping(encrypted.url()).await.expect_err("the authority is unknown to the system");
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
}

#[tokio::test]
async fn redis_sentinels_and_clusters_serve() {
    let primary = Redis::start().await;
    let sentinel = Redis::options().sentinel_of(&primary).start().await;
    let address: (String, u16) = sentinel.run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).await;
    assert_eq!(format!("{}:{}", address.0, address.1), primary.address());

    let cluster = Redis::options().cluster().start().await;
    cluster.take_all_slots().await;
    cluster.run::<()>(&["SET", "key", "value"]).await;
    let client = redis::cluster::ClusterClient::new([cluster.url()]).expect("our own URL");
    let mut connection = client.get_async_connection().await.expect("it answers");
    let value: String = redis::cmd("GET").arg("key").query_async(&mut connection).await.expect("it answers");
    assert_eq!(value, "value");
}

#[test]
#[should_panic(expected = "run `make deps`")]
fn a_missing_server_is_reported_with_the_fix() {
    testkit::process::command("no-such-server");
}

#[tokio::test]
#[should_panic(expected = "nonsense")]
async fn a_server_that_does_not_start_is_reported_with_its_log() {
    Redis::options().setting("nonsense 1").start().await;
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
    let queues = broker.get("/api/queues/shop?disable_stats=true&enable_queue_totals=true").await;
    assert_eq!((&queues[0]["policy"], &queues[0]["messages_ready"]), (&json!("dead"), &json!(2)));
    broker.stop();
    assert!(hangs(broker.get("/api/overview")).await);
    broker.resume();
    broker.get("/api/overview").await;
    broker.restart().await;
    count(&broker).await.expect("the queue is durable");
    broker.kill();
    assert_gone(&broker.address());
    let addresses = [broker.address(), broker.management_address()];
    drop(broker);
    addresses.iter().for_each(|address| assert_gone(address));
}
