//! The grammar of a declared query, as written in a configuration, a pack or the files of a kind.

use std::collections::{BTreeMap, HashSet};

use regex::Regex;

use super::redis_command::redis_words;
use super::sql_text;
use super::{Columns, redis_shape};
use crate::metric::{Desc, LabelName, LabelNames, MetricName, MetricType};
use crate::setting::{Duration, SourceName};

/// A query for one source.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A SELECT.
    Sql(String),
    /// A MongoDB command or aggregation.
    Mongo(MongoQuestion),
    /// A Redis command or scan.
    Redis(RedisQuestion),
    /// A count of the lines of a log file.
    Log(LogQuestion),
}

impl Question {
    /// Its key.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::Mongo(_) => "mongo",
            Self::Redis(_) => "redis",
            Self::Log(_) => "log",
        }
    }

    /// Whether a source has to know the query in advance: log lines are counted as they arrive.
    pub fn is_known_ahead(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    /// Checks that the parts of the query fit together.
    ///
    /// # Errors
    /// What was expected.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Mongo(question) => question.check(),
            Self::Log(_) => Ok(()),
            Self::Redis(question) => question.check(),
            Self::Sql(text) => sql_text::check(text),
        }
    }
}

/// A MongoDB query: `{collection, pipeline}` or `{command}`. One row for each document of the answer.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct MongoQuestion {
    /// The database; default: that of the URL (for commands: `admin`). `*` queries every database, and adds the column
    /// `database`.
    pub database: Option<String>,
    /// The collection to aggregate; one that does not exist is an error, not an empty result. `*` queries all
    /// collections that the source lists in `collections`, and adds the columns `database` and `collection`.
    pub collection: Option<String>,
    /// The aggregation's stages, in MongoDB's extended JSON.
    #[serde(default)]
    pub pipeline: Vec<serde_json::Value>,
    /// A read-only command, such as `{serverStatus: 1}`. Its columns are dotted paths into the reply.
    pub command: Option<serde_json::Map<String, serde_json::Value>>,
    /// The path of an array in a command's reply: one row for each element, in column `value` if it is a scalar. Or the
    /// path of a sub-document: one row for each of its keys, with the key in column `key`.
    pub each: Option<String>,
}

/// A Redis query: either `command`, or `scan`, alone, with `id`, or with `id` and `at_least`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
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
    ///   master.
    /// - SLOWLOG GET: columns `id`, `timestamp`, `duration_us`. LATENCY LATEST: `event`, `timestamp`, `latency_ms`,
    ///   `max_latency_ms`. LATENCY HISTORY: `timestamp`, `latency_ms`. XPENDING: `pending`, `min_id`, `max_id`, or
    ///   with a range `id`, `consumer`, `idle_ms`, `deliveries`. GEOPOS: `longitude`, `latitude`.
    #[serde(default, deserialize_with = "redis_words")]
    pub command: Option<Vec<String>>,
    /// The pattern of keys to count: one row, column `count`; with `id`, one row for each distinct id, column `id`.
    pub scan: Option<String>,
    /// A regular expression whose first group is the id in a key found by `scan`. Keys that do not match have no id. A
    /// named group, as in `^session:(?<user>[^:]+)`, names the column.
    pub id: Option<String>,
    /// With `id`, for keys that are counters, such as a rate limit's key per client: a number for each id. One row for
    /// each of these ids, with the additional columns `count` (its keys) and `reached` (its keys whose value is at
    /// least this number).
    pub at_least: Option<BTreeMap<String, f64>>,
}

impl RedisQuestion {
    fn check(&self) -> Result<(), &'static str> {
        match (&self.command, &self.scan, &self.id, &self.at_least) {
            (Some(words), None, None, None) => redis_shape(words).map(|_| ()),
            (None, Some(_), None, None) => Ok(()),
            (None, Some(_), None, Some(_)) => {
                Err("expected `id` together with `at_least`: it names a key's counter")
            }
            (None, Some(_), Some(id), _) => match Regex::new(id) {
                Ok(id) if id.captures_len() > 1 => Ok(()),
                _ => Err("expected a regular expression with a group in `id`, as in `^session:([^:]+)`"),
            },
            _ => Err("expected either `command`, or `scan`, with or without `id`"),
        }
    }
}

/// A count of the lines of a log file: one row for each combination of the values of `by`, column `count`. Lines beyond
/// 1,000 combinations are counted together, with `other` for each value.
///
/// Fields are names or dotted paths into nested objects.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct LogQuestion {
    /// The fields that a line must have, with one of these values.
    #[serde(default)]
    pub r#where: BTreeMap<String, Vec<String>>,
    /// The fields to group by; columns of the same names. A line without the field counts under `unknown`.
    #[serde(default)]
    pub by: Vec<String>,
    /// The numeric fields to sum up: the columns `sum_NAME` and `avg_NAME`. The average covers the lines that have the
    /// number, and is NULL if there are none.
    #[serde(default)]
    pub sum: Vec<String>,
    /// Counts only the lines of this time window, with a resolution of a sixtieth of it, at least one second. Without
    /// it, all lines since the exporter first saw the file.
    pub window: Option<Duration>,
}

/// One part of a `distinct` query: a source, and the query whose first column holds ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctPart {
    /// The source.
    pub source: SourceName,
    /// The query.
    pub question: Question,
}

/// What runs, and on which source.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// One query on one source.
    One {
        /// The source.
        source: SourceName,
        /// The query.
        question: Question,
    },
    /// The number of distinct ids over several results: one row with the column `count`. Never empty.
    Distinct(Vec<DistinctPart>),
}

impl Ask {
    /// The source that the query's own metrics carry: for `distinct`, that of the first part.
    pub fn source(&self) -> &SourceName {
        match self {
            Self::One { source, .. } => source,
            Self::Distinct(parts) => &parts[0].source,
        }
    }
}

/// The type of a declared metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Goes up and down.
    #[default]
    Gauge,
    /// Only goes up; the name ends in `_total`.
    Counter,
    /// A counter under an established name without `_total`.
    Unknown,
}

/// One metric of a query.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct MetricSpec {
    /// The metric's name.
    pub name: MetricName,
    /// The column that holds its value.
    pub value: String,
    /// Where the value comes from.
    pub help: String,
    /// Its type.
    #[serde(default, rename = "type")]
    pub value_type: ValueType,
    /// Labels with a fixed value, so that several columns form one family.
    #[serde(default)]
    pub labels: BTreeMap<LabelName, String>,
    /// A factor to the base unit: 1024 for a column in KiB, 0.001 for one in milliseconds.
    #[serde(default = "one")]
    pub scale: f64,
    /// Omits a sample whose value is NULL or missing, instead of failing the query.
    #[serde(default)]
    pub optional: bool,
    /// Whether values of several label sets may be summed; `false` for times, ages and ratios, which then have no
    /// sample under `other`.
    #[serde(default = "yes")]
    pub additive: bool,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

/// How a query's rows become samples; the same for declared queries and for the built-in queries of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// The query's name: the value of its `query` label.
    pub name: String,
    /// The columns that become labels.
    pub labels: Vec<LabelName>,
    /// Label values that are exported as 0 if they have no row: every combination.
    pub expect: BTreeMap<String, Vec<String>>,
    /// The maximum number of label sets; the smallest beyond it are summed under `other`.
    pub max_series: usize,
    /// The metrics. Never empty.
    pub metrics: Vec<MetricSpec>,
}

/// A query that a configuration or pack declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// How rows become samples.
    pub spec: QuerySpec,
    /// What it runs, and where.
    pub ask: Ask,
    /// How often.
    pub every: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// How long the last good result is exported while newer runs fail.
    pub max_age: Duration,
}

/// The families that queries may export, each once.
pub fn catalogue<'a>(queries: impl IntoIterator<Item = &'a QuerySpec>) -> Vec<Desc> {
    let mut seen = HashSet::new();
    let families = queries.into_iter().flat_map(QuerySpec::catalogue);
    families.filter(|desc| seen.insert(desc.name.clone())).collect()
}

impl QuerySpec {
    /// The columns that the query reads.
    pub fn columns(&self) -> Columns {
        let labels = self.labels.iter().map(|label| label.as_ref());
        Columns::named(labels.chain(self.metrics.iter().map(|metric| metric.value.as_str())))
    }

    /// The families that this query may export, each once.
    pub fn catalogue(&self) -> Vec<Desc> {
        let mut seen = HashSet::new();
        self.metrics
            .iter()
            .filter(|metric| seen.insert(metric.name.clone()))
            .map(|metric| self.desc(metric))
            .collect()
    }

    pub(super) fn desc(&self, metric: &MetricSpec) -> Desc {
        let labels = self.labels.iter().chain(metric.labels.keys());
        Desc {
            name: metric.name.to_string().into(),
            help: metric.help.clone().into(),
            metric_type: match metric.value_type {
                ValueType::Gauge => MetricType::Gauge,
                ValueType::Counter => MetricType::Counter,
                ValueType::Unknown => MetricType::Unknown,
            },
            labels: LabelNames::Declared(labels.map(|label| label.as_ref().to_owned()).collect()),
        }
    }
}
