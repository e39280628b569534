//! Heartbeats that applications write into Redis themselves.

use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::Cell;

use super::cell_value::{text, time};
use super::store::HeartbeatStore;
use super::worker::{Seen, Worker};

/// How many of the most recent workers of a sorted set are read.
const FRESHEST: &str = "-10000";
/// A larger hash is not one of workers, and reading it whole would block its server.
const LARGEST_HASH: f64 = 10_000.0;

/// `ZADD hb:cpu EPOCH WORKER`.
pub(super) async fn zset(store: &HeartbeatStore, key: &str) -> Result<Vec<Worker>, Problem> {
    let scored = store.pairs(&["ZRANGE", key, FRESHEST, "-1", "WITHSCORES"]).await?;
    let worker = |(id, score): (String, Cell)| Worker {
        id: text(&Cell::Text(id)),
        seen: time(&score).map_or(Seen::Never, Seen::At),
        ..Worker::default()
    };
    Ok(large::in_place(scored.len(), || scored.into_iter().map(worker).collect()))
}

/// `HSET hb:gpu WORKER EPOCH`, or JSON with the epoch in its place.
pub(super) async fn hash(store: &HeartbeatStore, key: &str) -> Result<Vec<Worker>, Problem> {
    let size = store.run(&["HLEN", key]).await?;
    let size = size.rows.first().and_then(|row| row.first()?.number()).unwrap_or(0.0);
    if size > LARGEST_HASH {
        let detail = format!("{key} has {size} fields, more than {LARGEST_HASH}");
        return Err(Problem::new(Reason::Cardinality, detail));
    }
    let pairs = store.pairs(&["HGETALL", key]).await?;
    let workers = || pairs.iter().map(|(id, value)| worker(id, value)).collect();
    let mut workers: Vec<Worker> = large::in_place(pairs.len(), workers);
    // Nothing expires here: an entry without a time remains when its worker is gone.
    for worker in workers.iter_mut().filter(|worker| worker.seen == Seen::Present) {
        worker.seen = Seen::Never;
    }
    Ok(workers)
}

/// `SET hb:mail:WORKER EPOCH EX 90`, or JSON or anything else in the place of the epoch.
pub(super) async fn keys(store: &HeartbeatStore, pattern: &str) -> Result<Vec<Worker>, Problem> {
    let values = store.values(pattern).await?;
    let worker = |(key, value): &(String, Cell)| worker(in_key(pattern, key), value);
    Ok(large::in_place(values.len(), || values.iter().map(worker).collect()))
}

fn worker(id: &str, value: &Cell) -> Worker {
    let worker = Worker { id: text(&Cell::Text(id.to_owned())), ..Worker::default() };
    match value.text() {
        Some(value) => worker.with_value(&value),
        // A key of another type, such as a hash: it exists.
        None => Worker { seen: Seen::Present, ..worker },
    }
}

/// The part of a key matched by the pattern's wildcards.
fn in_key<'a>(pattern: &str, key: &'a str) -> &'a str {
    let is_special = |letter: char| matches!(letter, '*' | '?' | '[' | ']' | '\\');
    let prefix = pattern.find(is_special).map_or("", |index| &pattern[..index]);
    let suffix = pattern.rfind(is_special).map_or("", |index| &pattern[index + 1..]);
    let id = key.strip_prefix(prefix).unwrap_or(key);
    let id = id.strip_suffix(suffix).unwrap_or(id);
    if id.is_empty() { key } else { id }
}
