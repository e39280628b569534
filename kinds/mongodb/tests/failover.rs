//! What becomes of counters when the source moves to another member of the set.

use std::collections::BTreeMap;

use mongodb::bson::{Document, doc};
use platform_core::metric::Family;

use super::yaml;
use testkit::mongodb::Mongodb;
use testkit::mongodb_set::MongodbSet;
use testkit::subject::source;
use testkit::wait::until;

/// How many documents are inserted between two probes.
const INSERTED: usize = 12;

/// What `increase()` gives over all probes, summed over the series: the first sample of each counts for nothing.
#[derive(Default)]
struct Increase {
    last: BTreeMap<String, f64>,
    sum: f64,
}

impl Increase {
    /// Takes the inserts of a probe, by member.
    fn add(&mut self, inserts: BTreeMap<String, f64>) {
        for (member, now) in &inserts {
            let increment = |before: &f64| if now >= before { now - before } else { *now };
            self.sum += self.last.get(member).map_or(0.0, increment);
        }
        self.last.extend(inserts);
    }
}

fn inserts(families: &[Family]) -> BTreeMap<String, f64> {
    let family = families.iter().find(|family| family.desc.name == "mongodb_ss_opcounters").unwrap();
    let inserts = family.samples.iter().filter(|sample| sample.labels[1] == "insert");
    inserts.map(|sample| (sample.labels[0].clone(), sample.value)).collect()
}

/// The same, by the member's own account.
async fn own_inserts(member: &Mongodb) -> BTreeMap<String, f64> {
    let status = member.run(doc! {"serverStatus": 1}).await;
    let inserts = status.get_document("opcounters").unwrap().get("insert").unwrap();
    let inserts = inserts.as_i64().or(inserts.as_i32().map(i64::from)).unwrap();
    [(status.get_str("host").unwrap().to_owned(), inserts as f64)].into()
}

#[tokio::test]
async fn there_and_back_counts_no_insert_that_never_was() {
    let set = MongodbSet::start("root", "secret").await;
    // One of them has a long past, which the other lacks.
    let past: Vec<Document> = (0..5000).map(|n| doc! {"n": n}).collect();
    let first = set.primary_member().await;
    first.client().await.database("shop").collection("past").insert_many(past).await.unwrap();
    // By itself, the driver looks at the set every ten seconds, which is as long as this test waits for it to follow.
    let options = "authSource=admin&replicaSet=rs0&heartbeatFrequencyMS=1000";
    let url = format!("mongodb://root:secret@{}/?{options}", set.hosts());
    let mut subject = source(&yaml(&url, ""));
    let mut increase = Increase::default();
    let mut counted = 0.0;
    for _ in 0..3 {
        let primary = set.primary_member().await;
        for round in 0..2 {
            let probed = until(super::PATIENCE, "the source follows the primary", async || {
                let inserts = inserts(&subject.probe().await.ok()?.families);
                (inserts == own_inserts(primary).await).then_some(inserts)
            })
            .await;
            increase.add(probed);
            if round == 0 {
                let items = primary.client().await.database("shop").collection("items");
                items.insert_many((0..INSERTED).map(|_| doc! {"a": 1})).await.unwrap();
                counted += INSERTED as f64;
            }
        }
        primary.run(doc! {"replSetStepDown": 60}).await;
        until(super::PATIENCE, "another member is primary", async || {
            let now = set.primary_member().await;
            (now.address() != primary.address()).then_some(())
        })
        .await;
        primary.run(doc! {"replSetFreeze": 0}).await;
    }
    assert_eq!(increase.sum, counted);
}
