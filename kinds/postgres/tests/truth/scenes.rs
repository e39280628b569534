//! States of a primary.

use std::collections::BTreeMap;

use tokio::task::JoinHandle;

use super::known::{Known, Moment, Open, Table};
use super::session::{Session, clients, settle, titles};
use super::statistics::of_database;
use super::work::{add_books, work};
use super::{PATIENCE, Watched, add_roles, quiet};
use testkit::postgres::Postgres;
use testkit::recount::Recounts;
use testkit::time::now;
use testkit::wait::{eventually, until};

/// Transactions that are prepared, by database.
const PREPARED: [(&str, &str); 2] = [("postgres", "first"), ("shop", "second")];

pub(super) async fn of_a_primary(recounts: &mut Recounts) {
    let mut server = quiet().setting("max_prepared_transactions = 5").start().await;
    add_roles(&server).await;
    let mut primary = Watched::new(&server, Known::default()).await;
    primary.check(recounts, "an idle primary", &server).await;

    fill(&server, &mut primary).await;
    count_work(&server, &mut primary).await;
    primary.check(recounts, "a known number of rows, rollbacks, temporary files, deadlocks", &server).await;

    // Beyond the others, until it is long.
    let reader = open(&server, &mut primary.known, "postgres", "SELECT 1", "idle in transaction").await;
    let busy = Busy::begin(&server, &mut primary.known).await;
    server.sql("CHECKPOINT").await;
    primary.check(recounts, "open transactions, waiting locks, a long query", &server).await;
    without_rights(recounts, &server, &primary.known).await;
    busy.end(&server, &mut primary.known).await;

    prepare(&server, &mut primary.known).await;
    primary.check(recounts, "prepared transactions", &server).await;
    for (database, name) in PREPARED {
        server.script(database, &format!("COMMIT PREPARED '{name}'")).await;
    }
    primary.known.prepared.clear();
    primary.known.tables.insert("first".to_owned(), Table::default());

    autovacuum(&server, &mut primary).await;
    primary.check(recounts, "after an autovacuum", &server).await;

    let began = primary.known.open[0].began;
    eventually(PATIENCE, "it is open for over a minute", async || now() - began.latest > 61.0).await;
    primary.check(recounts, "a transaction open for over a minute", &server).await;
    drop(reader);

    primary.crash(&mut server).await;
    primary.check(recounts, "restarted after a crash", &server).await;
    server.sql("ANALYZE").await;
    primary.known.forgets_rows = false;
    for (name, table) in &mut primary.known.tables {
        table.analyzed = primary.watcher.number(&format!("SELECT count(*) FROM {name}")).await;
        // Counted by ANALYZE, too.
        table.dead = table.dead_on_disk;
    }
    primary.check(recounts, "restarted after a crash, and analyzed", &server).await;
}

/// Databases, and tables with dead rows.
async fn fill(server: &Postgres, primary: &mut Watched) {
    server.add_database("shop").await;
    add_books(server).await;
    // Each in a session of its own: what one has not yet reported would be added to what ANALYZE finds.
    for script in [
        "CREATE TABLE orders (id int);
         CREATE TABLE own (id int) WITH (autovacuum_vacuum_threshold = 7, autovacuum_vacuum_scale_factor = 0.5);
         CREATE INDEX ON own (id);
         CREATE TABLE notes (body text);
         CREATE TABLE brief (id int) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
         INSERT INTO orders SELECT generate_series(1, 1000);
         INSERT INTO own SELECT generate_series(1, 100);
         INSERT INTO brief SELECT generate_series(1, 50);",
        "ANALYZE",
        "DELETE FROM orders WHERE id <= 40; DELETE FROM own WHERE id <= 3; DELETE FROM brief WHERE id <= 20;",
    ] {
        server.script("postgres", script).await;
        settle(server, 2).await;
    }
    let table = |dead, analyzed| Table { dead, dead_on_disk: dead, analyzed, ..Table::default() };
    primary.known.tables = BTreeMap::from([
        ("orders".to_owned(), table(40.0, 1000.0)),
        ("notes".to_owned(), Table::default()),
        ("own".to_owned(), Table { threshold: 7.0, scale_factor: 0.5, ..table(3.0, 100.0) }),
        ("brief".to_owned(), Table { threshold: 1.0, scale_factor: 0.0, ..table(20.0, 50.0) }),
    ]);
    server
        .script(
            "shop",
            "CREATE TABLE items (id int); CREATE TABLE shared (id int); INSERT INTO shared VALUES (1);",
        )
        .await;
}

/// What the counters of a database are, once it is known what is done there.
async fn count_work(server: &Postgres, primary: &mut Watched) {
    settle(server, 2).await;
    let counted = of_database(&mut primary.watcher, "books").await;
    let done = work(server, 2).await;
    let sums = counted.into_iter().filter_map(|(counter, value)| Some((counter, value + done.get(counter)?)));
    primary.known.work.insert("books", sums.collect());
}

/// A session with a transaction open.
async fn open(
    server: &Postgres,
    known: &mut Known,
    database: &'static str,
    sql: &str,
    state: &'static str,
) -> Session {
    let mut session = Session::open(server, database).await;
    let (began, _) = Moment::of(session.rows("BEGIN")).await;
    // One of the states is that of a transaction which has failed.
    let failed = session.attempt(sql).await.is_err();
    assert_eq!(failed, state.contains("aborted"), "{sql}");
    known.open.push(Open { database, state, waits_for: ["Client", "ClientRead"], began });
    known.sessions += 1;
    session
}

/// Sessions at work in `shop`.
struct Busy {
    idle: Vec<Session>,
    waiting: Vec<JoinHandle<()>>,
}

impl Busy {
    async fn begin(server: &Postgres, known: &mut Known) -> Self {
        let mut idle = vec![Session::open(server, "shop").await, Session::open(server, "shop").await];
        known.sessions += 2;
        let shared = "SELECT FROM shared FOR SHARE";
        let serial = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT FROM shared";
        for (sql, state) in [
            ("LOCK TABLE items", "idle in transaction"),
            (shared, "idle in transaction"),
            (shared, "idle in transaction"),
            (serial, "idle in transaction"),
            ("SELECT 1 / 0", "idle in transaction (aborted)"),
        ] {
            idle.push(open(server, known, "shop", sql, state).await);
        }
        let mut waiting = Vec::new();
        let (lock, sleep) = (["Lock", "relation"], ["Timeout", "PgSleep"]);
        for (sql, waits_for) in [
            ("BEGIN; LOCK TABLE items; COMMIT", lock),
            ("SELECT FROM items", lock),
            ("SELECT pg_sleep(600)", sleep),
        ] {
            let mut session = Session::open(server, "shop").await;
            let started = async {
                let task = async move {
                    // The long query is cancelled in the end.
                    let _ = session.attempt(sql).await;
                    session.close().await;
                };
                waiting.push(tokio::spawn(task));
                let at_work = waiting.len();
                eventually(PATIENCE, sql, async || {
                    let clients = clients(&titles(server));
                    clients
                        .iter()
                        .filter(|client| client.database == "shop" && client.state == "active")
                        .count()
                        == at_work
                })
                .await;
            };
            let (began, ()) = Moment::of(started).await;
            known.open.push(Open { database: "shop", state: "active", waits_for, began });
            known.sessions += 1;
        }
        known.locks = BTreeMap::from([
            // One is held, and one waited for.
            (("shop", "accessexclusivelock"), 2.0),
            (("shop", "rowsharelock"), 2.0),
            // What is selected from, by the one who waits and by the one that is serializable.
            (("shop", "accesssharelock"), 2.0),
            (("shop", "sireadlock"), 1.0),
        ]);
        Self { idle, waiting }
    }

    async fn end(self, server: &Postgres, known: &mut Known) {
        for session in self.idle {
            session.close().await;
        }
        server.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND datname = 'shop'").await;
        for task in self.waiting {
            task.await.expect("it does not panic");
        }
        known.open.retain(|open| open.database != "shop");
        known.locks.clear();
        known.sessions = known.open.len();
    }
}

/// What an account without `pg_monitor` sees of the same server: everything it may see, and no zero for what it may not.
async fn without_rights(recounts: &mut Recounts, server: &Postgres, known: &Known) {
    server.sql("REVOKE CONNECT ON DATABASE books FROM PUBLIC").await;
    let known = Known {
        is_monitor: false,
        closed_to_it: vec!["books"],
        // The exporter that has its rights, and the one who recounts for it.
        sessions: known.sessions + 2,
        ..known.clone()
    };
    let mut stranger = Watched::new(server, known).await;
    stranger.check(recounts, "the same, seen without pg_monitor", server).await;
    stranger.watcher.close().await;
}

async fn prepare(server: &Postgres, known: &mut Known) {
    for (database, name) in PREPARED {
        let script = format!("BEGIN; CREATE TABLE {name} (id int); PREPARE TRANSACTION '{name}';");
        let (prepared, ()) = Moment::of(server.script(database, &script)).await;
        known.prepared.push(prepared);
    }
}

/// Has one table vacuumed by the server itself.
async fn autovacuum(server: &Postgres, primary: &mut Watched) {
    for table in ["orders", "own"] {
        server.sql(&format!("ALTER TABLE {table} SET (autovacuum_enabled = off)")).await;
    }
    let set = async |value: &str| {
        server
            .script(
                "postgres",
                &format!(
                    "ALTER SYSTEM SET autovacuum_naptime = '1s';
            ALTER SYSTEM SET autovacuum = {value}; SELECT pg_reload_conf();"
                ),
            )
            .await;
    };
    let run = async {
        set("on").await;
        let log = "SELECT count(*) FROM pg_stat_user_tables WHERE relname = 'brief' AND n_dead_tup = 0";
        until(PATIENCE, "it is vacuumed", async || (server.sql(log).await == "1").then_some(())).await;
    };
    // It looks at every database.
    primary.known.work.clear();
    let (moment, ()) = Moment::of(run).await;
    set("off").await;
    eventually(PATIENCE, "no vacuum runs", async || {
        !titles(server).iter().any(|title| title.starts_with("autovacuum"))
    })
    .await;
    let live = primary.watcher.number("SELECT count(*) FROM brief").await;
    let table = primary.known.tables.get_mut("brief").expect("it is known");
    *table = Table { dead: 0.0, dead_on_disk: 0.0, analyzed: live, autovacuum: Some(moment), ..*table };
}

/// More tables than have a place, of which ten have the most rows, most of the dead ones, and most reads.
pub(super) async fn of_many_tables(recounts: &mut Recounts) {
    let server = quiet().start().await;
    add_roles(&server).await;
    let tables = "DO $$ BEGIN FOR number IN 1..1500 LOOP
        EXECUTE format('CREATE TABLE t%s (id int)', number);
        EXECUTE format('INSERT INTO t%s SELECT generate_series(1, %s)', number, CASE WHEN number % 150 = 7 THEN 2000 ELSE 210 END);
        EXECUTE format('DELETE FROM t%s WHERE id <= %s', number, CASE WHEN number % 150 = 7 THEN 50 + number / 10 ELSE number % 5 END);
    END LOOP; END $$";
    server.sql(tables).await;
    let dead = |number: i32| if number % 150 == 7 { 50 + number / 10 } else { number % 5 };
    let table = |number| (format!("t{number}"), Table { dead: f64::from(dead(number)), ..Table::default() });
    let known = Known { tables: (1..=1500).map(table).collect(), top_tables: 10, ..Known::default() };
    let mut many = Watched::new(&server, known).await;
    many.check(recounts, "1,500 tables", &server).await;
}
