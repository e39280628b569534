//! Replicas that are cut off, do not replay, or cancel queries, and an archive that takes nothing.

use std::collections::BTreeSet;
use std::fs::File;

use tempfile::TempDir;

use super::{HOUR, MINUTE, PATIENCE, add_role, is_up, of_postgres, transactions, watch};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::Seen;
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::process::give_to;
use testkit::proxy::{Mode, Proxy};
use testkit::wait::eventually;

const LAG: &str = "pg_replication_lag_seconds{source=\"replica\"}";
const RECEIVES: &str = "pg_stat_wal_receiver_active{source=\"replica\"}";
const REPLICAS: &str = "pg_stat_replication_replicas{source=\"primary\"}";

pub(super) async fn of_a_pair() -> BTreeSet<Seen> {
    let mut primary = Postgres::start().await;
    add_role(&primary).await;
    primary.sql("CREATE TABLE orders (id int)").await;
    let way = Proxy::start(&primary.address()).await;
    let settings = ["wal_retrieve_retry_interval = 100ms", "max_standby_streaming_delay = 0"];
    let options = settings.into_iter().fold(Postgres::options(), |options, line| options.setting(line));
    let replica = options.replica_of(&primary).start().await;
    replica.follow(&format!("host=127.0.0.1 port={} user=postgres", way.port())).await;
    eventually(PATIENCE, "it streams by way of the proxy", async || way.open() == 1).await;
    let exporter = watch(&[("primary", &primary), ("replica", &replica)]).await;
    let mut drills = Drills::of(&exporter);

    pair_is_well(&exporter, &mut drills).await;
    cancelled(&primary, &replica, &exporter, &mut drills).await;

    pair_is_well(&exporter, &mut drills).await;
    replica.sql("SELECT pg_wal_replay_pause()").await;
    primary.sql("INSERT INTO orders VALUES (1)").await;
    exporter.wait_until(LAG, |lag| lag > 0.0, PATIENCE).await;
    let alerts = [("PostgresReplicationLag", "critical"), ("PostgresReplicationLag", "warning")];
    drills.fires(30 * MINUTE, &alerts).await;
    replica.sql("SELECT pg_wal_replay_resume()").await;

    pair_is_well(&exporter, &mut drills).await;
    way.set(Mode::Refuse).await;
    exporter.wait_for(RECEIVES, 0.0, PATIENCE).await;
    exporter.wait_for(REPLICAS, 0.0, PATIENCE).await;
    let alerts = [
        // By what the replica says of itself.
        ("PlatformSourceDegraded", "warning"),
        ("PostgresReplicaDisconnected", "critical"),
        ("PostgresReplicaLost", "warning"),
        // What it gives is stale.
        ("PostgresReplicationLag", "warning"),
    ];
    drills.fires(30 * MINUTE, &alerts).await;
    way.set(Mode::Pass).await;

    // After a failover there is no replica that could miss anything.
    pair_is_well(&exporter, &mut drills).await;
    primary.kill();
    is_up(&exporter, "primary", 0.0).await;
    replica.sql("SELECT pg_promote()").await;
    exporter.wait_for("pg_replication_is_replica{source=\"replica\"}", 0.0, PATIENCE).await;
    drills.fires(30 * MINUTE, &[("PlatformSourceDown", "critical")]).await;
    drills.seen()
}

async fn pair_is_well(exporter: &Exporter, drills: &mut Drills<'_>) {
    exporter.wait_for(RECEIVES, 1.0, PATIENCE).await;
    exporter.wait_for(REPLICAS, 1.0, PATIENCE).await;
    exporter.wait_for(LAG, 0.0, PATIENCE).await;
    drills.well().await;
}

/// Queries that are in the way of what is replayed.
async fn cancelled(primary: &Postgres, replica: &Postgres, exporter: &Exporter, drills: &mut Drills<'_>) {
    let readers = transactions(replica, 14, "SELECT FROM orders").await;
    primary.sql("TRUNCATE orders").await;
    // A query of others may be cancelled, too.
    let cancelled = of_postgres(replica, "replica", "conflicts").await;
    exporter.wait_until(&cancelled, |conflicts| conflicts >= 14.0, PATIENCE).await;
    exporter.wait_for(LAG, 0.0, PATIENCE).await;
    drills.fires(30 * MINUTE, &[("PostgresReplicaConflicts", "warning")]).await;
    drop(readers);
}

/// A primary that archives, and a replica that has nothing else.
pub(super) async fn of_an_archive() -> BTreeSet<Seen> {
    let archive = TempDir::with_prefix("archive-").expect("a temporary directory");
    give_to("postgres", archive.path());
    let path = archive.path().display();
    let options = Postgres::options().setting("archive_mode = on");
    let command = format!("archive_command = 'test ! -e {path}/full && cp %p {path}/%f'");
    let primary = options.setting(&command).start().await;
    add_role(&primary).await;
    let options = Postgres::options().setting("wal_retrieve_retry_interval = 100ms");
    let options = options.setting(&format!("restore_command = 'cp {path}/%f %p'"));
    let replica = options.replica_of(&primary).start().await;
    replica.follow("").await;
    primary.script("postgres", "CREATE TABLE orders (id int); SELECT pg_switch_wal();").await;
    let found = "SELECT FROM orders";
    eventually(PATIENCE, "it is restored", async || replica.try_sql(found).await.is_ok()).await;
    let exporter = watch(&[("primary", &primary), ("replica", &replica)]).await;
    let mut drills = Drills::of(&exporter);

    exporter.wait_until(LAG, |lag| lag > 0.0, PATIENCE).await;
    drills.well().await;
    File::create(archive.path().join("full")).expect("it is writable");
    primary.script("postgres", "INSERT INTO orders VALUES (1); SELECT pg_switch_wal();").await;
    pile_up(&primary);
    let failed = "pg_stat_archiver_failed_count{source=\"primary\"}";
    exporter.wait_until(failed, |count| count >= 3.0, PATIENCE).await;
    exporter.wait_until("pg_wal_size_bytes{source=\"primary\"}", |bytes| bytes > 6e9, PATIENCE).await;
    let alerts = [
        ("PostgresArchiveFailing", "critical"),
        ("PostgresArchiveFailing", "warning"),
        // Its last transaction comes from the archive.
        ("PostgresReplicationLag", "info"),
        ("PostgresWalLarge", "warning"),
    ];
    drills.fires(HOUR + 15 * MINUTE, &alerts).await;
    drills.seen()
}

/// Six GiB of segments, which take no room on the disk.
fn pile_up(server: &Postgres) {
    for number in 0..6 * 64 {
        let name = format!("0000000100000040{number:08X}");
        let segment = File::create(server.data().join("pg_wal").join(name)).expect("it is writable");
        segment.set_len(16 << 20).expect("it is writable");
    }
}
