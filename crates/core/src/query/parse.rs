//! Parses queries from YAML, and reports each error at its key.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::derived::Derived;
use super::raw_metric::RawMetric;
use super::{Ask, Declared, DistinctPart, Flatten, LanguageFacts, MetricSpec, QuerySpec, Question};
use crate::metric::LabelName;
use crate::setting::{Duration, SourceName};
use crate::yaml::{self, Faults, Node, Path, Value};

const DEFAULT_EVERY: Duration = Duration::seconds(60);
const DEFAULT_TIMEOUT: Duration = Duration::seconds(10);
const DEFAULT_MAX_SERIES: usize = 100;
/// A label set costs memory in Prometheus for hours; more than this is a mistake.
const LARGEST_MAX_SERIES: usize = 10_000;

/// The keys of a query before and after those of the languages.
const KEYS_BEFORE: [&str; 5] = ["name", "source", "every", "timeout", "max_age"];
const KEYS_AFTER: [&str; 6] = ["labels", "expect", "max_series", "metrics", "min_version", "max_version"];
/// Those of the last ones that have no meaning for declared queries.
pub(super) const KEYS_OF_VERSIONS: [&str; 2] = ["min_version", "max_version"];
/// The keys that only a kind's own queries have.
pub(super) const KEYS_BUILT_IN: [&str; 4] = ["columns", "flatten", "collector", "scope"];

/// A query for each of several sources.
const DISTINCT: &str = "distinct";

/// The keys of a query, other than its language.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawQuery {
    /// The name of the query.
    name: String,
    /// The source that it is sent to; the parts of `distinct` have their own.
    source: Option<SourceName>,
    /// How often it runs; default: 1m.
    every: Option<Duration>,
    /// How long it may take, at most `every`; default: 10s.
    timeout: Option<Duration>,
    /// How long the last good result is kept; default: three times `every`.
    max_age: Option<Duration>,
    /// The columns that become labels.
    #[serde(default)]
    labels: Vec<LabelName>,
    /// Label values that are exported as 0 if no row has them.
    #[serde(default)]
    expect: BTreeMap<String, Vec<String>>,
    /// The maximum number of label sets, those of `expect` included; the rest is summed under `other`;
    /// default: 100.
    max_series: Option<usize>,
    /// The metrics that the columns become.
    metrics: Option<Vec<RawMetric>>,
    min_version: Option<u32>,
    max_version: Option<u32>,
    #[serde(default)]
    columns: BTreeMap<LabelName, String>,
    flatten: Option<Flatten>,
    collector: Option<String>,
    scope: Option<LabelName>,
}

/// The keys of a part of `distinct`, other than its language.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawPart {
    /// The source that it is sent to.
    source: SourceName,
    /// Whether its ids are left out of the count.
    #[serde(default)]
    except: bool,
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
    /// The collector that it is a part of: it runs for sources that have it turned on.
    pub collector: Option<String>,
}

impl BuiltInQuery {
    /// Whether a server of this major version supports it.
    pub(crate) fn supports(&self, version: u32) -> bool {
        self.min_version.is_none_or(|oldest| oldest <= version)
            && self.max_version.is_none_or(|newest| version <= newest)
    }
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
}

/// Reads the keys other than that of the language.
fn raw(node: &Node, path: &Path, languages: &[&str], more: &[&str], faults: &mut Faults) -> Option<RawQuery> {
    let known: Vec<_> = KEYS_BEFORE.iter().chain(languages).chain(&KEYS_AFTER).chain(more).copied().collect();
    yaml::refuse_unknown_keys(node, path, &known, faults);
    let Value::Map(_) = node.value else { return yaml::decode(node, path, faults) };
    let common: Vec<_> = KEYS_BEFORE.iter().chain(&KEYS_AFTER).chain(more).copied().collect();
    yaml::decode_rest(&node.only(&common), path, faults)
}

/// Reads one declared query, in one of these languages.
pub fn declared(
    node: &Node,
    path: &Path,
    languages: &[LanguageFacts],
    faults: &mut Faults,
) -> Option<Declared> {
    let before = faults.len();
    let keys: Vec<_> = languages.iter().map(|language| language.key).chain([DISTINCT]).collect();
    let raw = raw(node, path, &keys, &[], faults);
    let Value::Map(_) = node.value else { return None };
    let mut checker = Checker { node, path, faults };
    let ask = ask(languages, &keys, &mut checker);
    let raw = raw?;
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
    let ask = match ask {
        Some(Asked::One(question)) => raw.source.clone().map(|source| Ask::One { source, question }),
        Some(Asked::Distinct(parts)) => Some(Ask::Distinct(parts)),
        None => None,
    };
    let spec = spec(raw, &mut checker);
    let max_age = max_age.unwrap_or(every.tripled());
    (faults.len() == before).then_some(())?;
    Some(Declared { spec, ask: ask?, every, timeout, max_age })
}

/// Reads one query of a kind's own file.
pub fn built_in(
    node: &Node,
    path: &Path,
    language: LanguageFacts,
    faults: &mut Faults,
) -> Option<BuiltInQuery> {
    let before = faults.len();
    let raw = raw(node, path, &[language.key], &KEYS_BUILT_IN, faults)?;
    let mut checker = Checker { node, path, faults };
    for (key, given) in
        [("source", raw.source.is_some()), ("every", raw.every.is_some()), ("timeout", raw.timeout.is_some())]
    {
        if given {
            checker.fault(key, "a kind's built-in queries run with every probe of their source");
        }
    }
    let (min_version, max_version, collector) = (raw.min_version, raw.max_version, raw.collector.clone());
    let question = one(node, path, &[language], &[language.key], checker.faults);
    let spec = spec(raw, &mut checker);
    (faults.len() == before).then_some(())?;
    Some(BuiltInQuery { spec: Arc::new(spec), question: question?, min_version, max_version, collector })
}

/// What a query runs, without the source.
enum Asked {
    One(Question),
    Distinct(Vec<DistinctPart>),
}

fn ask(languages: &[LanguageFacts], keys: &[&str], checker: &mut Checker<'_>) -> Option<Asked> {
    let (node, path) = (checker.node, checker.path);
    let Some(parts) = node.get(DISTINCT) else {
        if node.get("source").is_none() {
            checker.fault("source", "the key `source` is missing: which source to query");
        }
        return one(node, path, languages, keys, checker.faults).map(Asked::One);
    };
    if node.get("source").is_some() || languages.iter().any(|language| node.get(language.key).is_some()) {
        checker.fault(DISTINCT, "expected either `distinct`, or `source` with one query");
    }
    let parts = distinct(parts, &path.key(DISTINCT), languages, checker.faults);
    parts.map(Asked::Distinct)
}

fn distinct(
    node: &Node,
    path: &Path,
    languages: &[LanguageFacts],
    faults: &mut Faults,
) -> Option<Vec<DistinctPart>> {
    if node.elements().is_empty() {
        faults.at(node.place, path, "expected at least one part: `- {source: …, sql: …}`");
        return None;
    }
    let languages: Vec<_> = languages.iter().copied().filter(|language| !language.counts_ahead).collect();
    let keys: Vec<_> = languages.iter().map(|language| language.key).collect();
    let known: Vec<_> = ["source", "except"].into_iter().chain(keys.iter().copied()).collect();
    let parts = node.elements().iter().enumerate().map(|(index, node)| {
        let path = path.index(index);
        yaml::refuse_unknown_keys(node, &path, &known, faults);
        let part = yaml::decode::<RawPart>(&node.only(&["source", "except"]), &path, faults);
        let question = one(node, &path, &languages, &keys, faults);
        let RawPart { source, except } = part?;
        if except && index == 0 {
            faults.at(node.place, &path.key("except"), "the first part has to hold ids that count");
        }
        Some(DistinctPart { source, question: question?, except })
    });
    // All parts are read, so that all errors are reported.
    parts.collect::<Vec<_>>().into_iter().collect()
}

/// The one query that is given. `keys` are those that it may be given under.
fn one(
    node: &Node,
    path: &Path,
    languages: &[LanguageFacts],
    keys: &[&str],
    faults: &mut Faults,
) -> Option<Question> {
    let mut given = languages.iter().filter_map(|language| Some((language, node.get(language.key)?)));
    let (Some((language, value)), None) = (given.next(), given.next()) else {
        faults.at(node.place, path, format!("expected exactly one of {}", keys.join(", ")));
        return None;
    };
    (language.read)(value, &path.key(language.key), faults)
}

fn spec(raw: RawQuery, checker: &mut Checker<'_>) -> QuerySpec {
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
    if raw.scope.as_ref().is_some_and(|scope| !raw.labels.contains(scope)) {
        checker.fault("scope", "expected one of `labels`: the one that names the part that the query sees");
    }
    if raw.metrics.is_none() && raw.flatten.is_none() && !checker.is_wrong("metrics") {
        checker.fault("", "the key `metrics` is missing");
    }
    let metrics = raw.metrics.map(|given| metrics(given, &raw.labels, checker)).unwrap_or_default();
    QuerySpec {
        name: raw.name,
        labels: raw.labels,
        columns: raw.columns,
        expect: raw.expect,
        max_series,
        scope: raw.scope,
        metrics,
        flatten: raw.flatten,
        flattened: Derived::default(),
        exported: Derived::default(),
    }
}

fn metrics(raw: Vec<RawMetric>, labels: &[LabelName], checker: &mut Checker<'_>) -> Vec<MetricSpec> {
    if raw.is_empty() && !checker.is_wrong("metrics") {
        checker.fault("metrics", "expected at least one metric");
    }
    for error in raw.iter().flat_map(|metric| metric.errors(labels, &raw)) {
        checker.fault("metrics", error);
    }
    raw.into_iter().flat_map(RawMetric::numbers).collect()
}
