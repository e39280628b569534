//! Parses queries from YAML, and reports each error at its key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{
    Ask, Declared, DistinctPart, LogQuestion, MetricSpec, MongoQuestion, QuerySpec, Question, RedisQuestion,
    ValueType,
};
use crate::metric::LabelName;
use crate::setting::{Duration, SourceName};
use crate::yaml::{self, Faults, Node, Path};

const DEFAULT_EVERY: Duration = Duration::seconds(60);
const DEFAULT_TIMEOUT: Duration = Duration::seconds(10);
const DEFAULT_MAX_SERIES: usize = 100;
/// A label set costs memory in Prometheus for hours; more than this is a mistake.
const LARGEST_MAX_SERIES: usize = 10_000;

/// A query has exactly one of these keys.
const QUESTIONS: [&str; 5] = ["sql", "mongo", "redis", "log", "distinct"];

/// The keys of a query.
#[derive(Deserialize)]
struct Raw {
    name: String,
    source: Option<SourceName>,
    every: Option<Duration>,
    timeout: Option<Duration>,
    max_age: Option<Duration>,
    sql: Option<String>,
    mongo: Option<MongoQuestion>,
    redis: Option<RedisQuestion>,
    log: Option<LogQuestion>,
    distinct: Option<Vec<RawPart>>,
    #[serde(default)]
    labels: Vec<LabelName>,
    #[serde(default)]
    expect: BTreeMap<String, Vec<String>>,
    max_series: Option<usize>,
    metrics: Vec<MetricSpec>,
    min_version: Option<u32>,
    max_version: Option<u32>,
}

/// The keys of a part of `distinct`.
#[derive(Deserialize)]
struct RawPart {
    source: SourceName,
    sql: Option<String>,
    mongo: Option<MongoQuestion>,
    redis: Option<RedisQuestion>,
}

/// A query of a kind's own file: part of every probe of that kind.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltInQuery {
    /// How rows become samples.
    pub spec: Arc<QuerySpec>,
    /// The query.
    pub question: Question,
    /// The oldest major server version that supports it.
    pub min_version: Option<u32>,
    /// The newest major server version that supports it.
    pub max_version: Option<u32>,
}

/// Reports the errors of one query.
struct Checker<'a> {
    node: &'a Node,
    path: &'a Path,
    faults: &'a mut Faults,
}

impl Checker<'_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        let place = self.node.get(key).map_or(self.node.place, |node| node.place);
        let path = if key.is_empty() { self.path.clone() } else { self.path.key(key) };
        self.faults.at(place, &path, message);
    }

    /// Whether the value of a key has errors itself, so that no further errors are derived from it.
    fn is_wrong(&self, key: &str) -> bool {
        self.faults.concern(self.node.place.file, &self.path.key(key))
    }

    /// How many of these keys are present, valid or not.
    fn given(&self, keys: &[&str]) -> usize {
        keys.iter().filter(|key| self.node.get(key).is_some()).count()
    }
}

/// Reads one declared query.
pub fn declared(node: &Node, path: &Path, faults: &mut Faults) -> Option<Declared> {
    let before = faults.len();
    let raw: Raw = yaml::decode_rest(node, path, faults)?;
    let mut checker = Checker { node, path, faults };
    for (key, given) in [("min_version", raw.min_version), ("max_version", raw.max_version)] {
        if given.is_some() {
            checker.fault(key, "only a kind's built-in queries can depend on the server version");
        }
    }
    let every = raw.every.unwrap_or(DEFAULT_EVERY);
    let (timeout, max_age) = (raw.timeout.unwrap_or(DEFAULT_TIMEOUT.min(every)), raw.max_age);
    if timeout > every && !checker.is_wrong("every") {
        checker.fault("timeout", format!("expected at most `every`, which is {every}"));
    }
    let ask = ask(&raw, &mut checker);
    let spec = spec(raw, &mut checker);
    let max_age = max_age.unwrap_or(every.tripled());
    (faults.len() == before).then_some(())?;
    Some(Declared { spec, ask: ask?, every, timeout, max_age })
}

/// Reads one query of a kind's own file.
pub fn built_in(node: &Node, path: &Path, faults: &mut Faults) -> Option<BuiltInQuery> {
    let before = faults.len();
    let raw: Raw = yaml::decode(node, path, faults)?;
    let mut checker = Checker { node, path, faults };
    for (key, given) in
        [("source", raw.source.is_some()), ("every", raw.every.is_some()), ("timeout", raw.timeout.is_some())]
    {
        if given {
            checker.fault(key, "a kind's built-in queries run with every probe of their source");
        }
    }
    let (min_version, max_version) = (raw.min_version, raw.max_version);
    let question = one(
        &mut checker,
        [
            raw.sql.clone().map(Question::Sql),
            raw.mongo.clone().map(Question::Mongo),
            raw.redis.clone().map(Question::Redis),
            raw.log.clone().map(Question::Log),
        ],
        false,
    );
    let spec = spec(raw, &mut checker);
    (faults.len() == before).then_some(())?;
    Some(BuiltInQuery { spec: Arc::new(spec), question: question?, min_version, max_version })
}

fn ask(raw: &Raw, checker: &mut Checker<'_>) -> Option<Ask> {
    let questions = [
        raw.sql.clone().map(Question::Sql),
        raw.mongo.clone().map(Question::Mongo),
        raw.redis.clone().map(Question::Redis),
        raw.log.clone().map(Question::Log),
    ];
    if let Some(parts) = &raw.distinct {
        if raw.source.is_some() || questions.iter().any(Option::is_some) {
            checker.fault("distinct", "expected either `distinct`, or `source` with one query");
        }
        return distinct(parts, checker);
    }
    if raw.source.is_none() && checker.given(&["source", "distinct"]) == 0 {
        checker.fault("source", "the key `source` is missing: which source to query");
    }
    let is_told = checker.given(&QUESTIONS) == 1;
    Some(Ask::One { question: one(checker, questions, is_told)?, source: raw.source.clone()? })
}

fn distinct(parts: &[RawPart], checker: &mut Checker<'_>) -> Option<Ask> {
    if checker.is_wrong("distinct") {
        return None;
    }
    if parts.is_empty() {
        checker.fault("distinct", "expected at least one part: `- {source: …, sql: …}`");
        return None;
    }
    let parts = parts.iter().map(|part| {
        let question = one(
            checker,
            [
                part.sql.clone().map(Question::Sql),
                part.mongo.clone().map(Question::Mongo),
                part.redis.clone().map(Question::Redis),
            ],
            false,
        );
        Some(DistinctPart { source: part.source.clone(), question: question? })
    });
    parts.collect::<Option<Vec<_>>>().map(Ask::Distinct)
}

/// The one query that is given. `is_told`: it is missing because of an error that has been reported.
fn one<const N: usize>(
    checker: &mut Checker<'_>,
    questions: [Option<Question>; N],
    is_told: bool,
) -> Option<Question> {
    let mut given = questions.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(question), None) => {
            if let Err(message) = question.check()
                && !checker.is_wrong(question.key())
            {
                checker.fault(question.key(), message);
            }
            Some(question)
        }
        (None, _) if is_told => None,
        _ => {
            checker.fault("", "expected exactly one of sql, mongo, redis, log, distinct");
            None
        }
    }
}

fn spec(raw: Raw, checker: &mut Checker<'_>) -> QuerySpec {
    let max_series = raw.max_series.unwrap_or(DEFAULT_MAX_SERIES);
    if !(1..=LARGEST_MAX_SERIES).contains(&max_series) {
        checker.fault("max_series", format!("expected 1 to {LARGEST_MAX_SERIES}"));
    }
    if !raw.expect.is_empty() && !checker.is_wrong("labels") && !checker.is_wrong("expect") {
        let missing = raw.labels.iter().filter(|label| !raw.expect.contains_key(label.as_ref()));
        let missing: Vec<_> = missing.map(AsRef::as_ref).collect();
        if !missing.is_empty() {
            checker
                .fault("expect", format!("expected values for every label; {} has none", missing.join(", ")));
        }
        for key in
            raw.expect.keys().filter(|key| !raw.labels.iter().any(|label| label.as_ref() == key.as_str()))
        {
            checker.fault("expect", format!("`{key}` is not one of `labels`"));
        }
        let expected = raw.expect.values().map(Vec::len).fold(1, usize::saturating_mul);
        if max_series > 0 && expected >= max_series {
            let least = expected.saturating_add(1);
            checker.fault(
                "max_series",
                format!("expected at least {least}: the label sets of `expect`, and `other`"),
            );
        }
    }
    check_metrics(&raw.metrics, &raw.labels, checker);
    QuerySpec { name: raw.name, labels: raw.labels, expect: raw.expect, max_series, metrics: raw.metrics }
}

fn check_metrics(metrics: &[MetricSpec], labels: &[LabelName], checker: &mut Checker<'_>) {
    if metrics.is_empty() && !checker.is_wrong("metrics") {
        checker.fault("metrics", "expected at least one metric");
    }
    for metric in metrics {
        let name = metric.name.as_ref();
        let total = name.ends_with("_total");
        match metric.value_type {
            ValueType::Gauge if total => {
                checker.fault("metrics", format!("{name} is a gauge: only counters end in `_total`"));
            }
            ValueType::Counter if !total => {
                checker.fault("metrics", format!("{name} is a counter: its name has to end in `_total`"));
            }
            _ => {}
        }
        if metric.help.trim().is_empty() {
            checker.fault("metrics", format!("{name} needs a help text"));
        }
        for label in metric.labels.keys() {
            if labels.contains(label) {
                checker.fault("metrics", format!("{name} has the label `{}` twice", label.as_ref()));
            }
        }
        let twins = metrics.iter().filter(|other| other.name == metric.name);
        if twins.clone().any(|other| !other.labels.keys().eq(metric.labels.keys())) {
            checker.fault("metrics", format!("{name} is declared with different labels"));
        }
        if twins.filter(|other| other.labels == metric.labels).count() > 1 {
            checker.fault("metrics", format!("{name} is declared twice"));
        }
    }
}
