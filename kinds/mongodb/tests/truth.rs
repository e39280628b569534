//! Every sample in hard states, recounted by other commands, from the catalogue, by the kernel, and from what the test did.

mod collectors;
mod member;
mod numbers;
mod set;
mod status;

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};
use mongodb::{Client, Collection};
use platform_core::metric::Family;

use self::member::{Member, OPEN_CURSORS};
use super::yaml;
use testkit::mongodb::Mongodb;
use testkit::recount::{Recounts, Series, series};
use testkit::subject::{Subject, Surroundings, value};
use testkit::time::now;
use testkit::wait::{eventually, until};

/// A server on a slow machine has noticed by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// What moves between two readings, and not in one direction. The size of a file follows what is in it.
const MOVING: [&str; 9] = [
    "mongodb_ss_mem_resident",
    "mongodb_dbstats_fsUsedSize",
    "mongodb_dbstats_storageSize",
    "mongodb_dbstats_indexSize",
    "mongodb_dbstats_totalSize",
    "mongodb_dbstats_avgObjSize",
    "mongodb_oplog_stats_avgObjSize",
    "mongodb_oplog_stats_storageSize",
    "mongodb_oplog_stats_totalSize",
];

/// What begins and ends with each command of a client, so that one reading may miss it: by how many.
const FLEETING: [(&str, f64); 8] = [
    ("mongodb_rs_members_pingMs", 5_000.0),
    ("mongodb_members_pingMs", 5_000.0),
    // Members of a set connect to each other in groups.
    ("mongodb_ss_connections", 8.0),
    ("mongodb_pool_connections", 8.0),
    (OPEN_CURSORS, 1.0),
    ("mongodb_oplog_stats_freeStorageSize", 1e6),
    ("mongodb_ss_wt_concurrentTransactions", 2.0),
    // A server begins to count when it has been loaded.
    ("mongodb_ss_uptime", 3.0),
];

/// What means nothing as a sum.
const NOT_SUMMED: [&str; 3] = ["_avgObjSize", "_scaleFactor", "_localTime"];

/// The clock of a server has no smaller unit.
const MILLISECOND: f64 = 1e-3;

/// How many collections the source may export.
const MOST_COLLECTIONS: usize = 1000;

/// A collection that is exported, and its documents, which a time series does not count.
type Declared = (String, Option<f64>);

/// A source, and the server that it reads.
struct Watched {
    subject: Subject,
    collections: Vec<Declared>,
    /// Which series its role allows.
    allows: fn(&str) -> bool,
}

impl Watched {
    /// A source of this URL, whose slow operations last for 200 ms.
    async fn new(url: &str, collections: Vec<Declared>) -> Self {
        Self::collecting(url, collections, "dbstats, collstats, oplog").await
    }

    /// The same with these collectors.
    async fn collecting(url: &str, collections: Vec<Declared>, collect: &str) -> Self {
        let names: Vec<String> = collections.iter().map(|(name, _)| format!("shop.{name}")).collect();
        let names = names.join(", ");
        let more = format!(", slow_operation: 200ms, collections: [{names}], collect: [{collect}]");
        let surroundings = Surroundings { timeout: Duration::from_secs(60), ..Surroundings::default() };
        let mut subject = surroundings.source(&yaml(url, &more));
        // Its connections stay from now on.
        subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
        Self { subject, collections, allows: |_| true }
    }

    async fn probe(&mut self) -> Vec<Family> {
        self.subject.probe().await.unwrap_or_else(|problem| panic!("{problem}")).families
    }

    /// Compares a probe; `more` gives what this state has beside the series of every server.
    async fn check(
        &mut self,
        recounts: &mut Recounts,
        state: &str,
        member: &Member,
        more: impl AsyncFn() -> Series,
    ) -> Vec<Family> {
        let mut before = self.recount(member).await;
        before.extend(more().await);
        let probe = self.probe().await;
        let mut after = self.recount(member).await;
        after.extend(more().await);
        may_change_state(&before, &mut after);
        in_order(&mut before, &mut after);
        before.iter_mut().for_each(|(series, value)| *value -= status::slack(series, *value));
        after.iter_mut().for_each(|(series, value)| *value += status::slack(series, *value));
        for (name, by) in FLEETING {
            widen(&mut before, &mut after, |series| series.starts_with(name), by);
        }
        // Each of them is idle between two batches, and all may be at once.
        let tailing = member.cursors_on_the_oplog().await;
        let is_pinned = |series: &str| series.starts_with(OPEN_CURSORS) && series.ends_with("pinned}");
        widen(&mut before, &mut after, is_pinned, tailing);
        recounts.compare(state, &before, &probe, &after, &MOVING);
        probe
    }

    async fn recount(&self, member: &Member) -> Series {
        let mut all = member.series().await;
        let mut collections = Vec::new();
        for (name, documents) in &self.collections {
            collections.push(member.of_collection("shop", name, *documents).await);
        }
        // Each of the smallest, which come last here, is a part of the rest.
        for collection in collections.split_off(collections.len().min(MOST_COLLECTIONS - 1)) {
            for (name, value) in collection {
                let (name, labels) = name.split_once('{').expect("it has labels");
                let own = labels.split(", ").skip(3).map(|label| label.trim_end_matches('}'));
                let labels: Vec<_> = ["other"; 3].into_iter().chain(own).collect();
                if !NOT_SUMMED.iter().any(|not| name.ends_with(not)) {
                    *all.entry(series(name, &labels)).or_default() += value;
                }
            }
        }
        all.extend(collections.into_iter().flatten());
        all.retain(|name, _| (self.allows)(name));
        all
    }
}

/// Leaves room on both sides of these series.
fn widen(low: &mut Series, high: &mut Series, is_meant: impl Fn(&str) -> bool, by: f64) {
    low.iter_mut().filter(|(series, _)| is_meant(series)).for_each(|(_, value)| *value -= by);
    high.iter_mut().filter(|(series, _)| is_meant(series)).for_each(|(_, value)| *value += by);
}

/// A connection that was idle both times may have been active in between, and the other way round.
fn may_change_state(before: &Series, after: &mut Series) {
    let pools: Vec<String> =
        before.keys().filter(|name| name.starts_with("mongodb_pool_connections")).cloned().collect();
    for name in pools {
        let other = if name.ends_with("active}") {
            name.replace("active}", "idle}")
        } else {
            name.replace("idle}", "active}")
        };
        if !before.contains_key(&other) {
            after.entry(other).or_insert(0.0);
        }
    }
}

/// Slow operations: none, or some of which the first began at about this time.
fn slow(operations: f64, since: Option<f64>) -> Series {
    let mut all = Series::from([("mongodb_currentop_slow_operations".to_owned(), operations)]);
    let oldest = "mongodb_currentop_oldest_slow_operation_timestamp_seconds".to_owned();
    all.extend(since.map(|since| (oldest, since)));
    all
}

fn documents(number: usize) -> Vec<Document> {
    (0..number).map(|n| doc! {"n": i64::try_from(n).expect("it is small")}).collect()
}

/// Collections of each type.
async fn fill(client: &Client) -> Vec<Declared> {
    let shop = client.database("shop");
    shop.run_command(doc! {"create": "tail", "capped": true, "size": 4096, "max": 20})
        .await
        .expect("it is new");
    shop.run_command(doc! {"create": "prices", "timeseries": {"timeField": "at"}}).await.expect("it is new");
    shop.run_command(doc! {"create": "cheap", "viewOn": "orders", "pipeline": []}).await.expect("it is new");
    let prices = (0..50).map(|n| doc! {"at": DateTime::from_millis(1_700_000_000_000 + n), "n": n});
    orders(client).insert_many(documents(30)).await.expect("it takes them");
    shop.collection("tail").insert_many(documents(300)).await.expect("it takes them");
    shop.collection("prices").insert_many(prices).await.expect("it takes them");
    vec![("orders".to_owned(), Some(30.0)), ("tail".to_owned(), Some(20.0)), ("prices".to_owned(), None)]
}

fn orders(client: &Client) -> Collection<Document> {
    client.database("shop").collection("orders")
}

/// How many operations of this sort were counted between two probes.
fn counted(probes: &[Vec<Family>; 2], operation: &str) -> f64 {
    let [before, after] = probes.each_ref().map(|families| {
        let family = families.iter().find(|family| family.desc.name == "mongodb_ss_opcounters");
        let mut samples = family.expect("it is there").samples.iter();
        samples.find(|sample| sample.labels[1] == operation).expect("it is there").value
    });
    after - before
}

/// One server by itself: idle, filled, busy.
async fn of_one(recounts: &mut Recounts) {
    let server = Mongodb::options().standalone().start().await;
    let member = Member::of(&server).await;
    let none = async || slow(0.0, None);
    Watched::new(&server.url(), vec![])
        .await
        .check(recounts, "a standalone server, idle", &member, none)
        .await;

    let collections = fill(&member.client).await;
    let mut watched = Watched::new(&server.url(), collections).await;
    let filled = "collections, a capped one, a time series, a view";
    let before = watched.check(recounts, filled, &member, none).await;

    let mut every = Watched::collecting(&server.url(), watched.collections.clone(), collectors::OF_ONE).await;
    let collected = async || {
        let mut all = slow(0.0, None);
        all.extend(collectors::of_one(&member).await);
        all
    };
    every.check(recounts, "every collector", &member, collected).await;
    drop(every);

    let orders = orders(&member.client);
    for n in 0..7 {
        orders.insert_one(doc! {"n": n}).await.expect("it takes it");
        orders.update_many(doc! {"n": n}, doc! {"$set": {"paid": true}}).await.expect("it takes it");
    }
    orders.delete_one(doc! {"n": 29}).await.expect("it takes it");
    watched.collections[0].1 = Some(36.0);
    let mut cursors = Vec::new();
    for lasts in [false, true] {
        let mut cursor =
            orders.find(doc! {}).batch_size(2).no_cursor_timeout(lasts).await.expect("it answers");
        assert!(cursor.advance().await.expect("it answers"));
        cursors.push(cursor);
    }
    let begin = now() - MILLISECOND;
    let sleeping = orders.clone();
    let waiting =
        tokio::spawn(async move { sleeping.find_one(doc! {"$where": "sleep(600000) || true"}).await });
    until(PATIENCE, "the operation is slow", async || {
        let probe = watched.probe().await;
        (value(&probe, "mongodb_currentop_slow_operations", &[]) == Some(1.0)).then_some(())
    })
    .await;
    let end = std::cell::Cell::new(begin);
    let busy = async || slow(1.0, Some(end.replace(now())));
    let after = watched.check(recounts, "busy: writes, cursors, a slow operation", &member, busy).await;
    let probes = [before, after];
    assert_eq!(["insert", "update", "delete"].map(|of| counted(&probes, of)), [7.0, 7.0, 1.0]);
    waiting.abort();
    drop(cursors);
    queued(recounts, &mut watched, &member).await;
}

/// Writers that wait for a lock.
async fn queued(recounts: &mut Recounts, watched: &mut Watched, member: &Member) {
    eventually(PATIENCE, "the slow operation has ended", async || {
        let probe = watched.probe().await;
        value(&probe, "mongodb_currentop_slow_operations", &[]) == Some(0.0)
    })
    .await;
    member.run(doc! {"fsync": 1, "lock": true}).await;
    let begin = now() - MILLISECOND;
    let writers: Vec<_> = (0..3)
        .map(|n| {
            let orders = orders(&member.client);
            tokio::spawn(async move { orders.insert_one(doc! {"late": n}).await })
        })
        .collect();
    until(PATIENCE, "the writers are slow", async || {
        let probe = watched.probe().await;
        (value(&probe, "mongodb_currentop_slow_operations", &[]) == Some(3.0)).then_some(())
    })
    .await;
    let end = std::cell::Cell::new(begin);
    let late = async || {
        let mut all = slow(3.0, Some(end.replace(now())));
        let status = member.run(doc! {"serverStatus": 1}).await;
        let host = status.get_str("host").expect("it has a name");
        all.insert(series("mongodb_ss_globalLock_currentQueue", &[host, "writers"]), 3.0);
        all.insert(series("mongodb_ss_globalLock_currentQueue", &[host, "readers"]), 0.0);
        all
    };
    watched.check(recounts, "locked: writers wait", member, late).await;
    member.run(doc! {"fsyncUnlock": 1}).await;
    for writer in writers {
        writer.await.expect("it ends").expect("it is written");
    }
}

/// More collections than have series of their own.
async fn of_many(recounts: &mut Recounts) {
    let server = Mongodb::options().standalone().start().await;
    let member = Member::of(&server).await;
    let mut collections = Vec::new();
    for number in 0..MOST_COLLECTIONS + 3 {
        let name = format!("c{number:04}");
        let written = if number < MOST_COLLECTIONS - 1 { 2 } else { 1 };
        let collection = member.client.database("shop").collection(&name);
        collection.insert_many(documents(written)).await.expect("it takes them");
        collections.push((name, Some(written as f64)));
    }
    let mut watched = Watched::new(&server.url(), collections).await;
    let none = async || slow(0.0, None);
    watched.check(recounts, "more collections than have series of their own", &member, none).await;
}

/// The smaller values before the larger ones, from which there is room in both directions.
fn in_order(low: &mut Series, high: &mut Series) {
    for (series, first) in low {
        if let Some(second) = high.get_mut(series).filter(|second| **second < *first) {
            std::mem::swap(first, second);
        }
    }
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    of_one(&mut recounts).await;
    of_many(&mut recounts).await;
    set::of_set(&mut recounts).await;
    recounts.finish("mongodb");
}
