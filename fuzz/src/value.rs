//! Arbitrary cells of a result.

use arbitrary::Arbitrary;
use platform_core::query::Cell;

/// A cell, often one of a few, so that rows collide.
#[derive(Arbitrary, Clone, Debug)]
pub enum Value {
    Null,
    Number(f64),
    Text(String),
    Few(u8),
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
            Value::Few(number) => Self::Text((number % 20).to_string()),
        }
    }
}
