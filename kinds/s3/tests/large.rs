//! Large answers beside other sources.

use std::fmt::Write;

use testkit::turns::{LONGEST, Turns};
use testkit::web::{Web, reply};

use super::yaml;

/// Just below the largest answer that is read: a server may send more keys than were requested.
const KEYS: usize = 4_500;
/// Just below the largest page of objects.
const OBJECTS: usize = 18_000;

fn listing(keys: usize) -> String {
    let mut listing = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>backups</Name><Prefix></Prefix><KeyCount>1</KeyCount>\
                       <MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated>"
        .to_owned();
    for key in 0..keys {
        write!(
            listing,
            "<Contents><Key>{key:0>80}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>\"0\"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )
        .expect("a text");
    }
    listing + "</ListBucketResult>"
}

#[tokio::test]
async fn the_longest_listing_keeps_nobody_waiting() {
    let (keys, objects) = (listing(KEYS), listing(OBJECTS));
    println!("{} and {} bytes", keys.len(), objects.len());
    let web = Web::start(move |asked| match asked.path.contains("max-keys") {
        true => reply(200, keys.clone()),
        false => reply(200, objects.clone()),
    })
    .await;
    let bucket = yaml(&web.url(""), "objects: [{prefix: ''}]");
    let turns = Turns::start(&format!("sources: {{files: {{{bucket}, interval: 10m, timeout: 5m}}}}")).await;
    turns
        .wait_until("s3_bucket_up{source=\"files\",bucket=\"backups\",operation=\"list\"}", |up| up == 1.0)
        .await;
    turns
        .wait_until("s3_objects{source=\"files\",bucket=\"backups\",prefix=\"\"}", |objects| {
            objects == 18_000.0
        })
        .await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
