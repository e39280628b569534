//! From the answer to a command to rows.

use ::redis::Value;

use super::info::Info;
use crate::probe::{Problem, Reason};
use crate::query::{Cell, RedisShape, Rows};

/// The rows of an answer to the command of these words.
pub(super) fn rows(shape: RedisShape, words: &[String], answer: Value) -> Result<Rows, Problem> {
    let unexpected = || {
        Problem::new(Reason::Protocol, format!("the answer to {} is not what was expected", words.join(" ")))
    };
    let rows = match shape {
        RedisShape::Values => Some(values(answer)),
        RedisShape::Pairs => list(answer).map(pairs),
        RedisShape::Named(from) => list(answer).map(|values| named(words.get(from..).unwrap_or(&[]), values)),
        RedisShape::Maps => list(answer).map(maps),
        RedisShape::Table(columns) => list(answer).map(|lists| table(columns, lists)),
        RedisShape::Row(columns) => list(answer).map(|values| table(columns, vec![Value::Array(values)])),
        RedisShape::Info => {
            text(&answer).map(|text| Info::parse(&text).table(words.get(1).map(String::as_str)))
        }
        RedisShape::Clients => text(&answer).map(|text| clients(&text)),
        RedisShape::Time => time(answer),
    };
    rows.ok_or_else(unexpected)
}

/// The text of an answer.
pub(super) fn text(answer: &Value) -> Option<String> {
    match answer {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

fn list(answer: Value) -> Option<Vec<Value>> {
    match answer {
        Value::Array(values) | Value::Set(values) => Some(values),
        Value::Nil => Some(Vec::new()),
        _ => None,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
        Value::Int(number) => Cell::Number(*number as f64),
        Value::Double(number) => Cell::Number(*number),
        Value::Boolean(truth) => Cell::Number(f64::from(u8::from(*truth))),
        other => text(other).map_or(Cell::Null, Cell::Text),
    }
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn values(answer: Value) -> Rows {
    let rows = match answer {
        Value::Array(values) | Value::Set(values) => values.iter().map(|value| vec![cell(value)]).collect(),
        single => vec![vec![cell(&single)]],
    };
    Rows::new(columns(&["value"]), rows)
}

fn pairs(values: Vec<Value>) -> Rows {
    let row = |pair: &[Value]| pair.iter().map(cell).collect();
    Rows::new(columns(&["key", "value"]), values.chunks_exact(2).map(row).collect())
}

fn named(names: &[String], values: Vec<Value>) -> Rows {
    let row = |(name, value): (&String, &Value)| vec![Cell::Text(name.clone()), cell(value)];
    Rows::new(columns(&["key", "value"]), names.iter().zip(&values).map(row).collect())
}

fn table(names: &[&str], lists: Vec<Value>) -> Rows {
    let row = |list: Value| {
        // A place that does not exist is nil instead of a list.
        let values = self::list(list).unwrap_or_default();
        (0..names.len()).map(|index| values.get(index).map_or(Cell::Null, cell)).collect()
    };
    Rows::new(columns(names), lists.into_iter().map(row).collect())
}

/// A list of maps, or a single one.
fn maps(values: Vec<Value>) -> Rows {
    let flat = |map: Value| -> Vec<(String, Cell)> {
        let values = list(map).unwrap_or_default();
        let field = |pair: &[Value]| Some((text(&pair[0])?, cell(&pair[1])));
        values.chunks_exact(2).filter_map(field).collect()
    };
    let is_single = !values.is_empty() && !values.iter().all(|value| matches!(value, Value::Array(_)));
    let maps = if is_single { vec![Value::Array(values)] } else { values };
    records(maps.into_iter().map(flat).collect())
}

fn clients(text: &str) -> Rows {
    let client = |line: &str| -> Vec<(String, Cell)> {
        let fields = line.split(' ').filter_map(|field| field.split_once('='));
        fields.map(|(name, value)| (name.to_owned(), Cell::Text(value.to_owned()))).collect()
    };
    records(text.lines().filter(|line| !line.is_empty()).map(client).collect())
}

/// Rows with a column for each field that any of them has.
fn records(records: Vec<Vec<(String, Cell)>>) -> Rows {
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in records.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let row = |record: &Vec<(String, Cell)>| {
        let find = |column: &String| record.iter().find(|(name, _)| name == column);
        columns.iter().map(|column| find(column).map_or(Cell::Null, |(_, cell)| cell.clone())).collect()
    };
    let rows = records.iter().map(row).collect();
    Rows::new(columns, rows)
}

fn time(answer: Value) -> Option<Rows> {
    let parts: Vec<f64> = list(answer)?.iter().filter_map(|part| cell(part).number()).collect();
    let [seconds, microseconds] = parts[..] else { return None };
    let now = Cell::Number(seconds + microseconds / 1e6);
    Some(Rows::new(columns(&["value"]), vec![vec![now]]))
}
