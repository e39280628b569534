//! The servers that other tests rely on start, answer, freeze, and are gone after their drop.

use std::net::TcpStream;
use std::time::Duration;

use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::tls::Ca;

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
    crate::support::wait::eventually(PATIENCE, "the replica has the table", async || {
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
    crate::support::wait::eventually(PATIENCE, "the replica has the key", async || {
        replica.run::<Option<String>>(&["GET", "key"]).await.as_deref() == Some("value")
    })
    .await;

    let ca = Ca::new();
    let encrypted = Redis::options().tls(&ca, &ca.issue(&["127.0.0.1"])).start().await;
    assert!(encrypted.url().starts_with("rediss://"));
    let unknown = ping(encrypted.url()).await.expect_err("the authority is unknown to the system");
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
}
