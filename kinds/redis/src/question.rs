//! Queries of Redis: commands and scans.

use std::collections::BTreeMap;
use std::fmt;

use platform_core::query::{Language, Misuse};
use regex::Regex;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::command::shape;
use super::command_list::ReplyShape;

/// A Redis query: either `command`, alone or with `keys`, or `scan`, alone, with `values`, with
/// `id`, or with `id` and `at_least`.
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
    /// A regular expression whose first group is the id in a key found by `scan`. Keys that do not match have no id. A
    /// named group, as in `^session:(?<user>[^:]+)`, names the column.
    pub id: Option<String>,
    /// With `id`, for keys that are counters, such as a rate limit's key per client: a number for each id. One row for
    /// each of these ids, with the additional columns `count` (its keys) and `reached` (its keys whose value is at
    /// least this number).
    pub at_least: Option<BTreeMap<String, f64>>,
}

impl Language for RedisQuestion {
    const KEY: &'static str = "redis";

    fn check(&self) -> Result<(), Misuse> {
        if self.values && (self.scan.is_none() || self.id.is_some()) {
            return Err("expected `values` together with `scan`, and without `id`".into());
        }
        match (&self.command, &self.scan, &self.id, &self.at_least) {
            (Some(words), None, None, None) => self.check_command(words),
            (None, ..) if !self.keys.is_empty() => Err("expected `command` together with `keys`".into()),
            (None, Some(_), None, None) => Ok(()),
            (None, Some(_), None, Some(_)) => {
                Err("expected `id` together with `at_least`: it names a key's counter".into())
            }
            (None, Some(_), Some(id), _) => match Regex::new(id) {
                Ok(id) if id.captures_len() > 1 => Ok(()),
                _ => {
                    Err("expected a regular expression with a group in `id`, as in `^session:([^:]+)`".into())
                }
            },
            _ => Err("expected either `command`, or `scan`, with or without `id`".into()),
        }
    }
}

impl RedisQuestion {
    fn check_command(&self, words: &[String]) -> Result<(), Misuse> {
        if shape(words)? == ReplyShape::Values || self.keys.is_empty() {
            return Ok(());
        }
        Err("expected a command with a single answer for `keys`, such as LLEN, ZCARD or GET".into())
    }
}

/// A command with a key as its last word.
pub(super) fn for_key(words: &[String], key: &str) -> Vec<String> {
    words.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
}

/// The words of a command. Numbers are words, too: `[LRANGE, jobs, 0, 9]`.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
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
