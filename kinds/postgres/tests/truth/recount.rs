//! Every series of a server, without the views that the exporter asks: from its processes and files, from what the
//! scenario did, and, where the server alone can know, from its functions and single rows of its catalogs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files;
use super::known::{Known, Lag, Moment, Open, Side};
use super::session::{Client, Session, clients, titles};
use super::{collectors, replication, settings, statistics, tables};
use testkit::postgres::Postgres;
use testkit::recount::{Series, series};
use testkit::time::now;

/// The role of the exporter with all rights.
pub(super) const EXPORTER: &str = "platform_exporter";
/// The same without them.
pub(super) const STRANGER: &str = "stranger";

const STATES: [&str; 6] = [
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
];

const MODES: [&str; 9] = [
    "accesssharelock",
    "rowsharelock",
    "rowexclusivelock",
    "shareupdateexclusivelock",
    "sharelock",
    "sharerowexclusivelock",
    "exclusivelock",
    "accessexclusivelock",
    "sireadlock",
];

/// A row of `pg_database`.
pub(super) struct Database {
    pub(super) oid: String,
    pub(super) name: String,
    pub(super) accepts: bool,
    frozen_xid: f64,
    frozen_multixact: f64,
}

pub(super) async fn recount(server: &Postgres, watcher: &mut Session, known: &Known, side: Side) -> Series {
    let data = PathBuf::from(watcher.cell("SHOW data_directory").await.expect("it is set"));
    let databases = databases(watcher).await;
    let open: Vec<&Database> = databases.iter().filter(|database| database.accepts).collect();
    let mut all = settings::settings(watcher, known).await;
    all.extend(settings::version(watcher).await);
    all.extend(settings::roles(watcher).await);
    let (started, is_replica) = files::server(&data);
    all.insert("pg_postmaster_start_time_seconds".to_owned(), side.time(started));
    all.insert("pg_replication_is_replica".to_owned(), f64::from(is_replica));
    let titles = titles(server);
    all.extend(activity(&clients(&titles), &open, known, side));
    all.extend(transactions(known, side));
    all.extend(statistics::databases(watcher, &databases, &titles, known).await);
    all.extend(wraparound(watcher, &databases).await);
    all.extend(locks(watcher, &open, known).await);
    let blocked = clients(&titles).iter().filter(|client| client.waits).count();
    all.insert("pg_blocked_sessions".to_owned(), number(blocked));
    all.extend(replication::recount(watcher, &titles, is_replica, known, side).await);
    let own = databases.iter().find(|database| database.name == "postgres").expect("every server has it");
    all.extend(tables::tables(watcher, &data.join("base").join(&own.oid), is_replica, known, side).await);
    all.extend(statistics::background(watcher, &data, known, side).await);
    all.extend(files::sizes(&data, &databases, known));
    if known.collects_all {
        all.extend(collectors::recount(watcher, &clients(&titles), side).await);
    }
    if known.is_monitor {
        all.extend(files::wal(&data, known.archive.is_some()));
    }
    all
}

pub(super) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a small number"))
}

pub(super) fn parsed(cell: Option<&String>) -> f64 {
    cell.and_then(|text| text.parse().ok()).expect("a number")
}

async fn databases(watcher: &mut Session) -> Vec<Database> {
    let rows =
        watcher.rows("SELECT oid, datname, datallowconn, datfrozenxid, datminmxid FROM pg_database").await;
    let database = |row: Vec<Option<String>>| {
        let [oid, name, accepts, xid, multixact] = <[_; 5]>::try_from(row).expect("five columns");
        Database {
            oid: oid.expect("it has one"),
            name: name.expect("it has one"),
            accepts: accepts.as_deref() == Some("t"),
            frozen_xid: parsed(xid.as_ref()),
            frozen_multixact: parsed(multixact.as_ref()),
        }
    };
    rows.into_iter().map(database).collect()
}

/// Who the exporter is.
fn user(known: &Known) -> &'static str {
    if known.is_monitor { EXPORTER } else { STRANGER }
}

/// Sessions by the titles of their processes. The exporter's own is at work when it is the one who counts.
fn activity(clients: &[Client], databases: &[&Database], known: &Known, side: Side) -> Series {
    let mut all = Series::new();
    let mut sessions: BTreeMap<[&str; 7], usize> = BTreeMap::new();
    for client in clients {
        let is_own = client.user == user(known);
        let (state, kind, [wait, event]) = match client {
            _ if is_own => ("active", "client backend", ["", ""]),
            _ if !known.is_monitor => ("unknown", "", ["", ""]),
            Client { state, .. } => (*state, "client backend", client.waits_for()),
        };
        let application = if is_exporter(&client.user) { EXPORTER } else { "" };
        let labels = [&client.database, state, &client.user, application, kind, wait, event];
        *sessions.entry(labels).or_default() += 1;
    }
    let own = match side {
        Side::Before => None,
        Side::After(began) => {
            let began = Moment { earliest: began, latest: now() };
            Some(Open { database: "postgres", state: "active", waits_for: ["", ""], began })
        }
    };
    for database in databases.iter().map(|database| database.name.as_str()) {
        let is_hidden = sessions.keys().any(|labels| labels[..2] == [database, "unknown"]);
        for state in STATES.into_iter().chain(is_hidden.then_some("unknown")) {
            let found = sessions.iter().filter(|(labels, _)| labels[..2] == [database, state]);
            let mut found: Vec<_> = found.map(|(labels, count)| (*labels, *count)).collect();
            if found.is_empty() {
                found.push(([database, state, "", "", "", "", ""], 0));
            }
            for (labels, count) in found {
                all.insert(series("pg_stat_activity_count", &labels), number(count));
                if is_hidden || state.ends_with("(aborted)") && count > 0 {
                    continue;
                }
                let [database, state, .., wait, event] = labels;
                let open = known.open.iter().chain(&own).filter(|open| {
                    (open.database, open.state, open.waits_for) == (database, state, [wait, event])
                });
                let longest = open.map(|open| side.age(open.began)).fold(0.0, f64::max);
                all.insert(series("pg_stat_activity_max_tx_duration", &labels), longest);
            }
        }
    }
    all
}

fn is_exporter(user: &str) -> bool {
    [EXPORTER, STRANGER].contains(&user)
}

/// What has been open for long, and what is prepared.
fn transactions(known: &Known, side: Side) -> Series {
    let mut all = Series::from([("pg_prepared_transactions".to_owned(), number(known.prepared.len()))]);
    let oldest =
        |moments: &mut dyn Iterator<Item = Moment>| moments.map(|it| side.time(it)).min_by(f64::total_cmp);
    if let Some(oldest) = oldest(&mut known.prepared.iter().copied()) {
        all.insert("pg_prepared_transactions_oldest_timestamp_seconds".to_owned(), oldest);
    }
    if known.is_monitor {
        // A server forgets when one that has failed began.
        let open = known.open.iter().filter(|open| !open.state.ends_with("(aborted)"));
        let open: Vec<_> = open.map(|open| open.began).collect();
        all.insert("pg_long_running_transactions".to_owned(), number(open.len()));
        let long = open.into_iter().filter(|it| now() - it.latest > 60.0);
        let age = long.map(|began| side.age(began)).fold(0.0, f64::max);
        all.insert("pg_long_running_transactions_oldest_timestamp_seconds".to_owned(), age);
    }
    all
}

/// How many ids were given out since the oldest that is not frozen. The next one follows all that have ended, and all
/// that are held.
async fn wraparound(watcher: &mut Session, databases: &[Database]) -> Series {
    let ended = watcher.number("SELECT pg_snapshot_xmax(pg_current_snapshot())").await;
    let held = watcher.rows("SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid'").await;
    let next = held.iter().map(|row| parsed(row[0].as_ref()) + 1.0).fold(ended, f64::max);
    let next_multixact = watcher.number("SELECT next_multixact_id FROM pg_control_checkpoint()").await;
    let ages = databases.iter().flat_map(|database| {
        let of = |name: &str| series(name, &[&database.name]);
        [
            (of("pg_database_wraparound_age_datfrozenxid_seconds"), next - database.frozen_xid),
            (of("pg_database_wraparound_age_datminmxid_seconds"), next_multixact - database.frozen_multixact),
            (of("pg_database_connection_limit"), -1.0),
        ]
    });
    ages.collect()
}

/// One by one, without our own. The exporter locks the view that it reads.
async fn locks(watcher: &mut Session, databases: &[&Database], known: &Known) -> Series {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in
        watcher.rows("SELECT database, mode FROM pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid()").await
    {
        let database = row[0].as_ref().and_then(|oid| databases.iter().find(|database| &database.oid == oid));
        if let (Some(database), Some(mode)) = (database, &row[1]) {
            *counts.entry((database.name.clone(), mode.to_lowercase())).or_default() += 1;
        }
    }
    *counts.entry(("postgres".to_owned(), "accesssharelock".to_owned())).or_default() += 1;
    let mut all = Series::new();
    for database in databases {
        for mode in MODES {
            let count = counts.get(&(database.name.clone(), mode.to_owned())).copied().unwrap_or_default();
            all.insert(series("pg_locks_count", &[&database.name, mode]), number(count));
        }
    }
    let taken =
        known.locks.iter().map(|((name, mode), count)| (series("pg_locks_count", &[name, mode]), *count));
    all.extend(taken);
    all
}

/// The log that a server writes beside its data.
pub(super) fn log(data: &Path) -> String {
    let log = data.parent().expect("it has a directory of its own").join("postgres.log");
    String::from_utf8_lossy(&std::fs::read(log).expect("it has a log")).into_owned()
}

pub(super) fn lag(known: &Known, side: Side) -> f64 {
    match known.lag {
        Lag::None => 0.0,
        Lag::Since(moment) => side.age(moment),
    }
}
