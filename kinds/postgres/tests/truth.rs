//! Every sample in hard states, recounted from files and processes, and from what the test itself has done.

mod collectors;
mod files;
mod increase;
mod known;
mod recount;
mod replication;
mod scenes;
pub(super) mod session;
mod settings;
mod standbys;
mod statistics;
mod tables;
mod work;

use std::time::Duration;

use self::known::{Known, Side};
use self::recount::{EXPORTER, STRANGER, recount};
use self::session::{Session, asleep, settle};
use super::{EVERY, Subject, yaml};
use testkit::postgres::{Options, Postgres};
use testkit::recount::{Recounts, Series};
use testkit::subject::Surroundings;
use testkit::time::now;

/// A busy machine may need as long.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is compared until the server does nothing of its own meanwhile.
const ATTEMPTS: usize = 10;

/// A standby, and the slot through which it follows.
struct Follower {
    session: Session,
    slot: &'static str,
}

/// The source that watches a server, with what the test knows of that.
struct Watched {
    subject: Subject,
    /// A session of the superuser: one more client.
    watcher: Session,
    known: Known,
    followers: Vec<Follower>,
}

impl Watched {
    async fn new(server: &Postgres, known: Known) -> Self {
        let role = if known.is_monitor { EXPORTER } else { STRANGER };
        let surroundings = Surroundings { timeout: Duration::from_secs(20), ..Surroundings::default() };
        let collect = if known.collects_all { format!(", collect: [{EVERY}]") } else { String::new() };
        let more = format!("top_tables: {}{collect}", known.top_tables);
        let subject = surroundings.source(&yaml(&server.url_as(role, "", "postgres"), &more));
        Self { subject, watcher: watcher(server).await, known, followers: Vec::new() }
    }

    /// A server writes WAL of its own every few seconds: what was compared meanwhile is compared again.
    async fn check(&mut self, recounts: &mut Recounts, state: &str, server: &Postgres) {
        // The exporter's session is a client from its first probe on, and what that reads it may also tidy up.
        self.subject.probe().await.expect("it answers");
        for _ in 0..ATTEMPTS {
            settle(server, self.known.sessions + 2).await;
            let position = self.position().await;
            let began = now();
            let before = self.recount(server, Side::Before).await;
            asleep(server).await;
            let observation = self.subject.probe().await.expect("it answers");
            let after = self.recount(server, Side::After(began)).await;
            if self.position().await == position {
                recounts.compare(state, &before, &observation.families, &after, &[]);
                return;
            }
        }
        panic!("{state}: the WAL does not come to rest");
    }

    /// Where the WAL ends, and on a standby also how far it is replayed.
    async fn position(&mut self) -> Option<String> {
        let position = "SELECT CASE WHEN pg_is_in_recovery()
            THEN concat_ws(' ', pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn()::text END";
        self.watcher.cell(position).await
    }

    async fn recount(&mut self, server: &Postgres, side: Side) -> Series {
        let mut all = recount(server, &mut self.watcher, &self.known, side).await;
        for Follower { session, slot } in &mut self.followers {
            all.extend(replication::follower(&mut self.watcher, session, slot).await);
        }
        all
    }

    /// Kills the server, and starts it again: its statistics begin again, and no session is left.
    async fn crash(&mut self, server: &mut Postgres) {
        server.kill();
        server.restart().await;
        self.watcher = watcher(server).await;
        self.known.forget();
    }
}

/// A session that sees what the server counts at the moment, not a moment ago.
async fn watcher(server: &Postgres) -> Session {
    let mut session = Session::open(server, "postgres").await;
    session.rows("SET stats_fetch_consistency = none").await;
    session
}

/// Nothing happens by itself, and what does is logged.
fn quiet() -> Options {
    let lines = ["autovacuum = off", "checkpoint_timeout = 1h", "log_temp_files = 0", "wal_level = logical"];
    lines.into_iter().fold(Postgres::options(), Options::setting)
}

/// The roles of the exporter, with its rights and without.
async fn add_roles(server: &Postgres) {
    server.script("postgres", include_str!("../role.sql")).await;
    server.sql(&format!("CREATE ROLE {STRANGER} LOGIN")).await;
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    scenes::of_a_primary(&mut recounts).await;
    scenes::of_many_tables(&mut recounts).await;
    collectors::of_every_one(&mut recounts).await;
    standbys::of_a_pair(&mut recounts).await;
    standbys::of_an_archive(&mut recounts).await;
    recounts.finish("postgres");
}
