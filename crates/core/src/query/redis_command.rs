//! The Redis commands that are allowed, and how their answers become rows. Pure: words in, shape out.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// How the answer to a command becomes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisShape {
    /// Column `value`: one row for a single answer, or one for each element of a list.
    Values,
    /// Columns `key` and `value`: an answer of alternating keys and values.
    Pairs,
    /// Columns `key` and `value`: one value for each of the command's words from this one on.
    Named(usize),
    /// A map, or a list of maps: one row for each, a column for each key.
    Maps,
    /// A list of lists: one row for each, with these columns. Further elements are left out.
    Table(&'static [&'static str]),
    /// A list: one row, with these columns.
    Row(&'static [&'static str]),
    /// The text of INFO and CLUSTER INFO.
    Info,
    /// The text of CLIENT LIST: one row for each client, a column for each field.
    Clients,
    /// The server's clock: column `value`, in seconds.
    Time,
}

/// Commands without subcommands. None of them writes, blocks, or iterates over all keys. Those that read a whole key
/// keep the server busy in proportion to its size.
const COMMANDS: &[(&str, RedisShape)] = &[
    ("BITCOUNT", RedisShape::Values),
    ("BITPOS", RedisShape::Values),
    ("DBSIZE", RedisShape::Values),
    ("EXISTS", RedisShape::Values),
    ("EXPIRETIME", RedisShape::Values),
    ("GEODIST", RedisShape::Values),
    ("GEOPOS", RedisShape::Table(&["longitude", "latitude"])),
    ("GET", RedisShape::Values),
    ("GETBIT", RedisShape::Values),
    ("GETRANGE", RedisShape::Values),
    ("HEXISTS", RedisShape::Values),
    ("HGET", RedisShape::Values),
    ("HGETALL", RedisShape::Pairs),
    ("HKEYS", RedisShape::Values),
    ("HLEN", RedisShape::Values),
    ("HMGET", RedisShape::Named(2)),
    ("HSTRLEN", RedisShape::Values),
    ("HVALS", RedisShape::Values),
    ("INFO", RedisShape::Info),
    ("LASTSAVE", RedisShape::Values),
    ("LINDEX", RedisShape::Values),
    ("LLEN", RedisShape::Values),
    ("LPOS", RedisShape::Values),
    ("LRANGE", RedisShape::Values),
    ("MGET", RedisShape::Named(1)),
    ("PEXPIRETIME", RedisShape::Values),
    ("PING", RedisShape::Values),
    ("PTTL", RedisShape::Values),
    ("SCARD", RedisShape::Values),
    ("SDIFF", RedisShape::Values),
    ("SINTER", RedisShape::Values),
    ("SINTERCARD", RedisShape::Values),
    ("SISMEMBER", RedisShape::Values),
    ("SMEMBERS", RedisShape::Values),
    ("SMISMEMBER", RedisShape::Named(2)),
    ("STRLEN", RedisShape::Values),
    ("SUNION", RedisShape::Values),
    ("TIME", RedisShape::Time),
    ("TTL", RedisShape::Values),
    ("TYPE", RedisShape::Values),
    ("XLEN", RedisShape::Values),
    ("ZCARD", RedisShape::Values),
    ("ZCOUNT", RedisShape::Values),
    ("ZLEXCOUNT", RedisShape::Values),
    ("ZMSCORE", RedisShape::Named(2)),
    ("ZRANGE", RedisShape::Values),
    ("ZRANGEBYLEX", RedisShape::Values),
    ("ZRANGEBYSCORE", RedisShape::Values),
    ("ZRANK", RedisShape::Values),
    ("ZREVRANGE", RedisShape::Values),
    ("ZREVRANGEBYSCORE", RedisShape::Values),
    ("ZREVRANK", RedisShape::Values),
    ("ZSCORE", RedisShape::Values),
];

/// Commands with subcommands; only the read-only ones are listed.
const SUBCOMMANDS: &[(&str, &str, RedisShape)] = &[
    ("CLIENT", "LIST", RedisShape::Clients),
    ("CLUSTER", "INFO", RedisShape::Info),
    ("CONFIG", "GET", RedisShape::Pairs),
    ("LATENCY", "HISTORY", RedisShape::Table(&["timestamp", "latency_ms"])),
    ("LATENCY", "LATEST", RedisShape::Table(&["event", "timestamp", "latency_ms", "max_latency_ms"])),
    ("MEMORY", "USAGE", RedisShape::Values),
    ("OBJECT", "ENCODING", RedisShape::Values),
    ("OBJECT", "FREQ", RedisShape::Values),
    ("OBJECT", "IDLETIME", RedisShape::Values),
    ("OBJECT", "REFCOUNT", RedisShape::Values),
    ("PUBSUB", "NUMPAT", RedisShape::Values),
    ("PUBSUB", "NUMSUB", RedisShape::Pairs),
    // The arguments of slow commands are left out: they are application data.
    ("SLOWLOG", "GET", RedisShape::Table(&["id", "timestamp", "duration_us"])),
    ("SLOWLOG", "LEN", RedisShape::Values),
    ("XINFO", "CONSUMERS", RedisShape::Maps),
    ("XINFO", "GROUPS", RedisShape::Maps),
    ("XINFO", "STREAM", RedisShape::Maps),
];

/// The shape of the answer to an allowed command.
///
/// # Errors
/// Why the command is rejected.
pub fn redis_shape(words: &[String]) -> Result<RedisShape, &'static str> {
    let [command, rest @ ..] = words else {
        return Err("expected a command with its arguments, as in `[LLEN, \"queue:tasks\"]`");
    };
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    if is(command, "KEYS") || is(command, "SCAN") {
        return Err("KEYS blocks the server, and SCAN returns only some of the keys: use `scan: PATTERN`");
    }
    if is(command, "PFCOUNT") {
        return Err("expected a read-only command: PFCOUNT writes, because it caches its result in the key");
    }
    if is(command, "XPENDING") {
        return Ok(match rest.len() {
            0..=2 => RedisShape::Row(&["pending", "min_id", "max_id"]),
            _ => RedisShape::Table(&["id", "consumer", "idle_ms", "deliveries"]),
        });
    }
    let paired =
        command.to_ascii_uppercase().starts_with('Z') && rest.iter().any(|word| is(word, "WITHSCORES"));
    let simple = COMMANDS.iter().find(|(name, _)| is(command, name));
    if let Some((_, shape)) = simple {
        return Ok(if paired { RedisShape::Pairs } else { *shape });
    }
    let subcommand = rest.first().and_then(|given| {
        SUBCOMMANDS.iter().find(|(name, subcommand, _)| is(command, name) && is(given, subcommand))
    });
    subcommand
        .map(|(_, _, shape)| *shape)
        .ok_or("expected a read-only, non-blocking command, such as LLEN, ZCARD, GET, HGETALL or SMEMBERS")
}

/// The words of a command. Numbers are words, too: `[LRANGE, jobs, 0, 9]`.
pub(super) fn redis_words<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let words = Option::<Vec<Word>>::deserialize(deserializer)?;
    Ok(words.map(|words| words.into_iter().map(|Word(word)| word).collect()))
}

struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

impl Visitor<'_> for WordVisitor {
    type Value = Word;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a word or a number (in quotes if YAML would read it as something else)")
    }

    fn visit_str<E>(self, word: &str) -> Result<Word, E> {
        Ok(Word(word.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Word, E> {
        Ok(Word(number.to_string()))
    }
}
