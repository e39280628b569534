//! Large answers beside other sources.

use testkit::turns::{LONGEST, Turns};
use testkit::web::{Web, reply};

/// As much of a body as is read.
const LENGTH: usize = 1 << 20;

#[tokio::test]
async fn the_largest_body_keeps_nobody_waiting() {
    let web = Web::start(|_| reply(200, "ab".repeat(LENGTH / 2))).await;
    let turns = Turns::start(&format!(
        "sources: {{site: {{http: {{url: '{}', expect: {{body: 'ab$', not_body: '(a|b)*c'}}}}, interval: 10m, timeout: 5m}}}}",
        web.url("/")
    ))
    .await;
    turns
        .wait_until("probe_http_uncompressed_body_length{source=\"site\"}", |length| length == LENGTH as f64)
        .await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert_eq!(turns.value("probe_failed_due_to_regex{source=\"site\"}"), Some(0.0));
    assert!(longest < LONGEST, "{longest:?}");
}
