//! What only some sources collect.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use testkit::recount::{Series, series};

use super::member::Member;
use super::numbers::{numbers, plain};

/// What one server by itself knows.
pub(super) const OF_ONE: &str = "dbstats, collstats, oplog, indexstats, top, currentop, fcv, profile";

/// What a member of a set knows beside that.
pub(super) const OF_SET: &str = "dbstats, collstats, oplog, replicasetconfig";

/// The collections that are declared.
const COLLECTIONS: [&str; 3] = ["orders", "tail", "prices"];

pub(super) async fn of_one(member: &Member) -> Series {
    let version = member.run(doc! {"getParameter": 1, "featureCompatibilityVersion": 1}).await;
    let version = version.get_document("featureCompatibilityVersion").expect("it has one");
    let version = version.get_str("version").expect("a text");
    let as_number = version.parse().expect("a number");
    let mut all =
        Series::from([(series("mongodb_fcv_feature_compatibility_version", &[version]), as_number)]);
    // Nobody has turned on a profiler.
    for database in member.client.list_database_names().await.expect("it answers") {
        all.insert(series("mongodb_profile_slow_query_count", &[&database]), 0.0);
    }
    for collection in COLLECTIONS {
        all.extend(of_indexes(member, collection).await);
    }
    all.extend(of_top(&member.run(doc! {"top": 1}).await));
    all
}

async fn of_indexes(member: &Member, collection: &str) -> Series {
    let of = member.client.database("shop").collection::<Document>(collection);
    let listed = of.aggregate([doc! {"$indexStats": {}}]).await.expect("it answers");
    let listed: Vec<Document> = listed.try_collect().await.expect("it answers");
    let uses = |index: &Document| {
        let name = index.get_str("name").expect("it has a name");
        let uses = index.get_document("accesses").and_then(|accesses| accesses.get_i64("ops"));
        let labels = ["shop", collection, name, ""];
        (series("mongodb_indexstats_accesses_ops", &labels), uses.expect("it counts") as f64)
    };
    listed.iter().map(uses).collect()
}

fn of_top(top: &Document) -> Series {
    let mut all = Series::new();
    for (namespace, counts) in top.get_document("totals").expect("it has some") {
        if let (Bson::Document(counts), Some((database, collection))) = (counts, namespace.split_once('.')) {
            all.extend(numbers("top_", &[database, collection], counts, plain));
        }
    }
    all
}

/// The configuration of a set.
pub(super) async fn of_set(member: &Member) -> Series {
    let answer = member.run(doc! {"replSetGetConfig": 1}).await;
    let config = answer.get_document("config").expect("it has one");
    let mut all = numbers("rs_cfg_", &[], config, plain);
    for configured in
        config.get_array("members").expect("it has members").iter().filter_map(Bson::as_document)
    {
        let host = configured.get_str("host").expect("it has an address");
        all.extend(numbers("rs_cfg_members_", &[host], configured, plain));
    }
    all
}
