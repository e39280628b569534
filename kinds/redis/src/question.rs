//! Queries of Redis: commands and scans.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// A Redis query: either `command`, alone or with `keys`; or `scan`, alone, with `values`, with `patterns`, with `id`, or
/// with `id` and `at_least`; or `read`, alone, with `members_of`, or with `scan` and `id`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct RedisQuestion {
    /// A read-only command with its arguments: `[LLEN, "ai_queue:tasks"]`. Its rows:
    ///
    /// - A single answer, such as that of GET, TTL, LLEN or ZSCORE: one row, column `value`; NULL when there is none.
    /// - A list, such as that of SMEMBERS, LRANGE, HKEYS or ZRANGE: one row for each element, column `value`.
    /// - Pairs, as returned by HGETALL, CONFIG GET and ZRANGE … WITHSCORES: columns `key` and `value`.
    /// - A value for each given name, as returned by MGET, HMGET, ZMSCORE and SMISMEMBER: columns `key` (the name) and
    ///   `value`, NULL for what does not exist.
    /// - TIME: one row, column `value`, in seconds since 1970 with fraction.
    /// - CLIENT LIST: one row for each client, with columns named as by the server: `id`, `addr`, `name`, `age`, `idle`
    ///   and so on.
    /// - XINFO GROUPS, CONSUMERS and STREAM: one row for each group, consumer or stream, with columns named as by the
    ///   server: `name`, `pending`, `lag` and so on.
    /// - INFO and CLUSTER INFO: one row with a column for each field, where a status of `ok` or `up` becomes 1. INFO
    ///   keyspace, commandstats, errorstats and latencystats: one row for each line, with its name in the first column
    ///   (`db`, `cmd`, `error`, `cmd`). INFO slaves: one row for each replica, columns `slave_ip`, `slave_port`,
    ///   `slave_state`, `slave_offset`, `slave_lag`. INFO master: the fields of a replica; no row if there is no
    ///   master. INFO masters, of a sentinel: one row for each master, columns `master_name`, `master_status`,
    ///   `master_address`, `master_slaves`, `master_sentinels`, and `ok`. INFO latencies: one row for each command,
    ///   columns `cmd`, `count`, `sum` (in microseconds), and its percentiles, such as `99.9`. INFO identity: one row of
    ///   texts that describe the server, empty if it lacks them.
    /// - SLOWLOG GET: columns `id`, `timestamp`, `duration_us`. LATENCY LATEST: `event`, `timestamp`, `latency_ms`,
    ///   `max_latency_ms`. LATENCY HISTORY: `timestamp`, `latency_ms`. LATENCY HISTOGRAM: one row for each command,
    ///   columns `cmd`, `count` and, for each bucket, `bucket.` with its microseconds. XPENDING: `pending`, `min_id`, `max_id`, or
    ///   with a range `id`, `consumer`, `idle_ms`, `deliveries`. GEOPOS: `longitude`, `latitude`.
    #[serde(default, deserialize_with = "words")]
    pub command: Option<Vec<String>>,
    /// Keys for which a command with a single answer is run, each as its last word: `{command: [LLEN], keys: [jobs,
    /// mails]}`. One row for each key, columns `key` and `value`.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The pattern of keys to count: one row, column `count`; with `id`, one row for each distinct id, column `id`.
    pub scan: Option<String>,
    /// With `scan` alone, what the keys hold: one row for each key, columns `key` and `value`, NULL for a key that is
    /// not a string.
    #[serde(default)]
    pub values: bool,
    /// With `scan` alone, what kinds of keys there are: at most this many steps, each of about 1,000 keys, and no more than
    /// half of the query's `timeout`. One row for each pattern, columns `pattern`, `type` and `count` (of the keys that
    /// were looked at). `*` stands for each part of a name that is not a word of many keys or of a known system: numbers,
    /// ids, addresses, names of people.
    pub patterns: Option<u32>,
    /// A regular expression whose first group is the id in a key found by `scan`. Keys that do not match have no id. A
    /// named group, as in `^session:(?<user>[^:]+)`, names the column.
    pub id: Option<String>,
    /// With `id`, for keys that are counters, such as a rate limit's key per client: a number for each id. One row for
    /// each of these ids, with the additional columns `count` (its keys) and `reached` (its keys whose value is at
    /// least this number).
    pub at_least: Option<BTreeMap<String, f64>>,
    /// The key of a set, or with `*` a pattern of the keys of sets, whose members are the ids for `read`; with `id`, what its
    /// first group matches in each. More than 1,000 members are an error.
    pub members_of: Option<String>,
    /// Columns, each with commands that have a single answer: `jobs: [[LLEN, "queue:{id}"]]`. Of several commands, the
    /// column is the sum. One row; with `members_of`, or with `scan` and `id`, one row for each id, with the additional
    /// column `id`, and `{id}` stands for it in the commands. `{now}` stands for the server's time in seconds, `{now-60}` for a minute ago.
    #[serde(default, deserialize_with = "reads")]
    pub read: BTreeMap<String, Vec<Vec<String>>>,
}

/// The words of a command. Numbers are words, too: `[LRANGE, jobs, 0, 9]`.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let words = Option::<Vec<Word>>::deserialize(deserializer)?;
    Ok(words.map(|words| words.into_iter().map(|Word(word)| word).collect()))
}

/// The same for the commands of each column.
fn reads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<Vec<String>>>, D::Error> {
    let columns = BTreeMap::<String, Vec<Vec<Word>>>::deserialize(deserializer)?;
    let command = |words: Vec<Word>| words.into_iter().map(|Word(word)| word).collect();
    Ok(columns.into_iter().map(|(name, all)| (name, all.into_iter().map(command).collect())).collect())
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
