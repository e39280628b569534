//! Counts distinct ids over several answers: exactly up to a bound, with HyperLogLog beyond it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use hyperloglogplus::{HyperLogLog, HyperLogLogPlus};

use super::{Cell, DistinctPart, Rows};

/// Up to this many ids the count is exact. They are kept as 64-bit hashes; among a million, a collision happens in one
/// of 37 million counts.
const EXACT_UP_TO: usize = 1_000_000;

/// The standard error of HyperLogLog is `1.04 / sqrt(2^p)`: 0.2 %, from 192 KiB. An error of 1 %, the promise, is five of
/// these: one estimate in two million. With a precision of 16 it would be one in seventy.
const PRECISION: u8 = 18;

/// The ids of all parts less those that are excepted, and how many of them only the first part holds.
pub fn count_distinct(parts: &[DistinctPart], rows: &[Rows]) -> Rows {
    let (mut ids, mut excepted) = (DistinctCount::default(), DistinctCount::default());
    rows.iter().skip(1).for_each(|rows| ids.add(rows));
    let without_first = ids.count();
    rows.iter().take(1).for_each(|rows| ids.add(rows));
    rows.iter().zip(parts).filter(|(_, part)| part.except).for_each(|(rows, _)| excepted.add(rows));
    let all = ids.count();
    // Of large counts, which are estimates, a difference may be below zero.
    let cells = [all - excepted.count(), all - without_first].map(|count| Cell::Number(count.max(0.0)));
    Rows::new(vec!["count".to_owned(), "only_first".to_owned()], vec![cells.to_vec()])
}

/// A running count of distinct ids.
pub struct DistinctCount {
    hasher: RandomState,
    ids: Ids,
    bound: usize,
}

enum Ids {
    Exact(HashSet<u64>),
    Sketch(Box<HyperLogLogPlus<u64, RandomState>>),
}

impl Default for DistinctCount {
    fn default() -> Self {
        Self::exact_up_to(EXACT_UP_TO)
    }
}

impl DistinctCount {
    /// A count that is exact up to `bound` ids.
    pub fn exact_up_to(bound: usize) -> Self {
        Self { hasher: RandomState::new(), ids: Ids::Exact(HashSet::new()), bound }
    }

    /// Adds the ids in the first column. NULL is no id; the number 7 and the text `7` are the same one.
    pub fn add(&mut self, rows: &Rows) {
        for id in rows.rows.iter().filter_map(|row| row.first().and_then(Cell::text)) {
            let hash = self.hasher.hash_one(id);
            match &mut self.ids {
                Ids::Exact(ids) => {
                    ids.insert(hash);
                    if ids.len() > self.bound {
                        self.ids = sketch(ids);
                    }
                }
                Ids::Sketch(sketch) => sketch.insert(&hash),
            }
        }
    }

    /// The count.
    pub fn count(&mut self) -> f64 {
        match &mut self.ids {
            #[expect(clippy::cast_precision_loss, reason = "the bound is far below 2^53")]
            Ids::Exact(ids) => ids.len() as f64,
            Ids::Sketch(sketch) => sketch.count().round(),
        }
    }
}

fn sketch(ids: &HashSet<u64>) -> Ids {
    let mut sketch =
        HyperLogLogPlus::new(PRECISION, RandomState::new()).expect("the precision is between 4 and 18");
    for id in ids {
        sketch.insert(id);
    }
    Ids::Sketch(Box::new(sketch))
}
