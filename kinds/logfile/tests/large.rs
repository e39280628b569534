//! Large counts beside other sources.

use std::fmt::Write;

use platform_core::time;
use testkit::turns::{LONGEST, Turns};

use super::Logs;

/// As many as are counted apart, in each part of the window.
const COMBINATIONS: usize = 1_000;
const PARTS: usize = 60;
/// Fields that are summed, which have no limit.
const SUMS: usize = 16;

#[tokio::test]
async fn the_largest_counts_keep_nobody_waiting() {
    let (logs, now, mut lines) = (Logs::new(), time::now().floor(), String::new());
    let names: Vec<_> = (0..SUMS).map(|number| format!("n{number}")).collect();
    let numbers: String = names.iter().map(|name| format!(", \"{name}\": 2.5")).collect();
    for line in 0..COMBINATIONS * PARTS {
        let (customer, minute) = (line % COMBINATIONS, line / COMBINATIONS);
        let at = now - 60.0 * minute as f64;
        writeln!(lines, "{{\"ts\": {at}, \"customer\": \"c{customer}\"{numbers}}}").expect("a text");
    }
    logs.append(lines);
    let turns = Turns::start(&format!(
        "sources: {{log: {{logfile: {{path: '{}', from: beginning}}}}}}\nqueries:\n  - name: large\n    source: log\n    \
         every: 10s\n    timeout: 10s\n    labels: [customer]\n    max_series: 10000\n    \
         log: {{by: [customer], sum: [{}], window: 1h}}\n    metrics:\n      \
         - {{name: acme_lines, value: count, help: N.}}\n      - {{name: acme_sum, value: sum_n0, help: N.}}",
        logs.label(),
        names.join(", ")
    ))
    .await;
    let longest = turns.until_answered("log", "large").await;
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}
