//! The sizes of declared keys.

use std::time::Duration;

use ::redis::Value;

use super::link::{Reply, Words, words};
use super::links::Links;
use super::reply;
use crate::metric::{Desc, Family};
use crate::probe::{Observation, Problem, Reason};
use crate::query::{Cell, RedisShape, Rows};

/// More groups than this of one stream are not exported: their number is the application's to choose.
const LARGEST_GROUPS: usize = 50;

const KEY_SIZE: Desc = Desc::gauge(
    "redis_key_size",
    &["db", "key"],
    "Elements of a declared key by the command for its type (LLEN, SCARD, ZCARD, HLEN, XLEN), bytes of a string by STRLEN; 0 when there is no such key.",
);
const STREAM_LENGTH: Desc = Desc::gauge(
    "redis_stream_length",
    &["db", "stream"],
    "Entries of a declared key that is a stream, by XLEN.",
);
const GROUP_LAG: Desc = Desc::gauge(
    "redis_stream_group_lag",
    &["db", "stream", "group"],
    "Entries of a stream that are still to be delivered to a group, by XINFO GROUPS lag (Redis 7).",
);
const GROUP_PENDING: Desc = Desc::gauge(
    "redis_stream_group_messages_pending",
    &["db", "stream", "group"],
    "Entries that were delivered to a group and are not acknowledged, by XINFO GROUPS pending.",
);

/// The families of declared keys.
pub(super) const CATALOGUE: [Desc; 4] = [KEY_SIZE, STREAM_LENGTH, GROUP_LAG, GROUP_PENDING];

/// Adds the sizes of the keys, and a problem for each key that may not be read.
pub(super) async fn observe(
    links: &mut Links,
    keys: &[String],
    timeout: Duration,
    observation: &mut Observation,
) -> Result<(), Problem> {
    if keys.is_empty() {
        return Ok(());
    }
    let types: Vec<Words> = keys.iter().map(|key| words(["TYPE", key])).collect();
    let types = links.ask_all(&types, timeout).await?;
    let (mut there, mut commands) = (Vec::new(), Vec::new());
    let mut sizes = Sizes {
        db: format!("db{}", links.way().login.database),
        families: CATALOGUE.map(|desc| desc.family()),
    };
    for (key, reply) in keys.iter().zip(types) {
        match reply.map(|answer| reply::text(&answer).unwrap_or_default()) {
            Ok(kind) if kind == "none" => sizes.add(key, 0.0),
            Ok(kind) => match length(&kind) {
                Some(command) => {
                    commands.push(words([command, key]));
                    there.push((key, kind));
                }
                None => observation
                    .problems
                    .push(Problem::new(Reason::Query, format!("key {key}: a {kind} has no length"))),
            },
            Err(refusal) => observation.problems.push(refusal.problem(&format!("key {key}"))),
        }
    }
    let streams = there.iter().filter(|(_, kind)| kind == "stream").map(|(key, _)| *key);
    let streams: Vec<&String> = streams.collect();
    commands.extend(streams.iter().map(|key| words(["XINFO", "GROUPS", key])));
    let mut replies = ask(links, &commands, timeout).await?.into_iter();
    for ((key, kind), reply) in there.iter().zip(replies.by_ref()) {
        match reply {
            Ok(Value::Int(size)) => sizes.add_of(key, kind, size),
            Ok(_) => return Err(Problem::new(Reason::Protocol, format!("key {key}: expected a number"))),
            // The key was replaced by one of another type, or deleted, since its type was asked.
            Err(refusal) => observation.problems.push(refusal.problem(&format!("key {key}"))),
        }
    }
    for (stream, reply) in streams.into_iter().zip(replies) {
        let named = words(["XINFO", "GROUPS", stream]);
        match reply {
            Ok(answer) => {
                let groups = reply::rows(RedisShape::Maps, &named, answer)?;
                observation.problems.extend(sizes.add_groups(stream, &groups));
            }
            Err(refusal) => observation.problems.push(refusal.problem(&format!("stream {stream}"))),
        }
    }
    observation.families.extend(sizes.families.into_iter().filter(|family| !family.samples.is_empty()));
    Ok(())
}

async fn ask(links: &mut Links, commands: &[Words], timeout: Duration) -> Result<Vec<Reply>, Problem> {
    if commands.is_empty() { Ok(Vec::new()) } else { links.ask_all(commands, timeout).await }
}

/// The command that tells the size of a key of this type.
fn length(kind: &str) -> Option<&'static str> {
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
    families: [Family; 4],
}

impl Sizes {
    fn add(&mut self, key: &str, size: f64) {
        let [sizes, ..] = &mut self.families;
        sizes.push([&self.db, key], size);
    }

    #[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
    fn add_of(&mut self, key: &str, kind: &str, size: i64) {
        self.add(key, size as f64);
        if kind == "stream" {
            let [_, lengths, ..] = &mut self.families;
            lengths.push([&self.db, key], size as f64);
        }
    }

    fn add_groups(&mut self, stream: &str, groups: &Rows) -> Option<Problem> {
        let [.., lags, pendings] = &mut self.families;
        for row in groups.rows.iter().take(LARGEST_GROUPS) {
            let find = |column| groups.column(column).map(|index| &row[index]);
            let Some(group) = find("name").and_then(Cell::text) else { continue };
            if let Some(lag) = find("lag").and_then(Cell::number) {
                lags.push([&self.db, stream, &group], lag);
            }
            if let Some(pending) = find("pending").and_then(Cell::number) {
                pendings.push([&self.db, stream, &group], pending);
            }
        }
        (groups.rows.len() > LARGEST_GROUPS).then(|| {
            let detail = format!("stream {stream}: {} groups, {LARGEST_GROUPS} are shown", groups.rows.len());
            Problem::new(Reason::Cardinality, detail)
        })
    }
}
