//! The answer to CONFIG GET: one row, with a column for each setting.

use ::redis::Value;
use platform_core::probe::Problem;
use platform_core::query::{Cell, Columns, Rows};

use super::table::Records;
use super::value::{into_text, list};

/// Three limits for each class of clients: `normal 0 0 0 pubsub 33554432 8388608 60`.
const BUFFER_LIMITS: &str = "client-output-buffer-limit";

pub(super) fn rows(answer: &Value, wanted: &Columns) -> Result<Rows, Problem> {
    let texts: Vec<String> =
        list(answer.clone()).unwrap_or_default().into_iter().filter_map(into_text).collect();
    let settings: Vec<(String, Cell)> =
        texts.as_chunks().0.iter().flat_map(|[name, value]| columns(name, value)).collect();
    let mut records = Records::new(wanted);
    for (name, _) in &settings {
        records.column(name)?;
    }
    records.push(settings)?;
    Ok(records.finish())
}

fn columns(name: &str, value: &str) -> Vec<(String, Cell)> {
    if name != BUFFER_LIMITS {
        return vec![(name.to_owned(), Cell::Text(value.to_owned()))];
    }
    let words: Vec<&str> = value.split(' ').collect();
    let of_class = |[class, hard, soft, seconds]: &[&str; 4]| {
        [("hard", *hard), ("soft", *soft), ("seconds", *seconds)]
            .map(|(limit, value)| (format!("{name}.{class}.{limit}"), Cell::Text(value.to_owned())))
    };
    words.as_chunks().0.iter().flat_map(of_class).collect()
}
