//! The hayon pack on a real MongoDB and a real Redis.

mod answers;
mod changes;
mod expected;
mod failures;
mod panels;
mod scripts;

use std::time::Duration;

use super::exported::{self, Values, of_pack};
use testkit::exporter::Exporter;
use testkit::redis::Redis;
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// A configuration that asks often, with more keys for the pack.
fn config(url: &str, cache: Option<&Redis>, keys: &str) -> String {
    let (redis, input) = match cache {
        Some(cache) => (format!("  cache: {{redis: {{url: '{}'}}}}\n", cache.url()), "cache: cache, "),
        None => (String::new(), ""),
    };
    format!(
        "sources:\n  app-db: {{mongodb: {{url: '{url}'}}, interval: 2s}}\n{redis}\
         packs:\n  hayon: {{db: app-db, {input}users_every: 1s, accounts_every: 1s, posts_every: 1s, \
         rate_limits_every: 1s, scan_timeout: 1s{keys}}}\n"
    )
}

/// Waits until the pack gives exactly these series.
async fn expect(exporter: &Exporter, expected: &Values) {
    exported::shows(exporter, |exposition| of_pack(exposition, "hayon"), expected, 0.0, PATIENCE).await;
}

/// Waits until the source has a problem with this reason.
async fn wait_for_problem(exporter: &Exporter, source: &str, reason: &str) {
    let prefix = format!("platform_source_problem{{source=\"{source}\",");
    until(PATIENCE, &format!("{source} has a problem: {reason}"), async || {
        let text = exporter.get("/metrics").await;
        let is_there = text.lines().any(|line| {
            line.starts_with(&prefix)
                && line.contains(&format!("reason=\"{reason}\""))
                && line.ends_with(" 1")
        });
        is_there.then_some(())
    })
    .await;
}
