//! The values that answers are made of.

use ::redis::Value;
use platform_core::large;
use platform_core::query::Cell;

/// So many values are large whatever they are.
const LOOKED_AT: usize = 10_000;

/// About how many values an answer is, a long text being many.
pub(super) fn size(answer: &Value) -> usize {
    match answer {
        Value::Array(values) | Value::Set(values) => {
            values.len() + values.iter().take(LOOKED_AT).map(size).sum::<usize>()
        }
        Value::Map(pairs) => {
            let sizes = pairs.iter().take(LOOKED_AT).map(|(key, value)| size(key) + size(value));
            pairs.len() + sizes.sum::<usize>()
        }
        Value::BulkString(bytes) => large::of_text(bytes.len()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => large::of_text(text.len()),
        _ => 0,
    }
}

/// The text of an answer.
pub(super) fn text(answer: &Value) -> Option<String> {
    into_text(answer.clone())
}

/// The same, without a copy where possible.
pub(super) fn into_text(answer: Value) -> Option<String> {
    match answer {
        Value::BulkString(bytes) => Some(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        ),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

/// The elements of a list.
pub(super) fn list(answer: Value) -> Option<Vec<Value>> {
    match answer {
        Value::Array(values) | Value::Set(values) => Some(values),
        Value::Nil => Some(Vec::new()),
        _ => None,
    }
}

/// A single value.
pub(super) fn cell(value: Value) -> Cell {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
        Value::Int(number) => Cell::Number(number as f64),
        Value::Double(number) => Cell::Number(number),
        Value::Boolean(truth) => Cell::Number(f64::from(u8::from(truth))),
        other => into_text(other).map_or(Cell::Null, Cell::Text),
    }
}
