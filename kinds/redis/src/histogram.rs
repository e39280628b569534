//! The answer to LATENCY HISTOGRAM: how many calls of each command took at most so many microseconds.

use std::collections::HashMap;

use ::redis::Value;
use platform_core::probe::Problem;
use platform_core::query::{Cell, Columns, Rows};

use super::table::Records;
use super::value::{cell, into_text, list};

/// A row for each command: its calls, the microseconds spent in it as far as known, and the buckets that are not empty.
pub(super) fn rows(
    answer: &Value,
    durations: &HashMap<&str, f64>,
    wanted: &Columns,
) -> Result<Rows, Problem> {
    let histograms: Vec<_> = pairs(answer)
        .filter_map(|(command, histogram)| {
            let command = into_text(command)?;
            let duration = durations.get(command.as_str()).copied();
            Some(fields(command, &histogram, duration))
        })
        .collect();
    let mut records = Records::new(wanted);
    for (name, _) in histograms.iter().flatten() {
        records.column(name)?;
    }
    for histogram in histograms {
        records.push(histogram)?;
    }
    Ok(records.finish())
}

fn fields(command: String, histogram: &Value, duration: Option<f64>) -> Vec<(String, Cell)> {
    let mut fields = vec![("cmd".to_owned(), Cell::Text(command))];
    let mut buckets = Vec::new();
    for (name, value) in pairs(histogram) {
        match into_text(name).as_deref() {
            Some("calls") => {
                fields.push(("count".to_owned(), cell(value)));
            }
            Some("histogram_usec") => {
                buckets.extend(pairs(&value).filter_map(|(bound, calls)| {
                    Some((format!("bucket.{}", cell(bound).text()?), cell(calls)))
                }))
            }
            _ => {}
        }
    }
    fields.extend(duration.map(|duration| ("sum".to_owned(), Cell::Number(duration))));
    fields.extend(buckets);
    fields
}

/// The elements of a list of alternating keys and values.
fn pairs(answer: &Value) -> impl Iterator<Item = (Value, Value)> {
    let mut values = list(answer.clone()).unwrap_or_default().into_iter();
    std::iter::from_fn(move || Some((values.next()?, values.next()?)))
}
