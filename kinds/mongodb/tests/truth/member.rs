//! A server, by other commands than those of the exporter, by its catalogue, and by the kernel.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Client, Database};
use procfs::Current;
use procfs::net::TcpState;
use procfs::process::{LimitValue, Process};
use testkit::disk::Disk;
use testkit::mongodb::Mongodb;
use testkit::recount::{Series, series};

use super::numbers::{numbers, plain};
use super::status;

/// A member that says nothing for so long is down or hangs.
const SILENCE: Duration = Duration::from_secs(3);

/// The family of the cursors that are open.
pub(super) const OPEN_CURSORS: &str = "mongodb_ss_metrics_cursor_open";

/// A server, and a client of it that stays.
pub(super) struct Member {
    pub(super) client: Client,
    pub(super) address: String,
    pid: i32,
}

/// A number below these keys.
pub(super) fn number(document: &Document, path: &str) -> Option<f64> {
    let mut keys = path.split('.');
    let found = document.get(keys.next()?)?;
    match keys.try_fold(found, |value, key| value.as_document()?.get(key))? {
        Bson::Double(number) => Some(*number),
        Bson::DateTime(time) => Some(time.timestamp_millis() as f64 / 1e3),
        Bson::Timestamp(time) => Some(f64::from(time.time)),
        number => Some(number.as_i64().or(number.as_i32().map(i64::from))? as f64),
    }
}

fn the(document: &Document, path: &str) -> f64 {
    number(document, path).unwrap_or_else(|| panic!("no {path} in {document}"))
}

impl Member {
    pub(super) async fn of(server: &Mongodb) -> Self {
        let pid = server.process().processes().last().expect("it runs").as_raw();
        Self { client: server.client().await, address: server.address(), pid }
    }

    pub(super) async fn run(&self, command: Document) -> Document {
        run(&self.client.database("admin"), command).await
    }

    /// What it says of itself, unless it is down or hangs.
    pub(super) async fn hello(&self) -> Option<Document> {
        let admin = self.client.database("admin");
        let hello = admin.run_command(doc! {"hello": 1});
        tokio::time::timeout(SILENCE, hello).await.ok()?.ok()
    }

    /// Every series but those of slow operations, of a set, and of declared collections.
    pub(super) async fn series(&self) -> Series {
        let asked = doc! {"serverStatus": 1, "mirroredReads": 1, "sharding": 0, "defaultRWConcern": 0};
        let status = self.run(asked).await;
        let host = status.get_str("host").expect("it has a name");
        let mut all = status::series_of(&status);
        all.extend(self.of_process(host));
        all.extend(self.of_operations(host).await);
        let databases = self.client.list_database_names().await.expect("it answers");
        for name in databases {
            all.extend(self.of_database(&name).await);
        }
        if self
            .client
            .database("local")
            .list_collection_names()
            .await
            .expect("it answers")
            .contains(&"oplog.rs".to_owned())
        {
            let oplog = self.client.database("local").collection::<Document>("oplog.rs");
            let first = oplog.find_one(doc! {}).sort(doc! {"$natural": 1}).await.expect("it answers");
            let first = first.expect("a set has one");
            all.insert("mongodb_oplog_first_timestamp_seconds".to_owned(), the(&first, "ts"));
            let stats = run(&self.client.database("local"), doc! {"collStats": "oplog.rs"}).await;
            let rule = |keys: &[&str]| match keys {
                ["wiredTiger", ..] => Some((renamed(keys), Vec::new())),
                _ => None,
            };
            all.extend(numbers("oplog_stats_", &[], &stats, rule));
        }
        all
    }

    /// By the kernel.
    fn of_process(&self, host: &str) -> Series {
        let process = Process::new(self.pid).expect("it runs");
        let memory = process.status().expect("it runs").vmrss;
        let LimitValue::Value(files) = process.limits().expect("it runs").max_open_files.soft_limit else {
            panic!("files are limited")
        };
        // Four in five of its files may be connections.
        let most = (0.8 * files as f64).floor();
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let connections = procfs::net::tcp().expect("Linux has it").into_iter();
        let open = connections.filter(|connection| {
            Some(connection.local_address.port()) == port && connection.state == TcpState::Established
        });
        let open = open.count() as f64;
        Series::from([
            (series("mongodb_ss_uptime", &[host]), uptime(&process)),
            (series("mongodb_ss_mem_resident", &[host]), memory.expect("it has memory") as f64 / 1024.0),
            (series("mongodb_ss_connections", &[host, "current"]), open),
            (series("mongodb_ss_connections", &[host, "available"]), most - open),
        ])
    }

    /// All operations, idle connections, and idle cursors.
    async fn operations(&self) -> Vec<Document> {
        let stage = doc! {"allUsers": true, "idleConnections": true, "idleCursors": true};
        let admin = self.client.database("admin");
        let listed = admin.aggregate([doc! {"$currentOp": stage}]).await.expect("it answers");
        listed.try_collect().await.expect("it answers")
    }

    /// With how many cursors other members of its set read what it has written.
    pub(super) async fn cursors_on_the_oplog(&self) -> f64 {
        let is_on_it = |operation: &&Document| {
            has_cursor(operation) && operation.get_str("ns").is_ok_and(|name| name == "local.oplog.rs")
        };
        self.operations().await.iter().filter(is_on_it).count() as f64
    }

    /// By the list of all operations and connections.
    async fn of_operations(&self, host: &str) -> Series {
        let listed = self.operations().await;
        let count =
            |of: &dyn Fn(&Document) -> bool| listed.iter().filter(|operation| of(operation)).count() as f64;
        let is_active = |operation: &Document| operation.get_bool("active").unwrap_or(false);
        let is_idle_cursor =
            |operation: &Document| operation.get_str("type").is_ok_and(|kind| kind == "idleCursor");
        let waits = |operation: &Document| operation.get_bool("waitingForLock").unwrap_or(false);
        let lasts = |operation: &Document| {
            operation
                .get_document("cursor")
                .and_then(|cursor| cursor.get_bool("noCursorTimeout"))
                .unwrap_or(false)
        };
        let mut all = Series::from([
            (
                series("mongodb_ss_connections", &[host, "active"]),
                count(&|operation| is_active(operation) && operation.contains_key("client")),
            ),
            (series(OPEN_CURSORS, &[host, "total"]), count(&has_cursor)),
            (
                series(OPEN_CURSORS, &[host, "pinned"]),
                count(&|operation| has_cursor(operation) && !is_idle_cursor(operation)),
            ),
            (series(OPEN_CURSORS, &[host, "noTimeout"]), count(&lasts)),
            (series("mongodb_ss_globalLock_currentQueue", &[host, "total"]), count(&waits)),
        ]);
        // One of the exporter's own is active while it asks.
        let mut pools = BTreeMap::from([(("platform_exporter".to_owned(), true), 0.0)]);
        for operation in listed.iter().filter(|operation| operation.contains_key("clientMetadata")) {
            let driver = || operation.get_document("clientMetadata")?.get_document("driver")?.get_str("name");
            let name = operation.get_str("appName").or_else(|_| driver()).expect("drivers have names");
            *pools.entry((name.to_owned(), is_active(operation))).or_default() += 1.0;
        }
        for ((name, active), connections) in pools {
            let state = if active { "active" } else { "idle" };
            all.insert(series("mongodb_pool_connections", &[&name, state]), connections);
        }
        all
    }

    /// Collection by collection. A view holds nothing, and a time series is kept in a collection of buckets.
    async fn of_database(&self, name: &str) -> Series {
        let database = self.client.database(name);
        let mut sums = BTreeMap::<&str, f64>::new();
        let listed = database.list_collections().await.expect("it answers");
        let listed: Vec<_> = listed.try_collect().await.expect("it answers");
        for collection in listed.iter().filter(|collection| is_stored(&collection.collection_type)) {
            let stats = run(&database, doc! {"collStats": &collection.name}).await;
            let objects = match number(&stats, "count") {
                Some(objects) => objects,
                // Buckets of a time series.
                None => the(&run(&database, doc! {"count": &collection.name}).await, "n"),
            };
            for (sum, value) in [
                ("dataSize", the(&stats, "size")),
                ("storageSize", the(&stats, "storageSize")),
                ("indexSize", the(&stats, "totalIndexSize")),
                ("objects", objects),
                ("collections", 1.0),
            ] {
                *sums.entry(sum).or_default() += value;
            }
        }
        let options = self.run(doc! {"getCmdLineOpts": 1}).await;
        let path = options.get_document("parsed").and_then(|parsed| parsed.get_document("storage"));
        let disk = Disk::of(path.and_then(|storage| storage.get_str("dbPath")).expect("a path"));
        sums.extend([("fsTotalSize", disk.size), ("fsUsedSize", disk.size - disk.available)]);
        let mut all = numbers("dbstats_", &[name], &run(&database, doc! {"dbStats": 1}).await, plain);
        all.extend(
            sums.into_iter().map(|(sum, value)| (series(&format!("mongodb_dbstats_{sum}"), &[name]), value)),
        );
        all
    }

    /// The sizes of declared collections; the test knows the numbers of documents.
    pub(super) async fn of_collection(
        &self,
        database: &str,
        collection: &str,
        documents: Option<f64>,
    ) -> Series {
        // The size of a time series is that of its buckets.
        let stored =
            documents.map_or_else(|| format!("system.buckets.{collection}"), |_| collection.to_owned());
        let of = self.client.database(database);
        let size = run(&of, doc! {"dataSize": format!("{database}.{stored}")}).await;
        let stats = run(&of, doc! {"collStats": &stored}).await;
        let mut values = vec![
            ("size", the(&size, "size")),
            ("storageSize", the(&stats, "storageSize")),
            ("totalIndexSize", the(&stats, "totalIndexSize")),
        ];
        values.extend(documents.map(|documents| ("count", documents)));
        let labels = [database, collection, ""];
        let mut all = self.rest_of_collection(database, collection).await;
        all.extend(
            values
                .into_iter()
                .map(|(of, value)| (series(&format!("mongodb_collstats_storageStats_{of}"), &labels), value)),
        );
        all
    }

    /// Whatever else the server says of a collection.
    async fn rest_of_collection(&self, database: &str, collection: &str) -> Series {
        let stage = doc! {"$collStats": {"storageStats": {}, "latencyStats": {}}};
        let of = self.client.database(database).collection::<Document>(collection);
        let listed = of.aggregate([stage]).await.expect("it answers");
        let mut listed: Vec<Document> = listed.try_collect().await.expect("it answers");
        let stats = listed[0].get_document_mut("storageStats").expect("it has some");
        stats.remove("wiredTiger");
        stats.remove("indexDetails");
        let rule = |keys: &[&str]| match keys {
            ["storageStats", "indexSizes", index] => {
                Some(("storageStats_indexSizes".to_owned(), vec![(*index).to_owned()]))
            }
            _ => None,
        };
        numbers("collstats_", &[database, collection, ""], &listed[0], rule)
    }
}

/// The storage engine is `wt` in names.
fn renamed(keys: &[&str]) -> String {
    let path: String = [&["wt"], &keys[1..]].concat().join("_");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

fn uptime(process: &Process) -> f64 {
    let started = process.stat().expect("it runs").starttime as f64 / procfs::ticks_per_second() as f64;
    procfs::Uptime::current().expect("Linux has it").uptime - started
}

fn has_cursor(operation: &Document) -> bool {
    operation.contains_key("cursor")
}

fn is_stored(kind: &mongodb::results::CollectionType) -> bool {
    matches!(kind, mongodb::results::CollectionType::Collection)
}

async fn run(database: &Database, command: Document) -> Document {
    database.run_command(command.clone()).await.unwrap_or_else(|error| panic!("{command}: {error}"))
}
