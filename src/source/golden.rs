//! The golden values of a kind: the queries of `bundle/<kind>.yml`, put in every probe.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::metric::{Desc, Family};
use crate::probe::{Observation, Problem, Reason};
use crate::query::grammar::{self, Golden};
use crate::query::{self, Answers, Columns, QuerySpec, Question, Reading};
use crate::yaml::{self, Faults, Path};

/// The queries of a kind with what they remember from probe to probe.
pub(super) struct GoldenValues {
    queries: Arc<[Golden]>,
    readings: Vec<Reading>,
}

/// The queries of the kinds' own files. Each is read when its first source is built.
#[derive(Default)]
pub struct GoldenQueries(Mutex<BTreeMap<&'static str, Arc<[Golden]>>>);

impl GoldenQueries {
    fn of(&self, kind: &'static str, text: &str) -> Arc<[Golden]> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(read.entry(kind).or_insert_with(|| load(kind, text).into()))
    }
}

/// Reads the queries of a kind's own file. They stand before its rules and its dashboard, which are not looked at.
///
/// # Panics
/// When the file is wrong. It is part of the binary, and a test loads every one.
fn load(kind: &str, text: &str) -> Vec<Golden> {
    let mut faults = Faults::of(format!("bundle/{kind}.yml"));
    let tree = yaml::parse_literally(before_second_key(text), &mut faults);
    let queries = tree.as_ref().and_then(|tree| tree.get("queries")).map_or(&[][..], yaml::Node::elements);
    let path = Path::default().key("queries");
    let golden: Vec<_> = queries
        .iter()
        .enumerate()
        .filter_map(|(index, node)| grammar::golden(node, &path.index(index), &mut faults))
        .collect();
    assert!(faults.is_empty(), "{faults}");
    golden
}

/// The file up to its second key.
fn before_second_key(text: &str) -> &str {
    let lines = text.match_indices('\n').map(|(at, _)| at + 1);
    let mut keys = lines.filter(|at| text[*at..].starts_with(|first: char| first.is_ascii_alphabetic()));
    keys.nth(1).map_or(text, |at| &text[..at])
}

/// The families that the queries of a kind may give.
pub(super) fn catalogue(kind: &str, text: &str) -> Vec<Desc> {
    query::catalogue(load(kind, text).iter().map(|golden| &*golden.spec))
}

impl GoldenValues {
    pub(super) fn of(kind: &'static str, text: &str, queries: &GoldenQueries) -> Self {
        let queries = queries.of(kind, text);
        let readings = queries.iter().map(|golden| Reading::new(Arc::clone(&golden.spec))).collect();
        Self { queries, readings }
    }

    /// The questions, each with the columns that are read of its answer.
    pub(super) fn questions(&self) -> impl Iterator<Item = (&Question, Columns)> {
        self.queries.iter().map(|golden| (&golden.question, golden.spec.columns()))
    }

    /// The same with another series budget for one query.
    pub(super) fn with_max_series(mut self, query: &str, max_series: usize) -> Self {
        for (golden, reading) in self.queries.iter().zip(&mut self.readings) {
            if golden.spec.name == query {
                *reading = Reading::new(Arc::new(QuerySpec { max_series, ..QuerySpec::clone(&golden.spec) }));
            }
        }
        self
    }

    /// Puts every query that a server of this major version can answer.
    ///
    /// A query that the server refuses is a problem beside the values of the others; a server that can no longer be
    /// reached ends the probe.
    pub(super) async fn ask(
        &mut self,
        source: &mut dyn Answers,
        version: u32,
        timeout: Duration,
    ) -> Result<Observation, Problem> {
        let mut observation = Observation::default();
        for (golden, reading) in self.queries.iter().zip(&mut self.readings) {
            let (from, to) = (golden.min_version.unwrap_or(0), golden.max_version.unwrap_or(u32::MAX));
            if !(from..=to).contains(&version) {
                continue;
            }
            let name = &golden.spec.name;
            match source.rows(&golden.question, &golden.spec.columns(), timeout).await {
                Ok(rows) => match reading.read(rows) {
                    Ok(result) => add(&mut observation.families, result.families),
                    Err(error) => {
                        observation.problems.push(Problem::new(Reason::Query, format!("{name}: {error}")));
                    }
                },
                Err(problem) if is_refusal(problem.reason) => {
                    observation
                        .problems
                        .push(Problem::new(problem.reason, format!("{name}: {}", problem.detail)));
                }
                Err(problem) => return Err(problem),
            }
        }
        Ok(observation)
    }
}

/// Whether the source is there and only this question was refused.
fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Permission | Reason::Query | Reason::NotFound | Reason::Slow)
}

/// Two queries may give parts of one family.
fn add(families: &mut Vec<Family>, more: Vec<Family>) {
    for family in more {
        match families.iter_mut().find(|known| known.desc.name == family.desc.name) {
            Some(known) => known.samples.extend(family.samples),
            None => families.push(family),
        }
    }
}
