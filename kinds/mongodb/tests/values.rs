//! The golden values are those of the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use platform_core::metric::{Desc, Family};
use platform_core::probe::Reason;
use platform_exporter::registry::Kind;

use super::{PATIENCE, yaml};
use testkit::mongodb::Mongodb;
use testkit::mongodb_fake::{FakeMongodb, bytes, greeting, is_greeting};
use testkit::ports::Port;
use testkit::subject::{source, value};
use testkit::time::now;
use testkit::wait::until;

fn names<'a>(descs: impl IntoIterator<Item = &'a Desc>) -> BTreeSet<&'a str> {
    descs.into_iter().map(|desc| desc.name.as_ref()).collect()
}

fn present(families: &[Family]) -> BTreeSet<&str> {
    names(families.iter().map(|family| &*family.desc))
}

/// What only other servers have, or other states of one.
const OF_OTHERS: [&str; 11] = [
    "mongodb_indexstats_building",
    "mongodb_mongod_locks_time_acquiring_global_microseconds_total",
    "mongodb_mongod_replset_member_last_heartbeat",
    "mongodb_mongod_replset_member_last_heartbeat_recv",
    "mongodb_mongod_replset_member_ping_ms",
    "mongodb_mongod_replset_member_replication_lag",
    "mongodb_ss_locks_acquireWaitCount",
    "mongodb_ss_locks_timeAcquiringMicros",
    "mongodb_ss_opReadConcernCounters",
    "mongodb_ss_transactions_commitTypes",
    "mongodb_ss_wt_concurrentTransactions",
];

#[tokio::test]
async fn a_primary_gives_every_family_of_the_catalogue() {
    let server = Mongodb::start().await;
    let client = server.client().await;
    let orders = client.database("shop").collection::<Document>("orders");
    orders.insert_many([doc! {"n": 1}, doc! {"n": 2}, doc! {"n": 3}]).await.unwrap();
    // Slow from 1 ms on: the one operation that waits here.
    let waiting = tokio::spawn(async move { orders.find_one(doc! {"$where": "sleep(20000) || true"}).await });
    let all =
        "collect: [dbstats, collstats, indexstats, oplog, top, currentop, replicasetconfig, fcv, profile]";
    let more = format!(", collections: [shop.orders], slow_operation: 100ms, compatible: true, {all}");
    let yaml = yaml(&server.url(), &more);
    let mut subject = source(&yaml);
    let seen = until(PATIENCE, "the operation is slow", async || {
        let seen = subject.probe().await.unwrap();
        (value(&seen.families, "mongodb_currentop_slow_operations", &[]) == Some(1.0)).then_some(seen)
    })
    .await;
    waiting.abort();
    assert_eq!(seen.problems, []);
    let facts = Kind::Mongodb.facts();
    let catalogue = (facts.catalogue)();
    let present = present(&seen.families);
    let missing: Vec<_> = names(&catalogue)
        .into_iter()
        .filter(|name| !present.contains(name) && !OF_OTHERS.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
    let prefixes = (facts.prefixes)();
    assert!(present.iter().all(|name| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))));
    assert!((1500..3500).contains(&present.len()), "{}", present.len());
    for family in &seen.families {
        let known = catalogue.iter().find(|desc| desc.name == family.desc.name);
        assert!(known.is_none_or(|known| *known == *family.desc), "{:?}", family.desc);
    }

    let get = |name: &str, labels: &[&str]| value(&seen.families, name, labels);
    let host = host(&server).await;
    assert_eq!(get("mongodb_version_info", &["6.0.5", "Community", "MongoDB"]), Some(1.0));
    assert_eq!(get("mongodb_dbstats_objects", &["shop"]), Some(3.0));
    assert_eq!(get("mongodb_dbstats_collections", &["shop"]), Some(1.0));
    assert_eq!(get("mongodb_collstats_storageStats_count", &["shop", "orders", ""]), Some(3.0));
    // Each document is 4 bytes of length, 17 of _id, 7 of n, and 1 for the end.
    assert_eq!(get("mongodb_collstats_storageStats_size", &["shop", "orders", ""]), Some(3.0 * 29.0));
    assert_eq!(get("mongodb_ss_wt_cache_maximum_bytes_configured", &[&host]), Some(256.0 * 1024.0 * 1024.0));
    assert_eq!(get("mongodb_rs_myState", &[]), Some(1.0));
    let member = server.address();
    assert_eq!(get("mongodb_rs_members_state", &[&member, "PRIMARY"]), Some(1.0));
    assert_eq!(get("mongodb_rs_members_health", &[&member, "PRIMARY"]), Some(1.0));
    for time in
        ["mongodb_oplog_first_timestamp_seconds", "mongodb_currentop_oldest_slow_operation_timestamp_seconds"]
    {
        let age = now() - get(time, &[]).unwrap();
        assert!((0.0..60.0).contains(&age), "{time}: {age}");
    }
    let age = now() - get("mongodb_rs_members_optimeDate", &[&member, "PRIMARY"]).unwrap() / 1e3;
    assert!((-1.0..60.0).contains(&age), "{age}");
}

/// The counters that the probe gives, as the server itself gives them.
const COUNTERS: [(&str, &[&str], &str); 8] = [
    ("mongodb_ss_uptime", &[], "uptime"),
    ("mongodb_ss_connections", &["totalCreated"], "connections.totalCreated"),
    ("mongodb_ss_opcounters", &["insert"], "opcounters.insert"),
    ("mongodb_ss_opcounters", &["command"], "opcounters.command"),
    ("mongodb_ss_opLatencies_latency", &["writes"], "opLatencies.writes.latency"),
    ("mongodb_ss_opLatencies_ops", &["reads"], "opLatencies.reads.ops"),
    ("mongodb_ss_network_bytesIn", &[], "network.bytesIn"),
    (
        "mongodb_ss_metrics_queryExecutor_collectionScans_total",
        &[],
        "metrics.queryExecutor.collectionScans.total",
    ),
];

async fn host(server: &Mongodb) -> String {
    server.run(doc! {"serverStatus": 1}).await.get_str("host").unwrap().to_owned()
}

async fn counters(server: &Mongodb) -> Vec<f64> {
    let status = server.run(doc! {"serverStatus": 1}).await;
    let at = |path: &str| {
        let mut keys = path.split('.');
        let found = status.get(keys.next()?)?;
        match keys.try_fold(found, |value, key| value.as_document()?.get(key))? {
            Bson::Double(number) => Some(*number),
            number => Some(number.as_i64().or(number.as_i32().map(i64::from))? as f64),
        }
    };
    COUNTERS.iter().map(|(_, _, path)| at(path).unwrap_or_else(|| panic!("no {path}"))).collect()
}

#[tokio::test]
async fn counters_are_those_of_the_server() {
    let server = Mongodb::start().await;
    let mut subject = source(&yaml(&server.url(), ""));
    let host = host(&server).await;
    let mut last = 0.0;
    for round in 1..=2 {
        let items = server.client().await.database("shop").collection::<Document>("items");
        for n in 0..7 {
            items.insert_one(doc! {"n": n}).await.unwrap();
        }
        items.find_one(doc! {"n": 100}).await.unwrap();
        let before = counters(&server).await;
        let families = subject.probe().await.unwrap().families;
        let after = counters(&server).await;
        for ((name, labels, _), (before, after)) in COUNTERS.iter().zip(before.iter().zip(&after)) {
            let value = value(&families, name, &[&[&*host], *labels].concat()).unwrap();
            assert!((*before..=*after).contains(&value), "{name} in round {round}: {before} {value} {after}");
        }
        let inserts = value(&families, "mongodb_ss_opcounters", &[&host, "insert"]).unwrap();
        assert!(inserts - last >= 7.0, "{inserts} after {last}");
        last = inserts;
    }
}

/// Its documents are stored in buckets, whose number says nothing.
#[tokio::test]
async fn a_time_series_has_sizes_and_no_count() {
    let server = Mongodb::start().await;
    let shop = server.client().await.database("shop");
    shop.run_command(doc! {"create": "prices", "timeseries": {"timeField": "at"}}).await.unwrap();
    let prices = shop.collection::<Document>("prices");
    let at = |n: i64| doc! {"at": mongodb::bson::DateTime::from_millis(1_700_000_000_000 + n), "n": n};
    prices.insert_many((0..50).map(at)).await.unwrap();
    shop.collection::<Document>("orders").insert_one(doc! {"n": 1}).await.unwrap();
    let mut subject = source(&yaml(&server.url(), ", collections: [shop.prices, shop.orders]"));
    let families = subject.probe().await.unwrap().families;
    let get = |name: &str, collection: &str| value(&families, name, &["shop", collection, ""]);
    assert_eq!(get("mongodb_collstats_storageStats_count", "prices"), None);
    assert!(get("mongodb_collstats_storageStats_size", "prices").unwrap() > 0.0);
    assert_eq!(get("mongodb_collstats_storageStats_count", "orders"), Some(1.0));
}

/// What a member of a set answers that has little to say.
fn answer(command: &str) -> Document {
    match command {
        _ if is_greeting(command) => {
            let mut greeting = greeting();
            let process = ObjectId::from_bytes([7; 12]);
            let version = doc! {"processId": process, "counter": 1_i64};
            greeting.extend(doc! {"setName": "rs0", "topologyVersion": version});
            greeting
        }
        "buildInfo" => doc! {"ok": 1, "version": "6.0.5", "versionArray": [6, 0, 5, 0]},
        "serverStatus" => doc! {"ok": 1, "host": "fake"},
        "replSetGetStatus" => {
            let primary = doc! {"name": "fake", "state": 1, "stateStr": "PRIMARY", "health": 1};
            doc! {"ok": 1, "set": "rs0", "myState": 1, "members": [primary]}
        }
        "aggregate" => doc! {"ok": 1, "cursor": {"id": 0_i64, "ns": "admin.$cmd", "firstBatch": []}},
        _ => doc! {"ok": 1},
    }
}

/// Beside hello: what a server was built from is known after the first probe.
#[tokio::test]
async fn a_probe_sends_few_commands() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    let server = FakeMongodb::start(move |command, _| {
        if !is_greeting(command) {
            log.lock().unwrap().push(command.to_owned());
        }
        bytes(&answer(command))
    })
    .await;
    let url = format!("mongodb://{}/?directConnection=true", server.address());
    let mut subject = source(&yaml(&url, ", compatible: true, collect: []"));
    for first in [vec!["buildInfo"], vec![]] {
        let seen = subject.probe().await.unwrap();
        assert_eq!(seen.problems, []);
        let sent = std::mem::take(&mut *sent.lock().unwrap());
        assert_eq!(sent, [first, vec!["serverStatus", "replSetGetStatus", "aggregate"]].concat());
    }
}

#[tokio::test]
async fn the_pools_of_applications_are_counted() {
    let server = Mongodb::start().await;
    let mut options = mongodb::options::ClientOptions::parse(server.url()).await.unwrap();
    options.app_name = Some("shop".to_owned());
    options.min_pool_size = Some(3);
    let shop = mongodb::Client::with_options(options).unwrap();
    shop.database("admin").run_command(doc! {"ping": 1}).await.unwrap();
    let mut subject = source(&yaml(&server.url(), ""));
    until(PATIENCE, "the pool is full", async || {
        let families = subject.probe().await.unwrap().families;
        // Three in the pool; the driver's monitor has two more, of which one waits for news.
        let total: f64 = ["idle", "active"]
            .iter()
            .filter_map(|state| value(&families, "mongodb_pool_connections", &["shop", state]))
            .sum();
        (total == 5.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_replica_set_is_no_problem() {
    let server = Mongodb::options().standalone().start().await;
    let mut subject = source(&yaml(&server.url(), ""));
    let seen = subject.probe().await.unwrap();
    assert_eq!(seen.problems, []);
    assert_eq!(value(&seen.families, "mongodb_version_info", &["6.0.5", "Community", "MongoDB"]), Some(1.0));
    assert!(!present(&seen.families).iter().any(|name| name.starts_with("mongodb_rs_")));
}

#[tokio::test]
async fn a_set_that_is_not_initiated_is_an_alarm() {
    let server = Mongodb::options().standalone().argument("--replSet=rs0").start().await;
    let seen = source(&yaml(&server.url(), "")).probe().await.unwrap();
    assert!(!seen.problems.is_empty());
    assert!(seen.problems.iter().all(|problem| problem.reason == Reason::Alarm), "{:?}", seen.problems);
    assert_eq!(value(&seen.families, "mongodb_version_info", &["6.0.5", "Community", "MongoDB"]), Some(1.0));
}

const UNREACHABLE: &str = "(not reachable/healthy)";

#[tokio::test]
async fn a_member_that_is_down_is_an_alarm() {
    let server = Mongodb::start().await;
    let nobody = Port::free();
    let mut config = server.run(doc! {"replSetGetConfig": 1}).await.get_document("config").unwrap().clone();
    let version = config.get_i32("version").unwrap();
    config.insert("version", version + 1);
    let host = format!("127.0.0.1:{nobody}");
    let members = config.get_array_mut("members").unwrap();
    members.push(doc! {"_id": 1, "host": &host, "priority": 0, "votes": 0}.into());
    server.run(doc! {"replSetReconfig": config}).await;
    let mut subject = source(&yaml(&server.url_of_set(), ""));
    let seen = until(PATIENCE, "the member is seen to be down", async || {
        let seen = subject.probe().await.unwrap();
        (value(&seen.families, "mongodb_rs_members_state", &[&host, UNREACHABLE]) == Some(8.0))
            .then_some(seen)
    })
    .await;
    assert_eq!(value(&seen.families, "mongodb_rs_members_health", &[&host, UNREACHABLE]), Some(0.0));
    // The server itself reports 1970.
    assert_eq!(value(&seen.families, "mongodb_rs_members_optimeDate", &[&host, UNREACHABLE]), None);
    let problems: Vec<_> = seen.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, [format!("alarm: {host} is DOWN")]);
}

#[tokio::test]
async fn a_set_without_a_primary_still_answers_and_is_an_alarm() {
    let server = Mongodb::start().await;
    let mut subject = source(&yaml(&server.url_of_set(), ""));
    assert_eq!(subject.probe().await.unwrap().problems, []);
    server.run(doc! {"replSetStepDown": 60, "force": true}).await;
    let seen = until(PATIENCE, "the set has no primary", async || {
        subject.probe().await.ok().filter(|seen| !seen.problems.is_empty())
    })
    .await;
    let problems: Vec<_> = seen.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["alarm: the replica set has no primary"]);
    assert_eq!(value(&seen.families, "mongodb_rs_myState", &[]), Some(2.0));
}
