//! The lag of replicas that do not stream, or do not replay: never less than it is, and not the idle time of a primary.

use tempfile::TempDir;

use super::{SOON, Subject, number, postgres, the, value, with};
use testkit::postgres::Postgres;
use testkit::process::give_to;
use testkit::wait::eventually;

const LAG: &str = "pg_replication_lag_seconds";
const HEARD: &str = "pg_stat_wal_receiver_last_msg_receipt_time";
/// The age of the last replayed transaction.
const IDLE: &str = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())";
const RECEIVERS: &str = "SELECT count(*) FROM pg_stat_wal_receiver";

async fn now(server: &Postgres) -> f64 {
    number(server, "SELECT extract(epoch FROM clock_timestamp())").await
}

async fn lag(standby: &mut Subject) -> Option<f64> {
    value(&standby.probe().await.expect("it answers").families, LAG, &[])
}

/// A pair whose replica has replayed a transaction, and then been seen to be current.
async fn pair() -> (Postgres, Postgres, Subject, f64) {
    let server = Postgres::start().await;
    let replica = Postgres::options().setting("wal_retrieve_retry_interval = '100ms'").replica_of(&server);
    let replica = replica.start().await;
    let mut standby = postgres(&replica.url());
    server.sql("CREATE TABLE orders (id int)").await;
    eventually(SOON, "it is replayed", async || replica.try_sql("SELECT FROM orders").await.is_ok()).await;
    // From the next message on, the primary is idle.
    let idle_since = number(&replica, "SELECT extract(epoch FROM pg_last_xact_replay_timestamp())").await;
    let mut heard = 0.0;
    eventually(SOON * 4, "it hears of its primary once more", async || {
        server.sql("SELECT pg_switch_wal()").await;
        let families = standby.probe().await.expect("it answers").families;
        heard = with(&families, HEARD, &[]).into_iter().next().unwrap_or_default();
        value(&families, LAG, &[]) == Some(0.0) && heard > idle_since + 1.0
    })
    .await;
    (server, replica, standby, heard)
}

#[tokio::test]
async fn of_a_replica_that_is_cut_off_grows_from_the_last_message() {
    let (mut server, replica, mut standby, heard) = pair().await;
    server.kill();
    eventually(SOON, "it has no receiver", async || replica.sql(RECEIVERS).await == "0").await;
    let first = lag(&mut standby).await.expect("it is cut off");
    assert!(first > 0.0, "{first}");
    assert!(first <= now(&replica).await - heard, "{first}");
    let idle = number(&replica, IDLE).await;
    assert!(first < idle, "{first} s, of which the primary was idle: {idle}");
    assert!(lag(&mut standby).await.expect("it is cut off") > first);
    // Without a past, it is at most the age of what was replayed last.
    let unknown = lag(&mut postgres(&replica.url())).await.expect("it is cut off");
    assert!(unknown >= idle, "{unknown}");

    server.restart().await;
    eventually(SOON, "it streams again", async || lag(&mut standby).await == Some(0.0)).await;
}

#[tokio::test]
async fn of_a_paused_replay_is_not_the_time_for_which_the_primary_was_idle() {
    let (server, replica, mut standby, heard) = pair().await;
    replica.sql("SELECT pg_wal_replay_pause()").await;
    server.sql("INSERT INTO orders VALUES (1)").await;
    eventually(SOON, "it lags", async || lag(&mut standby).await > Some(0.0)).await;
    let idle = number(&replica, IDLE).await;
    let paused = lag(&mut standby).await.expect("it lags");
    assert!(paused <= now(&replica).await - heard, "{paused}");
    assert!(paused < idle, "{paused} s, of which the primary was idle: {idle}");
}

#[tokio::test]
async fn of_a_replica_that_is_fed_from_an_archive_is_the_age_of_what_it_replayed() {
    let archive = TempDir::with_prefix("archive-").expect("a temporary directory");
    give_to("postgres", archive.path());
    let path = archive.path().display();
    let server = Postgres::options().setting("archive_mode = on");
    let server = server.setting(&format!("archive_command = 'cp %p {path}/%f'")).start().await;
    let replica = Postgres::options().setting("wal_retrieve_retry_interval = '100ms'");
    let replica = replica.setting(&format!("restore_command = 'cp {path}/%f %p'")).replica_of(&server);
    let replica = replica.start().await;
    let mut standby = postgres(&replica.url());
    eventually(SOON, "it streams", async || lag(&mut standby).await == Some(0.0)).await;
    // It had a stream: what that received is still known, and older than what comes from the archive.
    replica.follow("").await;
    eventually(SOON, "the stream ends", async || replica.sql(RECEIVERS).await == "0").await;
    server.sql("CREATE TABLE orders (id int)").await;
    server.sql("SELECT pg_switch_wal()").await;
    eventually(SOON, "it is restored", async || replica.try_sql("SELECT FROM orders").await.is_ok()).await;
    let before = number(&replica, IDLE).await;
    let observation = standby.probe().await.expect("it answers");
    let after = number(&replica, IDLE).await;
    assert_eq!(observation.problems, []);
    let lag = the(&observation.families, LAG, &[]);
    assert!(before <= lag && lag <= after, "{before} {lag} {after}");
    assert_eq!(value(&observation.families, "pg_stat_wal_receiver_active", &[]), None);
    assert_eq!(with(&observation.families, HEARD, &[]), [0.0; 0]);
}

#[tokio::test]
async fn of_a_replica_that_has_replayed_nothing_is_unknown_once_it_is_cut_off() {
    let mut server = Postgres::start().await;
    let replica = Postgres::options().replica_of(&server).start().await;
    let mut standby = postgres(&replica.url());
    eventually(SOON, "it streams", async || lag(&mut standby).await == Some(0.0)).await;
    server.kill();
    eventually(SOON, "it has no receiver", async || replica.sql(RECEIVERS).await == "0").await;
    let families = standby.probe().await.expect("it answers").families;
    assert_eq!(value(&families, LAG, &[]), None);
    assert_eq!(value(&families, "pg_replication_last_replay_timestamp_seconds", &[]), None);
    assert_eq!(the(&families, "pg_stat_wal_receiver_active", &[]), 0.0);
}

#[tokio::test]
async fn of_a_replica_whose_receiver_is_hidden_is_unknown() {
    let server = Postgres::start().await;
    server.sql("CREATE ROLE watcher LOGIN").await;
    let replica = Postgres::options().replica_of(&server).start().await;
    eventually(SOON, "it streams", async || replica.sql(RECEIVERS).await == "1").await;
    let families =
        postgres(&replica.url_as("watcher", "", "postgres")).probe().await.expect("it answers").families;
    assert_eq!(value(&families, LAG, &[]), None);
    assert_eq!(the(&families, "pg_stat_wal_receiver_active", &[]), 1.0);
    let families =
        postgres(&server.url_as("watcher", "", "postgres")).probe().await.expect("it answers").families;
    assert_eq!(the(&families, LAG, &[]), 0.0);
    assert_eq!(value(&families, "pg_stat_replication_replicas", &[]), None);
}
