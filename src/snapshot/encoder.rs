//! Encodes a result before the state of its source is locked: for a large one this takes long, and others wait for the
//! lock.

use std::sync::Arc;

use platform_core::large;
use platform_core::metric::{Family, Lines};
use platform_core::probe::{Observation, Problem};
use platform_core::query::{ReadingError, ResultSet};

/// Encodes one result. Families that have not changed keep their lines.
pub struct Encoder {
    pub(super) source: Arc<str>,
    pub(super) before: Vec<Arc<Lines>>,
    /// Whether a roll-up observes the values.
    pub(super) is_observed: bool,
}

/// The observation of a probe, encoded.
#[derive(Default)]
pub struct EncodedProbe {
    pub(super) lines: Vec<Arc<Lines>>,
    pub(super) problems: Vec<Problem>,
    pub(super) failure: Option<Problem>,
}

/// The result of a query, encoded.
#[derive(Default)]
pub struct EncodedResult {
    pub(super) lines: Vec<Arc<Lines>>,
    /// The same as values, if they are observed.
    pub(super) values: Arc<[Family]>,
    pub(super) series: usize,
    pub(super) dropped: usize,
    pub(super) cut: usize,
    pub(super) faults: Vec<ReadingError>,
}

impl Encoder {
    /// Encodes what a probe has observed.
    pub fn probe(self, observation: Observation) -> EncodedProbe {
        let Observation { families, problems, failure } = observation;
        let lines = large::in_place(series(&families), || self.lines(families));
        EncodedProbe { lines, problems, failure }
    }

    /// Encodes what a query has returned.
    pub fn query(self, result: ResultSet) -> EncodedResult {
        let ResultSet { families, dropped, cut, faults } = result;
        let series = series(&families);
        large::in_place(series, || {
            let values = if self.is_observed { families.as_slice().into() } else { Arc::default() };
            EncodedResult { lines: self.lines(families), values, series, dropped, cut, faults }
        })
    }

    fn lines(&self, families: Vec<Family>) -> Vec<Arc<Lines>> {
        Lines::renew(&self.before, Some(&self.source), families)
    }
}

fn series(families: &[Family]) -> usize {
    families.iter().map(Family::series_count).sum()
}
