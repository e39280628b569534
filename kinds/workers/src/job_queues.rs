//! Workers of job systems that keep their state in Redis, as these systems write it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use platform_core::probe::{Problem, Reason};
use platform_core::query::Cell;
use serde_json::Value;

use super::cell_value::{text, time};
use super::store::HeartbeatStore;
use super::worker::{Seen, Worker};

/// In some systems each worker needs its own query; more than this would load their store.
const MOST_ASKED: usize = 1000;

/// Sidekiq: the set `processes`, and for each member a hash that its process renews every ten seconds and that
/// expires after sixty. A member without its hash has died.
pub(super) async fn sidekiq(store: &HeartbeatStore, namespace: &str) -> Result<Vec<Worker>, Problem> {
    let mut workers = Vec::new();
    for identity in members(store, &format!("{namespace}processes")).await? {
        let key = format!("{namespace}{identity}");
        let hash = fields(store, &key, &["beat", "busy", "concurrency", "quiet", "info"]).await?;
        let Some(beat) = time(&hash["beat"]) else { continue };
        let (busy, quiet) = (hash["busy"].number(), hash["quiet"].text().as_deref() == Some("true"));
        let state = match busy {
            _ if quiet => "quiet",
            Some(busy) if busy > 0.0 => "busy",
            _ => "idle",
        };
        workers.push(Worker {
            // Host and process id, without the random part of each start.
            id: Some(identity.rsplit_once(':').map_or(&*identity, |(id, _)| id).to_owned()),
            seen: Seen::At(beat),
            state: Some(state.to_owned()),
            busy,
            slots: hash["concurrency"].number().or_else(|| concurrency(&hash["info"])),
            ..Worker::default()
        });
    }
    Ok(workers)
}

/// The number of threads in a Sidekiq process's description of itself.
fn concurrency(info: &Cell) -> Option<f64> {
    let info: Value = serde_json::from_str(&info.text()?).ok()?;
    info.get("concurrency")?.as_f64()
}

/// RQ: the set `rq:workers`, or that of a queue, whose members are the keys of hashes that expire.
pub(super) async fn rq(store: &HeartbeatStore, queue: Option<&str>) -> Result<Vec<Worker>, Problem> {
    let mut workers = Vec::new();
    for key in members(store, &rq_set(queue)).await? {
        let hash = fields(store, &key, &["last_heartbeat", "state", "death"]).await?;
        let Some(beat) = time(&hash["last_heartbeat"]) else { continue };
        if hash["death"] != Cell::Null {
            continue;
        }
        let state = text(&hash["state"]).unwrap_or_else(|| "started".to_owned());
        workers.push(Worker {
            id: Some(key.strip_prefix("rq:worker:").unwrap_or(&key).to_owned()),
            seen: Seen::At(beat),
            busy: Some(f64::from(u8::from(state == "busy"))),
            slots: Some(1.0),
            state: Some(state),
            ..Worker::default()
        });
    }
    Ok(workers)
}

/// The set of the workers of a queue of RQ, or of all.
pub(super) fn rq_set(queue: Option<&str>) -> String {
    queue.map_or_else(|| "rq:workers".to_owned(), |queue| format!("rq:workers:{queue}"))
}

/// Resque: the set `workers`, the hash `workers:heartbeat` with a time for each, and a key with the job of each that
/// works. A worker without a time is of a version that has no heartbeats.
pub(super) async fn resque(store: &HeartbeatStore, namespace: &str) -> Result<Vec<Worker>, Problem> {
    let ids = members(store, &format!("{namespace}workers")).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let beats = store.pairs(&["HGETALL", &format!("{namespace}workers:heartbeat")]).await?;
    let beats: BTreeMap<_, _> = beats.into_iter().collect();
    let jobs: Vec<_> = ids.iter().map(|id| format!("{namespace}worker:{id}")).collect();
    let words: Vec<_> = std::iter::once("MGET").chain(jobs.iter().map(String::as_str)).collect();
    let jobs = store.pairs(&words).await?;
    let worker = |(id, (_, job)): (String, (String, Cell))| {
        let is_busy = job != Cell::Null;
        Worker {
            seen: beats.get(&id).and_then(time).map_or(Seen::Present, Seen::At),
            id: text(&Cell::Text(id)),
            state: Some(if is_busy { "busy" } else { "idle" }.to_owned()),
            busy: Some(f64::from(u8::from(is_busy))),
            slots: Some(1.0),
            ..Worker::default()
        }
    };
    Ok(ids.into_iter().zip(jobs).map(worker).collect())
}

/// BullMQ: no key, but each worker names its connection after its queue, and after itself if it has a name.
pub(super) async fn bullmq(
    store: &HeartbeatStore,
    queue: &str,
    prefix: &str,
) -> Result<Vec<Worker>, Problem> {
    let unnamed = format!("{prefix}:{}", BASE64_STANDARD.encode(queue));
    let named = format!("{unnamed}:w:");
    let clients = store.run(&["CLIENT", "LIST"]).await?;
    let name = clients
        .column("name")
        .ok_or_else(|| Problem::new(Reason::Protocol, "CLIENT LIST does not report connection names"))?;
    let names = clients.rows.iter().filter_map(|row| row.get(name)?.text());
    let worker = |name: String| match name.strip_prefix(&named) {
        Some(id) => Some(Worker::present(id)),
        None => (name == unnamed).then(|| Worker { seen: Seen::Present, ..Worker::default() }),
    };
    Ok(names.filter_map(worker).collect())
}

async fn members(store: &HeartbeatStore, set: &str) -> Result<Vec<String>, Problem> {
    let members = store.elements(&["SMEMBERS", set]).await?;
    if members.len() > MOST_ASKED {
        let detail = format!("{set} has {} members, more than {MOST_ASKED}", members.len());
        return Err(Problem::new(Reason::Cardinality, detail));
    }
    Ok(members)
}

/// The fields of a hash, NULL if missing.
async fn fields<'a>(
    store: &HeartbeatStore,
    key: &str,
    names: &[&'a str],
) -> Result<BTreeMap<&'a str, Cell>, Problem> {
    let words: Vec<_> = ["HMGET", key].into_iter().chain(names.iter().copied()).collect();
    let mut values = store.pairs(&words).await?.into_iter();
    Ok(names.iter().map(|&name| (name, values.next().map_or(Cell::Null, |(_, value)| value))).collect())
}
