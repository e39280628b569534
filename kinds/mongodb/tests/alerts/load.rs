//! What clients ask of a server.

use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};

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
