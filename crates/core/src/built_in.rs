//! The built-in queries of a kind: those of `kinds/<kind>/queries.yml`, run in every probe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::metric::{Desc, Family};
use crate::probe::{Observation, Problem, Reason};
use crate::query::parse::{self, BuiltInQuery};
use crate::query::{self, Answers, Columns, LanguageFacts, QuerySpec, Question, Reading};
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

/// The queries of a kind, with their state between probes.
pub struct BuiltInQueries {
    queries: Arc<[BuiltInQuery]>,
    readings: Vec<Reading>,
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

/// The families that the queries of a kind may export.
pub fn catalogue(file: QueryFile) -> Vec<Desc> {
    query::catalogue(load(file).iter().map(|built_in| &*built_in.spec))
}

impl BuiltInQueries {
    /// The queries of a kind's file.
    pub fn of(file: QueryFile, queries: &ParsedQueries) -> Self {
        let queries = queries.of(file);
        let readings = queries.iter().map(|built_in| Reading::new(Arc::clone(&built_in.spec))).collect();
        Self { queries, readings }
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

    /// Runs every query that a server of this major version supports.
    ///
    /// A query that the server rejects is a problem, but the others' values are kept; a server that is no longer
    /// reachable ends the probe.
    pub async fn ask(
        &mut self,
        source: &mut dyn Answers,
        version: u32,
        timeout: Duration,
    ) -> Result<Observation, Problem> {
        let mut observation = Observation::default();
        for (built_in, reading) in self.queries.iter().zip(&mut self.readings) {
            let (from, to) = (built_in.min_version.unwrap_or(0), built_in.max_version.unwrap_or(u32::MAX));
            if !(from..=to).contains(&version) {
                continue;
            }
            let name = &built_in.spec.name;
            match source.rows(&built_in.question, &built_in.spec.columns(), timeout).await {
                Ok(rows) => {
                    let faults = match reading.read(rows) {
                        Ok(result) => {
                            add(&mut observation.families, result.families);
                            result.faults
                        }
                        Err(error) => vec![error],
                    };
                    let problem = |fault| Problem::new(Reason::Query, fault).context(name);
                    observation.problems.extend(faults.into_iter().map(problem));
                }
                Err(problem) if is_refusal(problem.reason) => {
                    observation.problems.push(problem.context(name));
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(observation)
    }
}

/// Whether the source is reachable and only rejected this query.
fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Permission | Reason::Query | Reason::NotFound | Reason::Slow)
}

/// Two queries may export parts of one family.
fn add(families: &mut Vec<Family>, more: Vec<Family>) {
    for family in more {
        match families.iter_mut().find(|known| known.desc.name == family.desc.name) {
            Some(known) => known.samples.extend(family.samples),
            None => families.push(family),
        }
    }
}
