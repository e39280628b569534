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

/// What to walk over.
pub(super) struct Scan<'a> {
    pub(super) links: &'a mut Links,
    pub(super) pattern: &'a str,
    /// More keys than this are not looked at.
    pub(super) budget: u64,
    pub(super) timeout: Duration,
}

/// A walk over all keys of a deployment, page by page.
struct Walk<'a> {
    scan: Scan<'a>,
    /// The servers that are still to come.
    nodes: Vec<Node>,
    /// Where the next page is.
    at: Option<(Node, String)>,
}

/// Keys that one server has found in one step.
struct Page {
    node: Node,
    keys: Vec<Vec<u8>>,
}

/// The keys that a walk has met: SCAN may give one more than once.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    /// Two of a million hashes are equal in one count of many millions.
    hashes: HashSet<u64>,
}

impl Seen {
    /// Whether the key is met for the first time.
    fn is_new(&mut self, key: &[u8]) -> bool {
        self.hashes.insert(self.hasher.hash_one(key))
    }

    #[expect(clippy::cast_precision_loss, reason = "the budget is far below 2^53")]
    fn count(&self) -> Cell {
        Cell::Number(self.hashes.len() as f64)
    }
}

impl<'a> Scan<'a> {
    /// How many keys there are: column `count`.
    pub(super) async fn count(self) -> Result<Rows, Problem> {
        let mut seen = Seen::default();
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            for key in &page.keys {
                seen.is_new(key);
            }
        }
        Ok(Rows { columns: vec!["count".to_owned()], rows: vec![vec![seen.count()]] })
    }

    /// How many keys there are, and the value of how many is this number or more: columns `count` and `reached`.
    pub(super) async fn reached(self, least: f64) -> Result<Rows, Problem> {
        let mut seen = Seen::default();
        let mut reached = 0;
        let mut walk = self.start().await?;
        while let Some(mut page) = walk.next().await? {
            page.keys.retain(|key| seen.is_new(key));
            let values = walk.values(page).await?;
            reached += values.into_iter().filter(|value| *value >= least).count();
        }
        #[expect(clippy::cast_precision_loss, reason = "the budget is far below 2^53")]
        let row = vec![seen.count(), Cell::Number(reached as f64)];
        Ok(Rows { columns: vec!["count".to_owned(), "reached".to_owned()], rows: vec![row] })
    }

    /// The distinct ids in the keys: column `id`.
    pub(super) async fn ids(self, id: &Regex) -> Result<Rows, Problem> {
        let mut ids: HashSet<String> = HashSet::new();
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            for key in &page.keys {
                let key = String::from_utf8_lossy(key);
                if let Some(found) = id.captures(&key).and_then(|captures| captures.get(1))
                    && !ids.contains(found.as_str())
                {
                    ids.insert(found.as_str().to_owned());
                }
            }
        }
        let rows = ids.into_iter().map(|id| vec![Cell::Text(id)]).collect();
        Ok(Rows { columns: vec!["id".to_owned()], rows })
    }

    /// Refuses to start where there are too many keys.
    async fn start(self) -> Result<Walk<'a>, Problem> {
        let nodes = self.links.masters(self.timeout).await?;
        let mut size = 0;
        for node in &nodes {
            size += keys_of(self.links, node, self.timeout).await?;
            if size > self.budget {
                let detail = format!("there are {size} keys, more than `scan_budget` ({})", self.budget);
                return Err(Problem::new(Reason::Cardinality, detail));
            }
        }
        Ok(Walk { scan: self, nodes: nodes.into_iter().collect(), at: None })
    }
}

impl Walk<'_> {
    /// The next page, until every server has given all of its keys.
    async fn next(&mut self) -> Result<Option<Page>, Problem> {
        let begin = |node| (node, "0".to_owned());
        let Some((node, cursor)) = self.at.take().or_else(|| self.nodes.pop().map(begin)) else {
            return Ok(None);
        };
        let Scan { links, pattern, timeout, .. } = &mut self.scan;
        let step = words(["SCAN", &cursor, "MATCH", pattern, "COUNT", STEP]);
        let reply = only(links.exchange(&node, &[step], *timeout).await?)?;
        let (next, keys) = page(accepted(reply, "SCAN")?)?;
        if next != "0" {
            self.at = Some((node.clone(), next));
        }
        Ok(Some(Page { node, keys }))
    }

    /// The numbers in the keys of a page. What has ended since then has none.
    async fn values(&mut self, page: Page) -> Result<Vec<f64>, Problem> {
        let no_text = |_| Problem::new(Reason::Query, "a key that matches `scan` is no text");
        let get = |key| String::from_utf8(key).map(|key| words(["GET", &key])).map_err(no_text);
        let commands = page.keys.into_iter().map(get).collect::<Result<Vec<_>, _>>()?;
        let replies = self.scan.links.exchange(&page.node, &commands, self.scan.timeout).await?;
        replies.into_iter().filter_map(|reply| number(reply).transpose()).collect()
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

/// The number in the answer to GET; `None` where the key has ended.
fn number(reply: Reply) -> Result<Option<f64>, Problem> {
    match accepted(reply, "GET")? {
        Value::Nil => Ok(None),
        answer => {
            let number = super::reply::text(&answer).and_then(|text| text.parse().ok());
            let missing = || Problem::new(Reason::Query, "a key that matches `scan` holds no number");
            number.map(Some).ok_or_else(missing)
        }
    }
}
