//! Which days a run writes, and the values observed on each. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

/// The days to write, in this order.
///
/// The newest day in the table may be incomplete, and rows about the day before it may have arrived late: so all days
/// from there to today are due, oldest first, so that after a crash the newest day shows where to resume. Then come
/// missing days, newest first. `settled` is the last day that is final.
pub(super) fn due(first: Date, today: Date, present: &BTreeSet<Date>, settled: Option<Date>) -> Vec<Date> {
    let newest = present.last().copied().unwrap_or(today);
    let from = newest.saturating_sub(1.day()).max(first);
    // An empty table is filled from today backwards.
    let from = if present.is_empty() { today } else { from };
    let recent = from.series(1.day()).take_while(|day| *day <= today);
    let recent = recent.filter(|day| Some(*day) > settled);
    let missing = first.series(1.day()).take_while(|day| *day < from).filter(|day| !present.contains(day));
    let mut missing: Vec<_> = missing.collect();
    missing.reverse();
    recent.chain(missing).collect()
}

/// The largest values of each observed column, by day.
#[derive(Debug, Default)]
pub(super) struct Maxima(BTreeMap<Date, Vec<Option<f64>>>);

impl Maxima {
    /// Records a value of the column with this number.
    pub(super) fn see(&mut self, day: Date, column: usize, value: f64) {
        let columns = self.0.entry(day).or_default();
        if columns.len() <= column {
            columns.resize(column + 1, None);
        }
        let known = &mut columns[column];
        *known = Some(known.map_or(value, |known| known.max(value)));
    }

    /// The values of a day, for this many columns.
    pub(super) fn of(&self, day: Date, columns: usize) -> Vec<Option<f64>> {
        let mut of_day = self.0.get(&day).cloned().unwrap_or_default();
        of_day.resize(columns, None);
        of_day
    }

    /// Forgets the days before this one.
    pub(super) fn forget_before(&mut self, day: Date) {
        self.0 = self.0.split_off(&day);
    }
}
