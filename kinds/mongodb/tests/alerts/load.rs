//! What clients ask of a server.

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};

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
