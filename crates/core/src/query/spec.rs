//! The grammar of a declared query, as it stands in a configuration, a pack or the files of a kind.

use std::collections::{BTreeMap, HashSet};

use regex::Regex;

use super::redis_command::redis_words;
use super::sql_text;
use super::{Columns, redis_shape};
use crate::metric::{Desc, LabelName, LabelNames, MetricName, MetricType};
use crate::setting::{Duration, SourceName};

/// What is put to one source.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// A SELECT.
    Sql(String),
    /// A MongoDB command or aggregation.
    Mongo(MongoQuestion),
    /// A Redis command or scan.
    Redis(RedisQuestion),
    /// A count over the lines of a log file.
    Log(LogQuestion),
}

impl Question {
    /// The key under which it stands.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::Mongo(_) => "mongo",
            Self::Redis(_) => "redis",
            Self::Log(_) => "log",
        }
    }

    /// Whether a source has to know the question before it is put: lines of a log are counted as they come.
    pub fn is_known_ahead(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    /// Whether the parts of the question go together.
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

/// A question to MongoDB: `{collection, pipeline}` or `{command}`. One row for each document of the answer.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct MongoQuestion {
    /// The database; without it, that of the URL (for commands: `admin`). `*` asks every database, and adds the
    /// column `database`.
    pub database: Option<String>,
    /// The collection to aggregate; one that does not exist is a fault, and not empty. `*` asks every one that the
    /// source names in `collections`, and adds the columns `database` and `collection`.
    pub collection: Option<String>,
    /// The aggregation's stages, in MongoDB's extended JSON.
    #[serde(default)]
    pub pipeline: Vec<serde_json::Value>,
    /// A command that only reads, such as `{serverStatus: 1}`. Its columns are dotted paths into the reply.
    pub command: Option<serde_json::Map<String, serde_json::Value>>,
    /// The path of an array in a command's reply: one row for each element, in column `value` where it is a scalar.
    /// Or that of a sub-document: one row for each of its keys, with the key in column `key`.
    pub each: Option<String>,
}

/// A question to Redis: either `command`, or `scan`, alone, with `id`, or with `id` and `at_least`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
pub struct RedisQuestion {
    /// A command that only reads, with its arguments: `[LLEN, "ai_queue:tasks"]`. Its rows:
    ///
    /// - A single answer, such as that of GET, TTL, LLEN or ZSCORE: one row, column `value`; NULL when there is none.
    /// - A list, such as that of SMEMBERS, LRANGE, HKEYS or ZRANGE: one row for each element, column `value`.
    /// - Pairs, as HGETALL, CONFIG GET and ZRANGE … WITHSCORES give them: columns `key` and `value`.
    /// - A value for each name that was given, as MGET, HMGET, ZMSCORE and SMISMEMBER give them: columns `key` (the
    ///   name) and `value`, NULL for what does not exist.
    /// - TIME: one row, column `value`, in seconds since 1970 with their fraction.
    /// - CLIENT LIST: one row for each client, with columns as the server names them: `id`, `addr`, `name`, `age`,
    ///   `idle` and so on.
    /// - XINFO GROUPS, CONSUMERS and STREAM: one row for each group, consumer or stream, with columns as the server
    ///   names them: `name`, `pending`, `lag` and so on.
    /// - INFO and CLUSTER INFO: one row with a column for each field, in which `ok` and `up` are 1 where the field is
    ///   a status. INFO keyspace, commandstats, errorstats and latencystats: one row for each line, in whose first
    ///   column (`db`, `cmd`, `error`, `cmd`) its name stands. INFO slaves: one row for each replica, columns
    ///   `slave_ip`, `slave_port`, `slave_state`, `slave_offset`, `slave_lag`. INFO master: the fields of a replica,
    ///   and no row where there is no master.
    /// - SLOWLOG GET: columns `id`, `timestamp`, `duration_us`. LATENCY LATEST: `event`, `timestamp`, `latency_ms`,
    ///   `max_latency_ms`. LATENCY HISTORY: `timestamp`, `latency_ms`. XPENDING: `pending`, `min_id`, `max_id`, or
    ///   with a range `id`, `consumer`, `idle_ms`, `deliveries`. GEOPOS: `longitude`, `latitude`.
    #[serde(default, deserialize_with = "redis_words")]
    pub command: Option<Vec<String>>,
    /// The pattern of keys to count: one row, column `count`; with `id`, one row for each distinct id, column `id`.
    pub scan: Option<String>,
    /// A regular expression whose first group is the id in a key found by `scan`. Keys that do not match have none.
    /// A group with a name, as in `^session:(?<user>[^:]+)`, names the column.
    pub id: Option<String>,
    /// With `id`, for keys that count something, as a rate limit has one for each client: ids, each with a number. One
    /// row for each of these ids, with the further columns `count`, its keys, and `reached`, those of them whose value
    /// is this number or more.
    pub at_least: Option<BTreeMap<String, f64>>,
}

impl RedisQuestion {
    fn check(&self) -> Result<(), &'static str> {
        match (&self.command, &self.scan, &self.id, &self.at_least) {
            (Some(words), None, None, None) => redis_shape(words).map(|_| ()),
            (None, Some(_), None, None) => Ok(()),
            (None, Some(_), None, Some(_)) => Err("expected `id` beside `at_least`: which counter a key is"),
            (None, Some(_), Some(id), _) => match Regex::new(id) {
                Ok(id) if id.captures_len() > 1 => Ok(()),
                _ => Err("expected a regular expression with a group in `id`, as in `^session:([^:]+)`"),
            },
            _ => Err("expected either `command`, or `scan`, with or without `id`"),
        }
    }
}

/// A count over the lines of a log file: one row for each combination of the values of `by`, column `count`. Lines
/// beyond 1,000 combinations are counted together, with `other` for each value.
///
/// Fields are names or dotted paths into nested objects.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct LogQuestion {
    /// The fields that a line has to have, with one of these values.
    #[serde(default)]
    pub r#where: BTreeMap<String, Vec<String>>,
    /// The fields whose values make the rows; columns of the same names. A line without the field counts under
    /// `unknown`.
    #[serde(default)]
    pub by: Vec<String>,
    /// The fields whose numbers are added up: the columns `sum_NAME` and `avg_NAME`. The average is over the lines
    /// that have the number, and NULL where there is none.
    #[serde(default)]
    pub sum: Vec<String>,
    /// Counts only lines of this last length of time, to a sixtieth of it and not finer than a second. Without it,
    /// all lines since the exporter first saw the file.
    pub window: Option<Duration>,
}

/// One part of a `distinct` query: a source, and the question whose first column holds ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctPart {
    /// The source.
    pub source: SourceName,
    /// The question.
    pub question: Question,
}

/// What a query asks, and whom.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// One question to one source.
    One {
        /// The source.
        source: SourceName,
        /// The question.
        question: Question,
    },
    /// The number of distinct ids over several answers: one row with the column `count`. Never empty.
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

/// One metric out of a query's rows.
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
    /// Labels with a fixed value, so that several columns make one family.
    #[serde(default)]
    pub labels: BTreeMap<LabelName, String>,
    /// A factor to the base unit: 1024 for a column in KiB, 0.001 for one in milliseconds.
    #[serde(default = "one")]
    pub scale: f64,
    /// Leaves a sample out where its value is NULL or missing, instead of failing the query.
    #[serde(default)]
    pub optional: bool,
    /// Whether values of several label sets may be added up; `false` for times, ages and ratios, which then have no
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

/// What a query makes of its rows; the same for a declared query and for the built-in values of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// The query's name: the value of its `query` label.
    pub name: String,
    /// The columns that become labels.
    pub labels: Vec<LabelName>,
    /// Values of labels that are exported as 0 when no row comes: every combination.
    pub expect: BTreeMap<String, Vec<String>>,
    /// The largest number of label sets; the smallest beyond it are summed under `other`.
    pub max_series: usize,
    /// The metrics. Never empty.
    pub metrics: Vec<MetricSpec>,
}

/// A query that a configuration or pack declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What it makes of its rows.
    pub spec: QuerySpec,
    /// What it asks.
    pub ask: Ask,
    /// How often.
    pub every: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// How long the last good answer is shown while newer ones fail.
    pub max_age: Duration,
}

/// The families that queries may give, each once.
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

    /// The families that this query may give, each once.
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
