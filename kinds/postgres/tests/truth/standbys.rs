//! States of a primary with a standby, and of the standby.

use super::known::{Archive, Known, Lag, Moment, Table};
use super::session::{Session, titles};
use super::{Follower, PATIENCE, Watched, add_roles, quiet};
use tempfile::TempDir;
use testkit::postgres::Postgres;
use testkit::process::give_to;
use testkit::proxy::{Mode, Proxy};
use testkit::recount::Recounts;
use testkit::wait::eventually;

/// Commits a row, and waits until a standby has it.
async fn commit(primary: &Postgres, standby: &Postgres, id: u32) -> Moment {
    let (committed, _) = Moment::of(primary.sql(&format!("INSERT INTO orders VALUES ({id})"))).await;
    let found = format!("SELECT count(*) FROM orders WHERE id = {id}");
    eventually(PATIENCE, "it is replayed", async || {
        standby.try_sql(&found).await.is_ok_and(|count| count == "1")
    })
    .await;
    committed
}

/// Waits until the primary knows that its standby has replayed all.
async fn caught_up(primary: &Postgres) {
    let current = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()";
    eventually(PATIENCE, "the standby is current", async || primary.sql(current).await == "1").await;
}

/// What is known of a server with the one table.
fn with_orders() -> Known {
    Known { tables: [("orders".to_owned(), Table::default())].into(), ..Known::default() }
}

fn streams(server: &Postgres) -> bool {
    titles(server).iter().any(|title| title.starts_with("walreceiver streaming"))
}

pub(super) async fn of_a_pair(recounts: &mut Recounts) {
    let settings = ["max_slot_wal_keep_size = 1GB", "wal_keep_size = 32MB", "max_wal_size = 200MB"];
    let server = settings.into_iter().fold(quiet(), |options, line| options.setting(line)).start().await;
    add_roles(&server).await;
    server
        .script(
            "postgres",
            "CREATE TABLE orders (id int);
        SELECT pg_create_physical_replication_slot('standby');
        SELECT pg_create_physical_replication_slot('unused');
        SELECT pg_create_physical_replication_slot('gone', true);
        SELECT pg_create_logical_replication_slot('changes', 'pgoutput');",
        )
        .await;
    let way = Proxy::start(&server.address()).await;
    let replica = quiet().replica_of(&server).setting("primary_slot_name = standby");
    let replica = replica.setting("wal_retrieve_retry_interval = 100ms").start().await;
    replica.follow(&format!("host=127.0.0.1 port={} user=postgres", way.port())).await;
    eventually(PATIENCE, "it streams by way of the proxy", async || way.open() == 1 && streams(&replica))
        .await;
    let committed = commit(&server, &replica, 1).await;
    caught_up(&server).await;

    let slots = [("standby", true), ("unused", false), ("gone", false), ("changes", false)].into();
    let mut known = Known { slots, slots_keep: Some(64), ..with_orders() };
    known.settings.insert("pg_settings_max_wal_size_bytes".to_owned(), 209_715_200.0);
    known.settings.insert("pg_settings_wal_keep_size_bytes".to_owned(), 33_554_432.0);
    let mut primary = Watched::new(&server, known).await;
    let session = Session::open(&replica, "postgres").await;
    primary.followers.push(Follower { session, slot: "standby" });
    primary
        .check(recounts, "a primary with a standby, three physical slots and a logical one", &server)
        .await;

    let known = Known { sessions: 1, streams: true, replayed: Some(committed), ..with_orders() };
    let mut standby = Watched::new(&replica, known).await;
    standby.check(recounts, "a standby", &replica).await;

    replica.sql("SELECT pg_wal_replay_pause()").await;
    let (missing, _) = Moment::of(server.sql("INSERT INTO orders SELECT generate_series(10, 20)")).await;
    let behind = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn = pg_current_wal_lsn() AND replay_lsn < flush_lsn";
    eventually(PATIENCE, "it has received, and not replayed", async || server.sql(behind).await == "1").await;
    // It lags since it lacks a commit, and not for longer than since the last that it has.
    standby.known.lag = Lag::Since(Moment { earliest: committed.earliest, latest: missing.latest });
    standby.check(recounts, "a standby whose replay is paused", &replica).await;
    primary.check(recounts, "a primary whose standby does not replay", &server).await;
    replica.sql("SELECT pg_wal_replay_resume()").await;

    let committed = commit(&server, &replica, 2).await;
    caught_up(&server).await;
    (standby.known.lag, standby.known.replayed) = (Lag::None, Some(committed));
    standby.check(recounts, "a standby whose replay has resumed", &replica).await;

    way.set(Mode::Refuse).await;
    eventually(PATIENCE, "it is cut off", async || !streams(&replica)).await;
    eventually(PATIENCE, "its primary has noticed", async || {
        server.sql("SELECT count(*) FROM pg_stat_replication").await == "0"
    })
    .await;
    let (missing, _) = Moment::of(server.sql("INSERT INTO orders VALUES (3)")).await;
    standby.known.lag = Lag::Since(Moment { earliest: committed.earliest, latest: missing.latest });
    standby.check(recounts, "a standby that is cut off from its primary", &replica).await;
    primary.followers.clear();
    standby.known.sessions = 0;
    primary.known.slots.insert("standby", false);
    primary.check(recounts, "a primary that has lost its standby", &server).await;

    way.set(Mode::Pass).await;
    let committed = commit(&server, &replica, 4).await;
    eventually(PATIENCE, "it streams", async || streams(&replica)).await;
    caught_up(&server).await;
    (standby.known.lag, standby.known.replayed) = (Lag::None, Some(committed));
    standby.check(recounts, "a standby that is connected again", &replica).await;
}

/// A primary that archives, and a standby that has nothing else.
pub(super) async fn of_an_archive(recounts: &mut Recounts) {
    let directory = TempDir::with_prefix("archive-").expect("a temporary directory");
    give_to("postgres", directory.path());
    let [folder, failures, broken, gate] =
        ["segments", "failures", "broken", "gate"].map(|name| directory.path().join(name));
    std::fs::create_dir(&folder).expect("it is writable");
    give_to("postgres", &folder);
    let (to, log, flag) = (folder.display(), failures.display(), broken.display());
    let command = format!("test ! -e {flag} && cp %p {to}/%f || {{ echo %f >> {log}; false; }}");
    let server = quiet().setting("archive_mode = on").setting(&format!("archive_command = '{command}'"));
    let server = server.start().await;
    add_roles(&server).await;
    server.sql("CREATE TABLE orders (id int)").await;
    let archive = Archive { folder: folder.clone(), failures };
    let known = Known { archive: Some(archive), ..with_orders() };
    let mut primary = Watched::new(&server, known).await;
    let switch = async || server.sql("SELECT pg_walfile_name(pg_switch_wal())").await;
    let archived = async |name: &str| {
        let done = format!("SELECT count(*) FROM pg_stat_archiver WHERE last_archived_wal >= '{name}'");
        eventually(PATIENCE, "it is archived", async || server.sql(&done).await == "1").await;
    };
    archived(&switch().await).await;
    primary.check(recounts, "a primary that archives", &server).await;

    // Fed from the archive, as far as the gate lets it.
    let restore = format!("restore_command = 'test -e {} && cp {to}/%f %p'", gate.display());
    let replica = quiet().setting(&restore).setting("wal_retrieve_retry_interval = 100ms");
    std::fs::write(&gate, "").expect("it is writable");
    let replica = replica.replica_of(&server).start().await;
    replica.follow("").await;
    eventually(PATIENCE, "it does not stream", async || !streams(&replica)).await;
    let (first, _) = Moment::of(server.sql("INSERT INTO orders VALUES (1)")).await;
    archived(&switch().await).await;
    let found = "SELECT count(*) FROM orders";
    eventually(PATIENCE, "it is restored", async || replica.sql(found).await == "1").await;
    std::fs::remove_file(&gate).expect("it is there");
    server.sql("INSERT INTO orders VALUES (2)").await;
    archived(&switch().await).await;
    let known = Known { lag: Lag::Since(first), replayed: Some(first), ..with_orders() };
    let mut standby = Watched::new(&replica, known).await;
    standby.check(recounts, "a standby that is fed from an archive, and behind it", &replica).await;
    std::fs::write(&gate, "").expect("it is writable");
    eventually(PATIENCE, "it is restored", async || replica.sql(found).await == "2").await;

    std::fs::write(&broken, "").expect("it is writable");
    server.sql("INSERT INTO orders VALUES (3)").await;
    switch().await;
    // Three attempts a second apart, and then a pause of a minute.
    let failed = "SELECT failed_count FROM pg_stat_archiver";
    eventually(PATIENCE, "it gives up for a while", async || server.sql(failed).await == "3").await;
    primary.check(recounts, "a primary whose archive takes nothing", &server).await;
}
