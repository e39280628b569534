//! Large answers beside other sources.

use testkit::redis::Redis;
use testkit::turns::{LONGEST, Turns};

/// Just within 64 MiB in the memory of the driver.
const FIELDS: &str = "400000";

#[tokio::test]
async fn the_largest_answer_keeps_nobody_waiting() {
    let server = Redis::start().await;
    let fill = "for n = 1, ARGV[1] do redis.call('HSET', KEYS[1], n, n) end";
    let () = server.run(&["EVAL", fill, "1", "large", FIELDS]).await;
    let turns = Turns::start(&format!(
        "sources: {{cache: {{redis: {{url: '{}'}}}}}}\nqueries:\n  - name: large\n    source: cache\n    every: 10m\n    \
         timeout: 5m\n    labels: [key]\n    max_series: 10000\n    redis: {{command: [HGETALL, large]}}\n    \
         metrics: [{{name: acme_large, value: value, help: N.}}]",
        server.url()
    ))
    .await;
    let longest = turns.until_answered("cache", "large").await;
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
