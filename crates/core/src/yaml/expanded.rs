//! A text of a document that remembers which variables it contains.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// The name by which a decoder knows that variables are wanted along with a text.
pub(super) const NAME: &str = "platform_core::yaml::Expanded";

/// A text with the variables that it contains. Decoded from anything but a node, it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// With the values of the variables.
    pub text: String,
    /// In order.
    pub variables: Vec<VariableUse>,
}

/// A variable whose value stands in a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VariableUse {
    /// Its name.
    pub name: String,
    /// Where its value is, in bytes.
    pub at: Range<usize>,
}

/// A text in parts: plain, then the name and the value of a variable, plain, and so on.
pub(super) fn parts<'a>(text: &'a str, variables: &'a [VariableUse]) -> Vec<&'a str> {
    let (mut parts, mut end) = (Vec::new(), 0);
    for VariableUse { name, at } in variables {
        parts.extend([&text[end..at.start], name, &text[at.clone()]]);
        end = at.end;
    }
    parts.push(&text[end..]);
    parts
}

impl<'de> Deserialize<'de> for Expanded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Expanded;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Expanded, E> {
        Ok(Expanded { text: text.to_owned(), variables: Vec::new() })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Expanded, D::Error> {
        Ok(Expanded { text: String::deserialize(deserializer)?, variables: Vec::new() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Expanded, A::Error> {
        let mut expanded = Expanded { text: String::new(), variables: Vec::new() };
        while let Some(plain) = parts.next_element::<String>()? {
            expanded.text.push_str(&plain);
            let Some(name) = parts.next_element()? else { break };
            let start = expanded.text.len();
            expanded.text.push_str(&parts.next_element::<String>()?.unwrap_or_default());
            expanded.variables.push(VariableUse { name, at: start..expanded.text.len() });
        }
        Ok(expanded)
    }
}
