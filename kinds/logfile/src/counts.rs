//! Matches lines against the declared queries, and counts them. Pure; time is an argument.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use platform_core::query::{Cell, OTHER, Rows};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::question::LogQuestion;

/// A query's window is divided into this many parts.
const PARTS: f64 = 60.0;
/// Each combination of the values of `by` takes memory here and in Prometheus. Further ones are counted together:
/// otherwise anyone who can write to the log could stop the counting.
const MOST_COMBINATIONS: usize = 1000;
/// This many of the combinations counted together are remembered, to report their number.
const MOST_FOLDED: usize = 10_000;
/// Longer values are cut: they are texts, not labels.
const LONGEST_VALUE: usize = 128;
/// The value of a field that a line lacks.
const UNKNOWN: &str = "unknown";

/// The counts of one query.
#[derive(Debug)]
pub(super) struct Tally {
    question: LogQuestion,
    combinations: BTreeMap<Vec<String>, Parts>,
    /// The last part with a line of a surplus combination.
    overflow: Option<i64>,
    /// Surplus combinations by hash, with the last part in which each had a line.
    folded: BTreeMap<u64, i64>,
}

/// The counts of a combination by part of the window; without a window, all in one.
type Parts = BTreeMap<i64, Count>;

/// A number of lines, and their sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Count {
    lines: u64,
    /// For each field of `sum`, the number of lines with a number there, and its sum.
    sums: Vec<(u64, f64)>,
}

/// What survives a restart: the counts of a query, identified by its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedCounts {
    question: String,
    combinations: Vec<(Vec<String>, Parts)>,
    overflow: Option<i64>,
}

impl Tally {
    pub(super) fn new(question: LogQuestion) -> Self {
        Self { question, combinations: BTreeMap::new(), overflow: None, folded: BTreeMap::new() }
    }

    pub(super) fn question(&self) -> &LogQuestion {
        &self.question
    }

    /// How many counts it has.
    pub(super) fn size(&self) -> usize {
        let counts: usize = self.combinations.values().map(BTreeMap::len).sum();
        counts * (1 + self.question.sum.len())
    }

    /// Counts a line that was written at `at`, if it matches.
    pub(super) fn count(&mut self, line: &Value, at: f64, now: f64) {
        let part = self.part(at);
        if part < self.oldest(now) || !self.matches(line) {
            return;
        }
        let values = self.question.by.iter().map(|path| field(line, path).and_then(label));
        let mut key: Vec<_> = values.map(|value| value.unwrap_or_else(|| UNKNOWN.to_owned())).collect();
        if self.combinations.len() >= MOST_COMBINATIONS && !self.combinations.contains_key(&key) {
            self.fold(&key, part);
            key.fill(OTHER.to_owned());
        }
        let numbers = self.question.sum.iter().map(|path| field(line, path).and_then(number));
        self.combinations.entry(key).or_default().entry(part).or_default().add(numbers);
    }

    /// Remembers a combination counted under `other`.
    fn fold(&mut self, key: &[String], part: i64) {
        self.overflow = self.overflow.max(Some(part));
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        if self.folded.len() < MOST_FOLDED || self.folded.contains_key(&hash) {
            let last = self.folded.entry(hash).or_insert(part);
            *last = part.max(*last);
        }
    }

    /// The number of remembered combinations under `other` since the start.
    fn folded(&self, oldest: i64) -> usize {
        let is_any = self.overflow.is_some_and(|part| part >= oldest);
        self.folded.values().filter(|&&part| part >= oldest).count().max(usize::from(is_any))
    }

    /// Drops what has left the window.
    pub(super) fn prune(&mut self, now: f64) {
        let oldest = self.oldest(now);
        self.combinations.retain(|_, parts| {
            *parts = parts.split_off(&oldest);
            !parts.is_empty()
        });
        self.overflow = self.overflow.filter(|&part| part >= oldest);
        self.folded.retain(|_, part| *part >= oldest);
    }

    /// The result of the query.
    pub(super) fn rows(&self, now: f64) -> Rows {
        let oldest = self.oldest(now);
        let LogQuestion { by, sum, .. } = &self.question;
        let sums = sum.iter().flat_map(|name| [format!("sum_{name}"), format!("avg_{name}")]);
        let columns = by.iter().cloned().chain(["count".to_owned()]).chain(sums).collect();
        let mut rows: Vec<_> = self
            .combinations
            .iter()
            .filter_map(|(key, parts)| {
                let mut parts = parts.range(oldest..).map(|(_, count)| count);
                let first = parts.next()?.clone();
                Some(row(key, parts.fold(first, Count::plus)))
            })
            .collect();
        // A query without `by` has one row, even if nothing matched.
        if by.is_empty() && rows.is_empty() {
            rows.push(row(&[], Count { lines: 0, sums: vec![(0, 0.0); sum.len()] }));
        }
        Rows { folded: self.folded(oldest), ..Rows::new(columns, rows) }
    }

    pub(super) fn memory(&self) -> SavedCounts {
        let combinations = self.combinations.clone().into_iter().collect();
        SavedCounts { question: text(&self.question), combinations, overflow: self.overflow }
    }

    /// Restores the counts of the last run, if they belong to this query.
    pub(super) fn resume(&mut self, memories: &[SavedCounts]) {
        let text = text(&self.question);
        if let Some(memory) = memories.iter().find(|memory| memory.question == text) {
            self.combinations = memory.combinations.iter().cloned().collect();
            self.overflow = memory.overflow;
        }
    }

    fn matches(&self, line: &Value) -> bool {
        self.question.r#where.iter().all(|(path, wanted)| {
            field(line, path).and_then(plain).is_some_and(|value| wanted.contains(&value))
        })
    }

    /// The part that contains a time.
    fn part(&self, at: f64) -> i64 {
        match self.question.window {
            None => 0,
            #[expect(clippy::cast_possible_truncation, reason = "a number of seconds")]
            Some(window) => (at / (window.get().as_secs_f64() / PARTS).max(1.0)).floor() as i64,
        }
    }

    /// The oldest part that is still in the window.
    fn oldest(&self, now: f64) -> i64 {
        match self.question.window {
            None => 0,
            Some(window) => self.part(now - window.get().as_secs_f64()) + 1,
        }
    }
}

impl Count {
    fn add(&mut self, numbers: impl ExactSizeIterator<Item = Option<f64>>) {
        self.lines += 1;
        self.sums.resize(numbers.len(), (0, 0.0));
        for ((lines, sum), number) in self.sums.iter_mut().zip(numbers) {
            if let Some(number) = number {
                *lines += 1;
                *sum += number;
            }
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        self.lines += other.lines;
        for ((lines, sum), more) in self.sums.iter_mut().zip(&other.sums) {
            *lines += more.0;
            *sum += more.1;
        }
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of lines are far below 2^53")]
fn row(key: &[String], count: Count) -> Vec<Cell> {
    let mut row: Vec<_> = key.iter().cloned().map(Cell::Text).collect();
    row.push(Cell::Number(count.lines as f64));
    for (lines, sum) in count.sums {
        row.push(Cell::Number(sum));
        row.push(if lines == 0 { Cell::Null } else { Cell::Number(sum / lines as f64) });
    }
    row
}

/// A field by its name, which may hold dots itself, or by a dotted path.
pub(super) fn field<'a>(line: &'a Value, path: &str) -> Option<&'a Value> {
    let whole = line.get(path);
    whole.or_else(|| {
        let (first, rest) = path.split_once('.')?;
        field(line.get(first)?, rest)
    })
}

/// A value as a label.
fn label(value: &Value) -> Option<String> {
    let text = plain(value)?;
    let end = text.char_indices().nth(LONGEST_VALUE).map_or(text.len(), |(end, _)| end);
    Some(text[..end].to_owned())
}

/// A value from the configuration.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// The query as a text that is the same in every run.
fn text(question: &LogQuestion) -> String {
    let LogQuestion { r#where, by, sum, window } = question;
    let window = window.map(|window| window.get().as_secs_f64());
    serde_json::json!({"where": r#where, "by": by, "sum": sum, "window": window}).to_string()
}

#[cfg(test)]
mod tests;
