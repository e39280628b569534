//! Large answers beside other sources.

use mongodb::bson::doc;
use testkit::mongodb::Mongodb;
use testkit::turns::{LONGEST, Turns};

/// Just within 64 MiB in memory.
const DOCUMENTS: usize = 360_000;

#[tokio::test]
async fn the_largest_answer_keeps_nobody_waiting() {
    let server = Mongodb::start().await;
    let seed = server.client().await.database("shop").collection("seed");
    seed.insert_one(doc! {}).await.expect("it is writable");
    let metrics = ["a", "b", "c", "d"].map(|name| format!("{{name: acme_{name}, value: {name}, help: N.}}"));
    let turns = Turns::start(&format!(
        "sources: {{app: {{mongodb: {{url: '{}'}}}}}}\nqueries:\n  - name: large\n    source: app\n    every: 10m\n    \
         timeout: 5m\n    labels: [id]\n    max_series: 10000\n    metrics: [{}]\n    mongo:\n      database: shop\n      \
         collection: seed\n      pipeline:\n        - $project: {{n: {{$range: [0, {DOCUMENTS}]}}}}\n        \
         - $unwind: $n\n        \
         - $project: {{_id: 0, id: {{$toString: $n}}, a: $n, b: $n, c: $n, d: $n}}",
        server.url(),
        metrics.join(", ")
    ))
    .await;
    let longest = turns.until_answered("app", "large").await;
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
