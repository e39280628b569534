//! What clients ask of a server.

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};

const MEBIBYTE: usize = 1 << 20;

/// Does something again and again, several times at once.
pub(super) async fn in_parallel(times: usize, work: impl AsyncFn()) -> ! {
    let repeat = async || -> () {
        loop {
            work().await;
        }
    };
    join_all((0..times).map(|_| repeat())).await;
    unreachable!("loops do not end")
}

/// A write that looks for what to change for so long.
pub(super) async fn write_slowly(items: &Collection<Document>) {
    let slow = doc! {"n": 0, "$where": "sleep(400)"};
    items.update_many(slow, doc! {"$set": {"paid": true}}).await.expect("it answers");
}

/// Opens a cursor, and forgets it.
pub(super) async fn open_cursor(client: &Client) {
    let find = doc! {"find": "items", "batchSize": 1};
    client.database("shop").run_command(find).await.expect("it answers");
}

/// Writes so many MiB.
pub(super) async fn fill(client: &Client, mebibytes: usize) {
    let past = client.database("shop").collection::<Document>("past");
    let text = "x".repeat(MEBIBYTE);
    for _ in 0..mebibytes {
        past.insert_one(doc! {"text": &text}).await.expect("it is written");
    }
}
