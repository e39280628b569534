//! From the answer to a command to rows.

use std::collections::HashMap;

use ::redis::Value;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Rows};

use super::command_list::ReplyShape;
use super::histogram;
use super::info::Info;
use super::table::{Records, ReplyTable};
use super::value::{self, cell, into_text, list, text};

/// The rows of the answer to this command, with the wanted columns.
pub(super) fn rows(
    shape: ReplyShape,
    words: &[String],
    answer: Value,
    wanted: &Columns,
) -> Result<Rows, Problem> {
    large::in_place(value::size(&answer), || read(shape, words, answer, wanted))
}

fn read(shape: ReplyShape, words: &[String], answer: Value, wanted: &Columns) -> Result<Rows, Problem> {
    let rows = match shape {
        ReplyShape::Values => Some(values(answer, wanted)),
        ReplyShape::Pairs => list(answer).map(|values| pairs(values, wanted)),
        ReplyShape::Named(from) => {
            list(answer).map(|values| by_key(words.get(from..).unwrap_or(&[]), values, wanted))
        }
        ReplyShape::Maps => list(answer).map(|values| maps(values, wanted)),
        ReplyShape::Table(columns) => list(answer).map(|lists| table(columns, lists, wanted)),
        ReplyShape::Row(columns) => {
            list(answer).map(|values| table(columns, vec![Value::Array(values)], wanted))
        }
        ReplyShape::Info => {
            into_text(answer).map(|text| Info::parse(&text)?.table(words.get(1).map(String::as_str), wanted))
        }
        ReplyShape::Histograms => Some(histogram::rows(&answer, &HashMap::new(), wanted)),
        ReplyShape::Clients => into_text(answer).map(|text| clients(&text, wanted)),
        ReplyShape::Time => time(answer).map(|now| values(Value::Double(now), wanted)),
    };
    rows.unwrap_or_else(|| {
        let detail = format!("unexpected answer to {}", words.join(" "));
        Err(Problem::new(Reason::Protocol, detail))
    })
}

fn values(answer: Value, wanted: &Columns) -> Result<Rows, Problem> {
    let values = match answer {
        Value::Array(values) | Value::Set(values) => values,
        single => vec![single],
    };
    let mut table = ReplyTable::new(&["value"], wanted);
    for value in values {
        table.push([cell(value)])?;
    }
    Ok(table.finish())
}

fn pairs(values: Vec<Value>, wanted: &Columns) -> Result<Rows, Problem> {
    let mut table = ReplyTable::new(&["key", "value"], wanted);
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        table.push([cell(key), cell(value)])?;
    }
    Ok(table.finish())
}

/// A value for each of these names.
pub(super) fn by_key(names: &[String], values: Vec<Value>, wanted: &Columns) -> Result<Rows, Problem> {
    let mut table = ReplyTable::new(&["key", "value"], wanted);
    for (name, value) in names.iter().zip(values) {
        table.push([Cell::Text(name.clone()), cell(value)])?;
    }
    Ok(table.finish())
}

fn table(names: &[&str], lists: Vec<Value>, wanted: &Columns) -> Result<Rows, Problem> {
    let mut table = ReplyTable::new(names, wanted);
    for list in lists {
        // A missing position is nil instead of a list.
        table.push(value::list(list).unwrap_or_default().into_iter().map(cell))?;
    }
    Ok(table.finish())
}

/// A list of maps, or a single one.
fn maps(values: Vec<Value>, wanted: &Columns) -> Result<Rows, Problem> {
    let is_single = !values.is_empty() && !values.iter().all(|value| matches!(value, Value::Array(_)));
    let maps = if is_single { vec![Value::Array(values)] } else { values };
    let mut records = Records::new(wanted);
    for map in &maps {
        let (Value::Array(fields) | Value::Set(fields)) = map else { continue };
        for [name, _] in fields.as_chunks().0 {
            if let Some(name) = text(name) {
                records.column(&name)?;
            }
        }
    }
    for map in maps {
        let mut fields = list(map).unwrap_or_default().into_iter();
        let fields = std::iter::from_fn(|| Some((fields.next()?, fields.next()?)));
        records.push(fields.filter_map(|(name, value)| Some((into_text(name)?, cell(value)))))?;
    }
    Ok(records.finish())
}

fn clients(list: &str, wanted: &Columns) -> Result<Rows, Problem> {
    let clients = || list.lines().filter(|line| !line.is_empty());
    let mut records = Records::new(wanted);
    for (name, _) in clients().flat_map(fields_of) {
        records.column(name)?;
    }
    for client in clients() {
        records.push(fields_of(client).map(|(name, value)| (name, Cell::Text(value.to_owned()))))?;
    }
    Ok(records.finish())
}

fn fields_of(client: &str) -> impl Iterator<Item = (&str, &str)> {
    client.split(' ').filter_map(|field| field.split_once('='))
}

/// Seconds since 1970.
fn time(answer: Value) -> Option<f64> {
    let parts: Vec<f64> = list(answer)?.into_iter().filter_map(|part| cell(part).number()).collect();
    let [seconds, microseconds] = parts[..] else { return None };
    Some(seconds + microseconds / 1e6)
}
