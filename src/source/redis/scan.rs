//! Counts keys by SCAN, never by KEYS: in small steps, within a budget, and each key once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use ::redis::Value;
use regex::Regex;

use super::link::{Reply, Words, only, words};
use super::links::{Links, Node};
use crate::probe::{Problem, Reason};
use crate::query::{Cell, Rows};

/// How many keys the server looks at in one step, about a millisecond of its time.
const STEP: &str = "1000";

/// A walk over all keys of a deployment.
pub(super) struct Scan<'a> {
    pub(super) links: &'a mut Links,
    pub(super) pattern: &'a str,
    /// More keys than this are not looked at.
    pub(super) budget: u64,
    pub(super) timeout: Duration,
}

impl Scan<'_> {
    /// How many keys there are: column `count`.
    pub(super) async fn count(self) -> Result<Rows, Problem> {
        // SCAN may give a key more than once. Two of a million hashes are equal in one count of many millions.
        let hasher = RandomState::new();
        let mut seen: HashSet<u64> = HashSet::new();
        self.each(|key| {
            seen.insert(hasher.hash_one(key));
        })
        .await?;
        #[expect(clippy::cast_precision_loss, reason = "the budget is far below 2^53")]
        let count = Cell::Number(seen.len() as f64);
        Ok(Rows { columns: vec!["count".to_owned()], rows: vec![vec![count]] })
    }

    /// The distinct ids in the keys: column `id`.
    pub(super) async fn ids(self, id: &Regex) -> Result<Rows, Problem> {
        let mut ids: HashSet<String> = HashSet::new();
        self.each(|key| {
            let key = String::from_utf8_lossy(key);
            if let Some(found) = id.captures(&key).and_then(|captures| captures.get(1))
                && !ids.contains(found.as_str())
            {
                ids.insert(found.as_str().to_owned());
            }
        })
        .await?;
        let rows = ids.into_iter().map(|id| vec![Cell::Text(id)]).collect();
        Ok(Rows { columns: vec!["id".to_owned()], rows })
    }

    async fn each(self, mut found: impl FnMut(&[u8])) -> Result<(), Problem> {
        let Self { links, pattern, budget, timeout } = self;
        let nodes = links.masters(timeout).await?;
        let mut size = 0;
        for node in &nodes {
            size += keys_of(links, node, timeout).await?;
            if size > budget {
                let detail = format!("there are {size} keys, more than `scan_budget` ({budget})");
                return Err(Problem::new(Reason::Cardinality, detail));
            }
        }
        for node in &nodes {
            let mut cursor = "0".to_owned();
            loop {
                let step = words(["SCAN", &cursor, "MATCH", pattern, "COUNT", STEP]);
                let reply = only(links.exchange(node, &[step], timeout).await?)?;
                let (next, keys) = page(accepted(reply, "SCAN")?)?;
                keys.iter().for_each(|key| found(key));
                if next == "0" {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }
}

/// How many keys a server has. Refuses to take one node's keys for those of its cluster.
async fn keys_of(links: &mut Links, node: &Node, timeout: Duration) -> Result<u64, Problem> {
    let commands: [Words; 2] = [words(["DBSIZE"]), words(["INFO", "cluster"])];
    let mut replies = links.exchange(node, &commands, timeout).await?.into_iter();
    let (size, info) = (replies.next(), replies.next());
    let is_cluster = info
        .and_then(Result::ok)
        .and_then(|info| super::reply::text(&info))
        .is_some_and(|text| text.contains("cluster_enabled:1"));
    if is_cluster && node.is_none() {
        return Err(Problem::new(Reason::Query, "this is one node of a cluster: set `cluster: true`"));
    }
    let missing = || Problem::new(Reason::Protocol, "DBSIZE: expected a number");
    match accepted(size.ok_or_else(missing)?, "DBSIZE")? {
        Value::Int(size) => u64::try_from(size).map_err(|_| missing()),
        _ => Err(missing()),
    }
}

fn accepted(reply: Reply, command: &str) -> Result<Value, Problem> {
    reply.map_err(|refusal| refusal.problem(command))
}

/// The next cursor, and the keys.
fn page(answer: Value) -> Result<(String, Vec<Vec<u8>>), Problem> {
    ::redis::from_redis_value(answer)
        .map_err(|error| Problem::new(Reason::Protocol, format!("SCAN: {error}")))
}
