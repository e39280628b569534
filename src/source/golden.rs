//! The golden values of a kind: the queries of `bundle/<kind>.yml`, put in every probe.

use std::sync::Arc;
use std::time::Duration;

use crate::metric::{Desc, Family};
use crate::probe::{Observation, Problem, Reason};
use crate::query::grammar::{self, Golden};
use crate::query::{self, Answers, Reading};
use crate::yaml::{self, Faults, Path};

/// The queries of a kind with what they remember from probe to probe.
pub(super) struct GoldenValues(Vec<(Golden, Reading)>);

/// Reads the queries of a kind's own file.
///
/// # Panics
/// When the file is wrong. It is part of the binary, and a test loads every one.
fn load(kind: &str, text: &str) -> Vec<Golden> {
    let mut faults = Faults::of(format!("bundle/{kind}.yml"));
    let tree = yaml::parse_literally(text, &mut faults);
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

/// The families that the queries of a kind may give.
pub(super) fn catalogue(kind: &str, text: &str) -> Vec<Desc> {
    query::catalogue(load(kind, text).iter().map(|golden| &golden.spec))
}

impl GoldenValues {
    pub(super) fn of(kind: &str, text: &str) -> Self {
        let with_reading = |golden: Golden| {
            let reading = Reading::new(Arc::new(golden.spec.clone()));
            (golden, reading)
        };
        Self(load(kind, text).into_iter().map(with_reading).collect())
    }

    /// The same with another series budget for one query.
    pub(super) fn with_max_series(mut self, query: &str, max_series: usize) -> Self {
        for (golden, reading) in self.0.iter_mut().filter(|(golden, _)| golden.spec.name == query) {
            golden.spec.max_series = max_series;
            *reading = Reading::new(Arc::new(golden.spec.clone()));
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
        for (golden, reading) in &mut self.0 {
            let (from, to) = (golden.min_version.unwrap_or(0), golden.max_version.unwrap_or(u32::MAX));
            if !(from..=to).contains(&version) {
                continue;
            }
            let name = &golden.spec.name;
            match source.rows(&golden.question, timeout).await {
                Ok(rows) => match reading.read(&rows) {
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
