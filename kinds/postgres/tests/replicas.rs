//! Lag is what a replica still has to replay, and a replica that is cut off says so.

use platform_core::probe::Reason;

use super::{SOON, postgres, reasons, the, value};
use testkit::postgres::Postgres;
use testkit::wait::eventually;

#[tokio::test]
async fn lag_only_while_there_is_something_to_replay() {
    let server = Postgres::start().await;
    let replica = Postgres::options().replica_of(&server).start().await;
    let (mut primary, mut standby) = (postgres(&server.url()), postgres(&replica.url()));
    server.sql("CREATE TABLE orders (id int)").await;
    eventually(SOON, "it is replayed", async || replica.try_sql("SELECT FROM orders").await.is_ok()).await;

    // The primary is idle from here on: time alone makes no lag.
    let observation = standby.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    let families = observation.families;
    assert_eq!(the(&families, "pg_replication_is_replica", &[]), 1.0);
    assert_eq!(the(&families, "pg_replication_lag_seconds", &[]), 0.0);
    assert_eq!(the(&families, "pg_stat_wal_receiver_active", &[]), 1.0);
    let replayed = the(&families, "pg_replication_last_replay_timestamp_seconds", &[]);
    let reported: f64 =
        replica.sql("SELECT extract(epoch FROM pg_last_xact_replay_timestamp())").await.parse().unwrap();
    assert_eq!(replayed, reported);

    replica.sql("SELECT pg_wal_replay_pause()").await;
    server.sql("INSERT INTO orders VALUES (1)").await;
    let lag = async |standby: &mut super::Subject| {
        the(&standby.probe().await.expect("it answers").families, "pg_replication_lag_seconds", &[])
    };
    eventually(SOON, "it lags", async || lag(&mut standby).await > 0.0).await;
    let families = primary.probe().await.expect("it answers").families;
    let behind = the(&families, "pg_stat_replication_pg_wal_lsn_diff", &["walreceiver", "", "streaming", ""]);
    assert!(behind > 0.0, "{behind}");
    assert_eq!(the(&families, "pg_stat_replication_replicas", &[]), 1.0);
    assert_eq!(value(&families, "pg_stat_wal_receiver_active", &[]), None);

    replica.sql("SELECT pg_wal_replay_resume()").await;
    eventually(SOON, "it has caught up", async || lag(&mut standby).await == 0.0).await;
}

#[tokio::test]
async fn that_receive_nothing_raise_an_alarm_until_they_do() {
    let mut server = Postgres::start().await;
    let replica = Postgres::options().setting("wal_retrieve_retry_interval = '100ms'").replica_of(&server);
    let replica = replica.start().await;
    let mut standby = postgres(&replica.url());
    let alarmed = async |standby: &mut super::Subject| {
        let observation = standby.probe().await.expect("it answers");
        let active = the(&observation.families, "pg_stat_wal_receiver_active", &[]);
        let alarmed = reasons(&observation) == [Reason::Alarm];
        assert_eq!(alarmed, active == 0.0);
        alarmed
    };
    eventually(SOON, "it streams", async || !alarmed(&mut standby).await).await;
    server.kill();
    eventually(SOON, "it misses its primary", async || alarmed(&mut standby).await).await;
    server.restart().await;
    eventually(SOON, "it streams again", async || !alarmed(&mut standby).await).await;
}

#[tokio::test]
async fn with_a_slot_make_the_primary_keep_wal_that_is_counted() {
    let server = Postgres::start().await;
    server.sql("SELECT pg_create_physical_replication_slot('gone', true)").await;
    server.sql("SELECT pg_switch_wal()").await;
    let mut primary = postgres(&server.url());
    let families = primary.probe().await.expect("it answers").families;
    assert_eq!(the(&families, "pg_replication_slots_active", &["gone", ""]), 0.0);
    let kept = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots";
    let kept: f64 = server.sql(kept).await.parse().unwrap();
    assert_eq!(the(&families, "pg_replication_slots_pg_wal_lsn_diff", &["gone", ""]), kept);
}
