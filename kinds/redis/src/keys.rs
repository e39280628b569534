//! The sizes of declared keys.

use std::time::Duration;

use ::redis::Value;
use platform_core::metric::{Desc, Families};
use platform_core::probe::{Observation, Problem, Reason};
use platform_core::query::{Cell, Columns, Rows};

use super::command_list::ReplyShape;
use super::link::{Reply, Words, words};
use super::links::Links;
use super::refusal::ReplyRefusal;
use super::{reply, value};

/// At most this many groups per stream are exported: applications can create any number.
const LARGEST_GROUPS: usize = 50;

const KEY_SIZE: Desc = Desc::gauge(
    "redis_key_size",
    &["db", "key"],
    "Elements of a declared key, by the command for its type (LLEN, SCARD, ZCARD, HLEN, XLEN), or bytes of a string (STRLEN); 0 if the key does not exist.",
);
const STREAM_LENGTH: Desc =
    Desc::gauge("redis_stream_length", &["db", "stream"], "Entries of a declared stream, from XLEN.");
const GROUP_LAG: Desc = Desc::gauge(
    "redis_stream_group_lag",
    &["db", "stream", "group"],
    "Entries of a stream not yet delivered to a group, from XINFO GROUPS lag (Redis 7).",
);
const GROUP_PENDING: Desc = Desc::gauge(
    "redis_stream_group_messages_pending",
    &["db", "stream", "group"],
    "Entries delivered to a group but not acknowledged, from XINFO GROUPS pending.",
);

/// The families of declared keys.
pub(super) const CATALOGUE: [Desc; 4] = [KEY_SIZE, STREAM_LENGTH, GROUP_LAG, GROUP_PENDING];

/// Adds the sizes of the keys, and a problem for each unreadable key.
pub(super) async fn observe(
    links: &mut Links,
    keys: &[String],
    timeout: Duration,
    observation: &mut Observation,
) -> Result<(), Problem> {
    if keys.is_empty() {
        return Ok(());
    }
    let db = format!("db{}", links.way().login.database);
    let mut sizes = Sizes { db, families: Families::default(), problems: Vec::new() };
    let types = links.ask_all(&each("TYPE", keys), timeout).await?;
    let there = sizes.add_missing(keys, types);
    if !there.is_empty() {
        let lengths = there.iter().map(|key| words([key.command, key.name])).collect::<Vec<_>>();
        let lengths = links.ask_all(&lengths, timeout).await?;
        there.iter().zip(lengths).for_each(|(key, reply)| sizes.add_length(key, reply));
    }
    let of_group = Columns::named(["name", "lag", "pending"]);
    for stream in there.iter().filter(|key| key.is_stream()) {
        let groups = words(["XINFO", "GROUPS", stream.name]);
        let reply = links.ask(groups.clone(), timeout).await?;
        sizes.add_groups(
            stream.name,
            reply.map(|answer| reply::rows(ReplyShape::Maps, &groups, answer, &of_group)),
        );
    }
    observation.families.extend(sizes.families.into_vec());
    observation.problems.extend(sizes.problems);
    Ok(())
}

/// The same command for each key.
fn each(command: &str, keys: &[String]) -> Vec<Words> {
    keys.iter().map(|key| words([command, key])).collect()
}

/// A declared key that exists, with the command that returns its size.
struct Key<'a> {
    name: &'a str,
    command: &'static str,
}

impl Key<'_> {
    fn is_stream(&self) -> bool {
        self.command == "XLEN"
    }
}

/// The command that returns the size of a key of this type.
fn length_command(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "list" => "LLEN",
        "set" => "SCARD",
        "zset" => "ZCARD",
        "hash" => "HLEN",
        "stream" => "XLEN",
        "string" => "STRLEN",
        _ => return None,
    })
}

struct Sizes {
    db: String,
    families: Families,
    problems: Vec<Problem>,
}

impl Sizes {
    /// Counts missing keys as empty, and returns the existing ones.
    fn add_missing<'a>(&mut self, keys: &'a [String], types: Vec<Reply>) -> Vec<Key<'a>> {
        let mut there = Vec::new();
        for (name, reply) in keys.iter().zip(types) {
            let Some(kind) = self.accept(name, reply).map(|answer| value::text(&answer).unwrap_or_default())
            else {
                continue;
            };
            match length_command(&kind) {
                Some(command) => there.push(Key { name, command }),
                None if kind == "none" => self.add(name, 0.0),
                None => self.problem(Reason::Query, format!("key {name}: a {kind} has no length")),
            }
        }
        there
    }

    #[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
    fn add_length(&mut self, key: &Key<'_>, reply: Reply) {
        match self.accept(key.name, reply) {
            Some(Value::Int(size)) => {
                self.add(key.name, size as f64);
                if key.is_stream() {
                    self.families.push(&STREAM_LENGTH, [&self.db, key.name], size as f64);
                }
            }
            Some(_) => self.problem(Reason::Protocol, format!("key {}: expected a number", key.name)),
            None => {}
        }
    }

    fn add_groups(&mut self, stream: &str, groups: Result<Result<Rows, Problem>, ReplyRefusal>) {
        let groups = match groups {
            Ok(Ok(groups)) => groups,
            Ok(Err(problem)) => return self.problems.push(problem),
            Err(refusal) => return self.problems.push(refusal.problem(&format!("groups of {stream}"))),
        };
        for row in groups.rows.iter().take(LARGEST_GROUPS) {
            let find = |column| groups.column(column).map(|index| &row[index]);
            let Some(group) = find("name").and_then(Cell::text) else { continue };
            // The lag is unknown before Redis 7, and after entries were deleted from the middle.
            let labels = [&self.db, stream, &group];
            self.families.push_some(&GROUP_LAG, labels, find("lag").and_then(Cell::number));
            self.families.push_some(&GROUP_PENDING, labels, find("pending").and_then(Cell::number));
        }
        let count = groups.rows.len();
        if count > LARGEST_GROUPS {
            let detail = format!("stream {stream}: {count} groups, only {LARGEST_GROUPS} are exported");
            self.problem(Reason::Cardinality, detail);
        }
    }

    fn add(&mut self, key: &str, size: f64) {
        self.families.push(&KEY_SIZE, [&self.db, key], size);
    }

    /// The answer; a refusal becomes a problem.
    fn accept(&mut self, key: &str, reply: Reply) -> Option<Value> {
        reply.map_err(|refusal| self.problems.push(refusal.problem(&format!("key {key}")))).ok()
    }

    fn problem(&mut self, reason: Reason, detail: String) {
        self.problems.push(Problem::new(reason, detail));
    }
}
