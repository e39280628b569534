//! Large answers beside other sources.

use std::time::Duration;

use testkit::redis::Redis;
use testkit::turns::{LONGEST, Turns};

/// Just within 64 MiB in the memory of the driver.
const FIELDS: &str = "400000";

/// Runs a query in the exporter, and returns for how long it took the thread of all sources at once.
async fn longest_turn(server: &Redis, query: &str) -> Duration {
    let turns = Turns::start(&format!(
        "sources: {{cache: {{redis: {{url: '{}'}}}}}}\nqueries:\n  - name: large\n    source: cache\n    every: 10m\n    \
         timeout: 5m\n    {query}",
        server.url()
    ))
    .await;
    let longest = turns.until_answered("cache", "large").await;
    println!("longest {longest:?}");
    longest
}

#[tokio::test]
async fn the_largest_answer_keeps_nobody_waiting() {
    let server = Redis::start().await;
    let fill = "for n = 1, ARGV[1] do redis.call('HSET', KEYS[1], n, n) end";
    let () = server.run(&["EVAL", fill, "1", "large", FIELDS]).await;
    let query = "labels: [key]\n    max_series: 10000\n    redis: {command: [HGETALL, large]}\n    \
                 metrics: [{name: acme_large, value: value, help: N.}]";
    let longest = longest_turn(&server, query).await;
    assert!(longest < LONGEST, "{longest:?}");
}

#[tokio::test]
async fn numbers_about_a_thousand_ids_keep_nobody_waiting() {
    let server = Redis::start().await;
    let fill = "for n = 1, 1000 do redis.call('SADD', KEYS[1], 'queue-' .. n) end";
    let () = server.run(&["EVAL", fill, "1", "queues"]).await;
    let commands = ["[LLEN, 'queue:{id}']"; 20].join(", ");
    let query = format!(
        "labels: [id]\n    max_series: 1000\n    redis: {{members_of: queues, read: {{jobs: [{commands}]}}}}\n    \
         metrics: [{{name: acme_jobs, value: jobs, help: N.}}]"
    );
    let longest = longest_turn(&server, &query).await;
    assert!(longest < LONGEST, "{longest:?}");
}

/// More names than are kept apart.
#[tokio::test]
async fn a_look_at_the_patterns_of_many_keys_keeps_nobody_waiting() {
    let server = Redis::start().await;
    let fill = "for n = 1, 30000 do \
                  local name = n .. '' \
                  name = name:gsub('%d', function(d) return string.char(97 + d) end) \
                  for i = 1, 3 do redis.call('SET', name .. ':queue:' .. i, 1) end \
                end";
    let () = server.run(&["EVAL", fill, "0"]).await;
    let query = "labels: [pattern, type]\n    redis: {scan: '*', patterns: 1000}\n    \
                 metrics: [{name: acme_keys, value: count, help: N.}]";
    let longest = longest_turn(&server, query).await;
    assert!(longest < LONGEST, "{longest:?}");
}
