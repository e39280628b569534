//! Counts keys with SCAN, never with KEYS: in small steps, within a budget, and each key once.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use ::redis::Value;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{AnswerBudget, Cell, Rows};
use regex::Regex;

use super::link::{Reply, Words, only, words};
use super::links::{ClusterNode, Links};
use super::question_form::column_of;
use super::refusal;

/// How many keys the server visits per step, about a millisecond of its time.
const STEP: &str = "1000";

/// How many keys a walk may return beyond twice the budget.
const SLACK: u64 = 10_000;

/// What to walk over.
pub(super) struct Scan<'a> {
    pub(super) links: &'a mut Links,
    pub(super) pattern: &'a str,
    /// At most this many keys are read.
    pub(super) budget: u64,
    pub(super) timeout: Duration,
}

/// A walk over all keys of a deployment, page by page.
pub(super) struct KeyWalk<'a> {
    pub(super) scan: Scan<'a>,
    /// The remaining servers.
    nodes: Vec<ClusterNode>,
    /// The cursor of the next page.
    at: Option<(ClusterNode, String)>,
    /// How many keys were returned so far.
    given: u64,
}

/// Keys that one server returned in one step.
pub(super) struct KeyPage {
    node: ClusterNode,
    pub(super) keys: Vec<Vec<u8>>,
}

/// The keys seen in a walk: SCAN may return one more than once.
#[derive(Default)]
pub(super) struct SeenKeys {
    hasher: RandomState,
    /// Among a million hashes, a collision occurs in one of many millions of counts.
    hashes: HashSet<u64>,
}

/// The counters of one id.
struct Tally {
    least: f64,
    count: u32,
    reached: u32,
}

impl Tally {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.reached += u32::from(value >= self.least);
    }

    fn row(self, id: &str) -> Vec<Cell> {
        vec![Cell::Text(id.to_owned()), Cell::Number(self.count.into()), Cell::Number(self.reached.into())]
    }
}

impl SeenKeys {
    /// Whether the key is seen for the first time.
    pub(super) fn is_new(&mut self, key: &[u8]) -> bool {
        self.hashes.insert(self.hasher.hash_one(key))
    }
}

impl<'a> Scan<'a> {
    /// How many keys there are: column `count`.
    pub(super) async fn count(self) -> Result<Rows, Problem> {
        let mut seen = SeenKeys::default();
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            large::in_place(page.keys.len(), || {
                for key in &page.keys {
                    seen.is_new(key);
                }
            });
        }
        #[expect(clippy::cast_precision_loss, reason = "the budget is far below 2^53")]
        let count = Cell::Number(seen.hashes.len() as f64);
        Ok(Rows::new(vec!["count".to_owned()], vec![vec![count]]))
    }

    /// The distinct ids in the keys: one column, named as the group or `id`.
    pub(super) async fn ids(self, id: &Regex) -> Result<Rows, Problem> {
        let (mut ids, mut memory): (HashSet<String>, _) = (HashSet::new(), AnswerBudget::default());
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            let mut add = |key: &Vec<u8>| -> Result<(), Problem> {
                let key = String::from_utf8_lossy(key);
                if let Some(found) = first_group(id, &key)
                    && !ids.contains(found)
                {
                    let advice = "let `id` match a part of the keys with fewer values";
                    memory.row(&[Cell::Text(found.to_owned())], advice)?;
                    ids.insert(found.to_owned());
                }
                Ok(())
            };
            large::in_place(page.keys.len(), || page.keys.iter().try_for_each(&mut add))?;
        }
        let rows = |ids: HashSet<String>| ids.into_iter().map(|id| vec![Cell::Text(id)]).collect();
        let rows = large::in_place(ids.len(), || rows(ids));
        Ok(Rows::new(vec![column_of(id).to_owned()], rows))
    }

    /// What each key holds: columns `key` and `value`, NULL for a key that is not a string, or has expired.
    pub(super) async fn values(self) -> Result<Rows, Problem> {
        let (mut seen, mut rows, mut memory) = (SeenKeys::default(), Vec::new(), AnswerBudget::default());
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            let new = page.keys.iter().filter(|key| seen.is_new(key));
            let keys: Vec<_> = new.map(|key| String::from_utf8_lossy(key).into_owned()).collect();
            let replies = walk.get(&page.node, &keys).await?;
            for (key, reply) in keys.into_iter().zip(replies) {
                let row = vec![Cell::Text(key), string(reply)?];
                memory.row(&row, "let `scan` match fewer keys")?;
                rows.push(row);
            }
        }
        Ok(Rows::new(vec!["key".to_owned(), "value".to_owned()], rows))
    }

    /// For each of these ids, the number of its keys, and the number of those whose value is at least the id's
    /// threshold: the columns of [`Scan::ids`], `count` and `reached`.
    pub(super) async fn reached(self, id: &Regex, least: &BTreeMap<String, f64>) -> Result<Rows, Problem> {
        let mut seen = SeenKeys::default();
        let mut tallies: BTreeMap<&str, Tally> =
            least.iter().map(|(id, &least)| (id.as_str(), Tally { least, count: 0, reached: 0 })).collect();
        let mut walk = self.start().await?;
        while let Some(page) = walk.next().await? {
            let new = page.keys.iter().filter(|key| seen.is_new(key)).map(|key| String::from_utf8_lossy(key));
            let counters = new.filter_map(|key| {
                let (id, _) = least.get_key_value(first_group(id, &key)?)?;
                Some((key.into_owned(), id.as_str()))
            });
            let (keys, ids): (Vec<String>, Vec<&str>) = large::in_place(page.keys.len(), || counters.unzip());
            let replies = walk.get(&page.node, &keys).await?;
            for (id, reply) in ids.into_iter().zip(replies) {
                if let (Some(tally), Some(value)) = (tallies.get_mut(id), number(reply)?) {
                    tally.add(value);
                }
            }
        }
        let rows = tallies.into_iter().map(|(id, tally)| tally.row(id)).collect();
        Ok(Rows::new(vec![column_of(id).to_owned(), "count".to_owned(), "reached".to_owned()], rows))
    }

    /// Refuses to start if there are too many keys.
    async fn start(self) -> Result<KeyWalk<'a>, Problem> {
        let nodes = self.links.masters(self.timeout).await?;
        let mut size = 0;
        for node in &nodes {
            size += keys_of(self.links, node, self.timeout).await?;
            if size > self.budget {
                return Err(over_budget(size, self.budget));
            }
        }
        Ok(KeyWalk { scan: self, nodes: nodes.into_iter().collect(), at: None, given: 0 })
    }

    /// A walk that its caller ends.
    pub(super) async fn unbounded(self) -> Result<KeyWalk<'a>, Problem> {
        let nodes = self.links.masters(self.timeout).await?.into_iter().collect();
        Ok(KeyWalk { scan: Self { budget: u64::MAX, ..self }, nodes, at: None, given: 0 })
    }
}

/// The problem of a walk that is refused.
pub(super) fn over_budget(keys: impl Display, budget: u64) -> Problem {
    Problem::new(Reason::Cardinality, format!("{keys} keys exceed `scan_budget` ({budget})"))
}

impl KeyWalk<'_> {
    /// The next page, until every server has returned all of its keys.
    pub(super) async fn next(&mut self) -> Result<Option<KeyPage>, Problem> {
        let begin = |node| (node, "0".to_owned());
        let Some((node, cursor)) = self.at.take().or_else(|| self.nodes.pop().map(begin)) else {
            return Ok(None);
        };
        let Scan { links, pattern, timeout, budget } = &mut self.scan;
        let step = words(["SCAN", &cursor, "MATCH", pattern, "COUNT", STEP]);
        let reply = only(links.exchange(&node, &[step], *timeout).await?)?;
        let (next, keys) = page(accepted(reply, "SCAN")?)?;
        self.given += keys.len() as u64;
        // Keys may be returned twice or added meanwhile, but a walk must end, whatever DBSIZE was.
        if self.given > budget.saturating_mul(2).saturating_add(SLACK) {
            let detail = format!("SCAN returned {} keys, with a `scan_budget` of {budget}", self.given);
            return Err(Problem::new(Reason::Cardinality, detail));
        }
        if next != "0" {
            self.at = Some((node.clone(), next));
        }
        Ok(Some(KeyPage { node, keys }))
    }

    /// The replies to GET for keys of a server.
    async fn get(&mut self, node: &ClusterNode, keys: &[String]) -> Result<Vec<Reply>, Problem> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        // Not MGET: in a cluster, one server's keys are in many slots.
        let commands: Vec<Words> = keys.iter().map(|key| words(["GET", key])).collect();
        self.scan.links.exchange(node, &commands, self.scan.timeout).await
    }
}

/// What allows a refused account all that a scan does. One by one, each rule would be known only when the command before
/// it is allowed.
pub(super) async fn remedy(
    links: &mut Links,
    pattern: &str,
    needed: &[&str],
    timeout: Duration,
) -> Option<String> {
    let command = |name: &&str| match *name {
        "DBSIZE" => words(["DBSIZE"]),
        "SCAN" => words(["SCAN", "0", "MATCH", pattern, "COUNT", "1"]),
        // As a key, the pattern is one that it matches.
        of_key => words([of_key, pattern]),
    };
    let commands: Vec<Words> = needed.iter().map(command).collect();
    let replies = links.exchange(&None, &commands, timeout).await.ok()?;
    let refusals = replies.into_iter().filter_map(Reply::err).map(|refusal| refusal.of_pattern(pattern));
    refusal::remedy(refusals)
}

/// The part of a key matched by the first group.
pub(super) fn first_group<'k>(id: &Regex, key: &'k str) -> Option<&'k str> {
    Some(id.captures(key)?.get(1)?.as_str())
}

/// The number of keys of a server. Fails on a cluster node whose cluster is not configured.
async fn keys_of(links: &mut Links, node: &ClusterNode, timeout: Duration) -> Result<u64, Problem> {
    let commands: [Words; 2] = [words(["DBSIZE"]), words(["INFO", "cluster"])];
    let mut replies = links.exchange(node, &commands, timeout).await?.into_iter();
    let (size, info) = (replies.next(), replies.next());
    let is_cluster = info
        .and_then(Result::ok)
        .and_then(|info| super::value::text(&info))
        .is_some_and(|text| text.contains("cluster_enabled:1"));
    if is_cluster && node.is_none() {
        return Err(Problem::new(Reason::Query, "this is a cluster node: set `cluster: true`"));
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

/// The string in the answer to GET; NULL for a key of another type, and if it has expired.
fn string(reply: Reply) -> Result<Cell, Problem> {
    match reply {
        Ok(answer) => Ok(super::value::into_text(answer).map_or(Cell::Null, Cell::Text)),
        Err(refusal) if refusal.is_wrong_type() => Ok(Cell::Null),
        Err(refusal) => Err(refusal.problem("GET")),
    }
}

/// The number in the answer to GET; `None` if the key has expired.
fn number(reply: Reply) -> Result<Option<f64>, Problem> {
    match accepted(reply, "GET")? {
        Value::Nil => Ok(None),
        answer => {
            let number = super::value::text(&answer).and_then(|text| text.parse().ok());
            let missing = || Problem::new(Reason::Query, "a key that matches `scan` does not hold a number");
            number.map(Some).ok_or_else(missing)
        }
    }
}
