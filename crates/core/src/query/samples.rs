//! Turns the rows of one query's result set into samples. A family is exported whole or not at all: half of one would be a
//! wrong number.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::histograms::HistogramNumbers;
use super::other_counters::Values;
use super::reading_error::ReadingError;
use super::series_budget::SeriesBudget;
use super::value_type::{MetricPart, ValueType};
use super::{Cell, MetricSpec, NumberPerRow, QuerySpec, Rows};
use crate::metric::{Family, MetricName, Sample, label_value};

/// Columns of earlier runs that are remembered, beside as many as there are now: keys may come and go.
const MOST_GONE: usize = 100;

/// Turns a query's rows into samples, and remembers which label sets have their own series.
#[derive(Debug)]
pub struct Reading {
    spec: Arc<QuerySpec>,
    /// The columns of which `flatten` made the metrics: all that there were in some run.
    columns: Arc<[String]>,
    budget: SeriesBudget,
}

/// A value in the unit of its metric. 0.01 is no binary fraction, but 100 is exact: cents become 13383.38 dollars, and not
/// 13383.380000000001.
fn scaled(value: f64, scale: f64) -> f64 {
    let divisor = scale.recip();
    let is_whole = scale.abs() < 1.0 && divisor.round().recip() == scale;
    if is_whole { value / divisor.round() } else { value * scale }
}

/// The families that are left out, and why.
type Unreadable = BTreeMap<MetricName, ReadingError>;

/// The result of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    /// The families.
    pub families: Vec<Family>,
    /// How many label sets were summed under `other`.
    pub dropped: usize,
    /// How many label values were too long and have been cut.
    pub cut: usize,
    /// Why families are left out.
    pub faults: Vec<ReadingError>,
}

impl Reading {
    /// A reading that has seen no rows yet.
    pub fn new(spec: Arc<QuerySpec>) -> Self {
        Self { budget: budget(&spec), spec, columns: Arc::default() }
    }

    /// Turns the rows of one run into families.
    ///
    /// A family whose column is missing, or has a value that is not a number, is left out with all its samples.
    ///
    /// # Errors
    /// When a label column is missing, a label is NULL, a label set occurs twice, or every family would be left out.
    pub fn read(&mut self, rows: Rows) -> Result<ResultSet, ReadingError> {
        let rows = match self.spec.flatten.as_ref().and_then(|flatten| flatten.rows.as_ref()) {
            Some(by) => turned(rows, by)?,
            None => rows,
        };
        self.flatten(&rows.columns);
        let folded = rows.folded;
        let mut faults = Unreadable::new();
        let histograms = HistogramNumbers::of(&self.spec.metrics);
        let (mut lines, cut) = self.lines(rows, &histograms, &mut faults)?;
        let expected = self.expected();
        for labels in &expected {
            lines.entry(labels.clone()).or_insert_with(|| vec![Some(0.0); self.spec.metrics.len()]);
        }
        let other = self.spec.other(lines.keys().next());
        let dropped = self.budget.apply(&mut lines, &expected, other.clone(), self.spec.max_series);
        if let Some(sums) = lines.get_mut(&other).filter(|_| dropped > 0) {
            self.leave_out_meaningless(sums);
        }
        let families = self.families(lines, &histograms, &faults);
        match (families.is_empty(), faults.first_entry()) {
            (true, Some(fault)) => Err(fault.remove()),
            _ => Ok(ResultSet { families, dropped: dropped + folded, cut, faults: each_once(faults) }),
        }
    }

    /// Makes metrics of columns that there were not before. The others stay as they are: a column that is empty in one
    /// run must not make the budget forget what it has counted. It starts over when the column is gone by which series are
    /// chosen, or when most columns are those of earlier runs.
    fn flatten(&mut self, columns: &[String]) {
        let is_other = !columns.is_empty() && *self.columns != *columns;
        let Some(flatten) = self.spec.flatten.as_ref().filter(|_| is_other) else { return };
        let known: HashSet<&str> = self.columns.iter().map(String::as_str).collect();
        let new: Vec<_> = columns.iter().filter(|column| !known.contains(column.as_str())).cloned().collect();
        let has_size = self.spec.metrics.first().is_none_or(|metric| columns.contains(&metric.value));
        if new.is_empty() && has_size {
            return;
        }
        let starts_over = !has_size || self.columns.len() + new.len() > 2 * columns.len() + MOST_GONE;
        let columns = if starts_over { columns.to_vec() } else { [&*self.columns, &new].concat() };
        let make = |columns: &[String]| self.spec.of_columns(flatten, columns);
        let (columns, spec) = self.spec.flattened.of(columns, make);
        if starts_over {
            self.budget = budget(&spec);
        } else {
            self.budget.grow(are_counters(&spec));
        }
        (self.columns, self.spec) = (columns, spec);
    }

    /// Texts move from cell to label, and each row is dropped once read, so a large result does not take twice the
    /// memory.
    fn lines(
        &self,
        Rows { columns, rows, unread, .. }: Rows,
        histograms: &[HistogramNumbers],
        faults: &mut Unreadable,
    ) -> Result<(BTreeMap<Vec<String>, Values>, usize), ReadingError> {
        let (mut lines, mut cut) = (BTreeMap::new(), 0);
        if rows.is_empty() {
            return Ok((lines, cut));
        }
        let labels = self.spec.labels.iter().map(|label| column(&columns, &unread, self.spec.column(label)));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        let values = self.value_columns(&columns, &unread, faults);
        for (number, mut row) in (1..).zip(rows) {
            let mut line = self.values(&columns, &row, number, &values, faults);
            self.check(histograms, &mut line, number, faults);
            let mut key = Vec::with_capacity(labels.len());
            for &index in &labels {
                let text = std::mem::replace(&mut row[index], Cell::Null).into_text();
                let null = || ReadingError::NullLabel { column: columns[index].clone(), row: number };
                let text = text.ok_or_else(null)?;
                key.push(match label_value(&text) {
                    Cow::Borrowed(_) => text,
                    Cow::Owned(shorter) => {
                        cut += 1;
                        shorter
                    }
                });
            }
            match lines.entry(key) {
                Entry::Vacant(place) => place.insert(line),
                Entry::Occupied(place) => {
                    return Err(ReadingError::twice(place.key(), &columns, &unread));
                }
            };
        }
        Ok((lines, cut))
    }

    /// The position of each metric's column; `None` for one that the result lacks.
    fn value_columns(
        &self,
        columns: &[String],
        unread: &[String],
        faults: &mut Unreadable,
    ) -> Vec<Option<usize>> {
        // A flattened query has thousands.
        let places: HashMap<&str, usize> =
            columns.iter().enumerate().rev().map(|(place, column)| (column.as_str(), place)).collect();
        let find = |metric: &MetricSpec| {
            let place = places.get(metric.value.as_str()).copied();
            if place.is_none() && !metric.optional {
                let error = || ReadingError::missing(columns, unread, &metric.value);
                faults.entry(metric.name.clone()).or_insert_with(error);
            }
            place
        };
        self.spec.metrics.iter().map(find).collect()
    }

    fn values(
        &self,
        columns: &[String],
        row: &[Cell],
        number: usize,
        places: &[Option<usize>],
        faults: &mut Unreadable,
    ) -> Values {
        let value = |(metric, place): (&MetricSpec, &Option<usize>)| {
            let (index, cell) = place.map(|index| (index, &row[index]))?;
            match (cell, cell.number()) {
                (_, Some(value)) => return Some(scaled(value, metric.scale)),
                (Cell::Null, None) if metric.optional => return None,
                _ => {}
            }
            let column = || columns[index].clone();
            let error = || match cell {
                Cell::Null => ReadingError::NullValue { column: column(), row: number },
                _ => ReadingError::NotANumber { column: column(), row: number },
            };
            faults.entry(metric.name.clone()).or_insert_with(error);
            None
        };
        self.spec.metrics.iter().zip(places).map(value).collect()
    }

    /// A histogram with an impossible row is left out.
    fn check(
        &self,
        histograms: &[HistogramNumbers],
        values: &mut Values,
        row: usize,
        faults: &mut Unreadable,
    ) {
        let metrics = &self.spec.metrics;
        for histogram in histograms {
            if let Err(error) = histogram.check(metrics, values, row, self.spec.flatten.is_some()) {
                faults.entry(metrics[histogram.count].name.clone()).or_insert(error);
            }
        }
    }

    /// Every combination of the expected label values.
    fn expected(&self) -> BTreeSet<Vec<String>> {
        if self.spec.expect.is_empty() {
            return BTreeSet::new();
        }
        let mut combined = BTreeSet::from([Vec::new()]);
        for values in self.spec.labels.iter().filter_map(|label| self.spec.expect.get(label.as_ref())) {
            let extended = combined.iter().flat_map(|head: &Vec<String>| {
                values.iter().map(|value| head.iter().chain([value]).cloned().collect::<Vec<_>>())
            });
            combined = extended.collect();
        }
        combined
    }

    /// The budget sums every metric of the label sets over it, which is meaningless for times, ages and ratios.
    fn leave_out_meaningless(&self, sums: &mut Values) {
        for (sum, _) in sums.iter_mut().zip(&self.spec.metrics).filter(|(_, metric)| !metric.additive) {
            *sum = None;
        }
    }

    fn families(
        &self,
        lines: BTreeMap<Vec<String>, Values>,
        histograms: &[HistogramNumbers],
        faults: &Unreadable,
    ) -> Vec<Family> {
        let exported = self.spec.exported();
        let mut families: Vec<Family> = exported.families.iter().map(Family::of).collect();
        let lines: Vec<(Arc<[String]>, Values)> =
            lines.into_iter().map(|(labels, values)| (labels.into(), values)).collect();
        let is_whole = |metric: &MetricSpec| !faults.contains_key(&metric.name);
        let is_value = |metric: &MetricSpec| metric.part == MetricPart::Value && is_whole(metric);
        for (index, metric) in self.spec.metrics.iter().enumerate().filter(|(_, metric)| is_value(metric)) {
            let family = &mut families[exported.places[index]];
            for (labels, values) in &lines {
                if let Some(value) = values.get(index).copied().flatten() {
                    family.samples.push(Sample { labels: with_own_labels(labels, metric), value });
                }
            }
        }
        for histogram in histograms {
            let metric = &self.spec.metrics[histogram.count];
            if !is_whole(metric) {
                continue;
            }
            let family = &mut families[exported.places[histogram.count]];
            let sample = |(labels, values)| histogram.sample(with_own_labels(labels, metric), values);
            family
                .histograms
                .extend(lines.iter().map(|(labels, values)| (labels, values)).filter_map(sample));
        }
        families.retain(|family| !family.is_empty());
        families
    }
}

fn budget(spec: &QuerySpec) -> SeriesBudget {
    SeriesBudget::with_counters(are_counters(spec))
}

/// For each metric, whether it is one that may be counted under `other`. Without labels there is one line at most.
fn are_counters(spec: &QuerySpec) -> Vec<bool> {
    if spec.labels.is_empty() {
        return Vec::new();
    }
    spec.metrics.iter().map(|metric| metric.value_type != ValueType::Gauge).collect()
}

/// Several families may lack the same column.
fn each_once(unreadable: Unreadable) -> Vec<ReadingError> {
    let mut faults: Vec<ReadingError> = Vec::new();
    for fault in unreadable.into_values() {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

/// The labels of a row, shared by its metrics, plus those of the metric itself.
fn with_own_labels(labels: &Arc<[String]>, metric: &MetricSpec) -> Arc<[String]> {
    if metric.labels.is_empty() {
        return Arc::clone(labels);
    }
    labels.iter().chain(metric.labels.values()).cloned().collect()
}

/// One row, made of an answer with a row for each number.
fn turned(Rows { columns, rows, unread, folded }: Rows, by: &NumberPerRow) -> Result<Rows, ReadingError> {
    if rows.is_empty() {
        return Ok(Rows::default());
    }
    let path = column(&columns, &unread, &by.path)?;
    let value = column(&columns, &unread, &by.value)?;
    let number =
        |mut row: Vec<Cell>| Some((row[path].text()?, std::mem::replace(&mut row[value], Cell::Null)));
    let (columns, numbers) = rows.into_iter().filter_map(number).unzip();
    Ok(Rows { folded, ..Rows::new(columns, vec![numbers]) })
}

fn column(columns: &[String], unread: &[String], name: &str) -> Result<usize, ReadingError> {
    columns
        .iter()
        .position(|column| column == name)
        .ok_or_else(|| ReadingError::missing(columns, unread, name))
}
