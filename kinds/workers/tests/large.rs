//! Many workers beside other sources.

use testkit::redis::Redis;
use testkit::turns::{LONGEST, Turns};

/// As many as are read.
const WORKERS: &str = "10000";

#[tokio::test]
async fn ten_thousand_workers_keep_nobody_waiting() {
    let server = Redis::start().await;
    let fill = "local now = redis.call('TIME')[1]
                for n = 1, ARGV[1] do redis.call('ZADD', KEYS[1], now, 'worker-' .. n) end";
    let () = server.run(&["EVAL", fill, "1", "hb", WORKERS]).await;
    let turns = Turns::start(&format!(
        "sources:\n  cache: {{redis: {{url: '{}'}}}}\n  jobs:\n    timeout: 5m\n    interval: 10m\n    \
         workers: {{classes: {{c: {{from: cache, layout: zset, key: hb, interval: 1h}}}}}}",
        server.url()
    ))
    .await;
    turns.wait_until("workers_alive{source=\"jobs\",class=\"c\"}", |alive| alive == 10_000.0).await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
