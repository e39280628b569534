//! The built-in queries of a kind: those of `kinds/<kind>/queries.yml`, run in every probe.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::collectors::Chosen;
use crate::large;
use crate::metric::{Desc, Family};
use crate::probe::{Observation, Problem, Reason};
use crate::query::parse::{self, BuiltInQuery};
use crate::query::{self, AnswersAll, Columns, LanguageFacts, QuerySpec, Question, Reading, Rows};
use crate::yaml::{self, Faults, Path};

/// A kind's own file of queries: `kinds/KIND/queries.yml`.
#[derive(Clone, Copy, Debug)]
pub struct QueryFile {
    /// The name of the kind.
    pub kind: &'static str,
    /// What is in the file.
    pub text: &'static str,
    /// The language of the queries.
    pub language: LanguageFacts,
}

/// What the names of families start with that rules make of what a server sends.
pub fn prefixes(file: QueryFile) -> Vec<String> {
    let rules =
        load(file).into_iter().filter_map(|built_in| Some(built_in.spec.flatten.as_ref()?.prefix.clone()));
    let mut prefixes: Vec<_> = rules.map(|prefix| prefix + "_").collect();
    prefixes.sort();
    prefixes.dedup();
    prefixes
}

/// The queries of a kind, with their state between probes.
pub struct BuiltInQueries {
    queries: Arc<[BuiltInQuery]>,
    readings: Vec<Reading>,
    /// The collectors that are turned on.
    collectors: Vec<&'static str>,
    /// Those that the next run is limited to.
    chosen: Option<Chosen>,
    /// Whether only the queries that have a scope are run.
    only_scoped: bool,
}

/// Families by name, in the order in which they came.
#[derive(Default)]
struct Merged {
    families: Vec<Family>,
    places: HashMap<Cow<'static, str>, usize>,
}

/// The queries of the kinds' own files. Each is read when its first source is built.
#[derive(Default)]
pub struct ParsedQueries(Mutex<BTreeMap<&'static str, Arc<[BuiltInQuery]>>>);

impl ParsedQueries {
    fn of(&self, file: QueryFile) -> Arc<[BuiltInQuery]> {
        let mut read = self.0.lock();
        Arc::clone(read.entry(file.kind).or_insert_with(|| load(file).into()))
    }
}

/// Reads the queries of a kind's own file.
///
/// # Panics
/// When the file has errors. It is part of the binary, and a test loads every one.
fn load(QueryFile { kind, text, language }: QueryFile) -> Vec<BuiltInQuery> {
    let mut faults = Faults::of(format!("kinds/{kind}/queries.yml"));
    let tree = yaml::parse_literally(text, &mut faults);
    let queries = tree.as_ref().and_then(|tree| tree.get("queries")).map_or(&[][..], yaml::Node::elements);
    let path = Path::default().key("queries");
    let built_in: Vec<_> = queries
        .iter()
        .enumerate()
        .filter_map(|(index, node)| parse::built_in(node, &path.index(index), language, &mut faults))
        .collect();
    assert!(faults.is_empty(), "{faults}");
    built_in
}

/// The families that the queries of a kind may export, without those that rules name after what a server sends.
pub fn catalogue(file: QueryFile) -> Vec<Desc> {
    query::catalogue(load(file).iter().map(|built_in| &*built_in.spec))
}

impl BuiltInQueries {
    /// The queries of a kind's file.
    pub fn of(file: QueryFile, queries: &ParsedQueries) -> Self {
        let queries = queries.of(file);
        let readings = queries.iter().map(|built_in| Reading::new(Arc::clone(&built_in.spec))).collect();
        Self { queries, readings, collectors: Vec::new(), chosen: None, only_scoped: false }
    }

    /// The same with these collectors turned on.
    pub fn collecting(self, collectors: Vec<&'static str>) -> Self {
        Self { collectors, ..self }
    }

    /// Only those that see one part of a source, for a further part. What is true of the whole source is asked once.
    pub fn only_scoped(self) -> Self {
        Self { only_scoped: true, ..self }
    }

    /// Limits the next runs to a part of what is turned on.
    pub fn choose(&mut self, chosen: Option<&Chosen>) {
        self.chosen = chosen.cloned();
    }

    /// Whether what every probe reads is part of the next run.
    pub fn has_server(&self) -> bool {
        self.has(None)
    }

    /// Whether there is anything to run on any version of a server.
    pub fn is_empty(&self) -> bool {
        !self.queries.iter().any(|built_in| self.is_chosen(built_in))
    }

    fn has(&self, collector: Option<&str>) -> bool {
        collector.is_none_or(|collector| self.collectors.contains(&collector))
            && self.chosen.as_ref().is_none_or(|chosen| chosen.has(collector))
    }

    fn is_chosen(&self, built_in: &BuiltInQuery) -> bool {
        self.has(built_in.collector.as_deref()) && (!self.only_scoped || built_in.spec.scope.is_some())
    }

    /// The queries, each with the columns that are read from its result.
    pub fn questions(&self) -> impl Iterator<Item = (&Question, Columns)> {
        self.queries.iter().map(|built_in| (&built_in.question, built_in.spec.columns()))
    }

    /// The same with another series budget for one query.
    pub fn with_max_series(mut self, query: &str, max_series: usize) -> Self {
        for (built_in, reading) in self.queries.iter().zip(&mut self.readings) {
            if built_in.spec.name == query {
                *reading =
                    Reading::new(Arc::new(QuerySpec { max_series, ..QuerySpec::clone(&built_in.spec) }));
            }
        }
        self
    }

    /// Runs every query of the collectors that are turned on and chosen that a server of this major version supports.
    ///
    /// A query that the server rejects is a problem, but the others' values are kept; a server that is no longer
    /// reachable ends the probe.
    pub async fn ask(
        &mut self,
        source: &mut dyn AnswersAll,
        version: u32,
        timeout: Duration,
    ) -> Result<Observation, Problem> {
        let runs: Vec<bool> = self
            .queries
            .iter()
            .map(|built_in| built_in.supports(version) && self.is_chosen(built_in))
            .collect();
        let all = self.queries.iter().zip(&mut self.readings).zip(runs);
        let chosen: Vec<_> = all.filter_map(|(query, runs)| runs.then_some(query)).collect();
        let asked: Vec<_> =
            chosen.iter().map(|(built_in, _)| (&built_in.question, built_in.spec.columns())).collect();
        let mut observation = Observation::default();
        let mut merged = Merged::default();
        let mut readers = chosen.into_iter();
        let mut take = |answer: Result<Rows, Problem>| {
            let Some((built_in, reading)) = readers.next() else { return };
            let name = &built_in.spec.name;
            match &answer {
                Ok(rows) => {
                    tracing::debug!(event = "built_in_query.ended", query = name, rows = rows.rows.len())
                }
                Err(problem) => tracing::debug!(event = "built_in_query.ended", query = name, %problem),
            }
            let read = |rows: Rows| large::in_place(rows.size(), || reading.read(rows));
            let faults = match answer.map(read) {
                Ok(Ok(result)) => {
                    merged.add(result.families);
                    result.faults
                }
                Ok(Err(error)) => vec![error],
                Err(problem) => return observation.problems.push(problem.context(name)),
            };
            let problem = |fault| Problem::new(Reason::Query, fault).context(name);
            observation.problems.extend(faults.into_iter().map(problem));
        };
        source.all_rows(&asked, timeout, &mut take).await?;
        observation.families = merged.families;
        Ok(observation)
    }
}

/// What was observed in several parts of a source. Their samples differ in the label that is the scope of their queries.
pub fn joined(parts: impl IntoIterator<Item = Observation>) -> Observation {
    let (mut all, mut merged) = (Observation::default(), Merged::default());
    for part in parts {
        merged.add(part.families);
        all.problems.extend(part.problems);
        all.failure = all.failure.or(part.failure);
    }
    all.families = merged.families;
    all
}

/// Whether the samples of both may be in one family.
fn has_same_series(known: &Family, family: &Family) -> bool {
    let (known, desc) = (&known.desc, &family.desc);
    known.metric_type == desc.metric_type && known.labels.iter().eq(desc.labels.iter())
}

impl Merged {
    /// Two queries may export parts of one family. What has other labels or another type under its name is left out.
    fn add(&mut self, more: Vec<Family>) {
        for family in more {
            let place = *self.places.entry(family.desc.name.clone()).or_insert(self.families.len());
            match self.families.get_mut(place) {
                Some(known) if has_same_series(known, &family) => {
                    known.samples.extend(family.samples);
                    known.histograms.extend(family.histograms);
                }
                Some(_) => {}
                None => self.families.push(family),
            }
        }
    }
}
