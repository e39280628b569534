//! Turns serde's errors into messages for the person who wrote the file.

use std::fmt;

use serde::de;

use super::fault::hint;

/// A failure on its way up to the node that it belongs to.
#[derive(Debug)]
pub(super) enum Failure {
    /// Already reported.
    Reported,
    /// A required key is missing.
    Missing(&'static str),
    /// Not reported yet.
    Message { message: String, hint: Option<String> },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("invalid configuration")
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Message { message: message.to_string(), hint: None }
    }

    /// Names the type that was found, never the value: it may be a secret.
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            de::Unexpected::Bool(_) => "true or false",
            de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => "a whole number",
            de::Unexpected::Float(_) => "a number",
            de::Unexpected::Str(_) => "a string",
            de::Unexpected::Seq => "a list",
            de::Unexpected::Map => "a map",
            _ => "nothing",
        };
        Self::custom(format!("expected {}, found {found}", plain(expected)))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format!("expected {}", plain(expected)))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let message = format!("expected one of {}, found `{found}`", known.join(", "));
        Self::Message { message, hint: hint(found, known.iter().copied()) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// The expectation without Rust terms.
fn plain(expected: &dyn de::Expected) -> String {
    match expected.to_string() {
        name if name.starts_with("struct ") => "a map".to_owned(),
        name if name.starts_with("enum ") => "a name, or a map with one key".to_owned(),
        name if matches!(name.as_str(), "u8" | "u16" | "u32" | "u64" | "usize") => {
            "a whole number, 0 or above".to_owned()
        }
        name if matches!(name.as_str(), "i8" | "i16" | "i32" | "i64" | "isize") => {
            "a whole number".to_owned()
        }
        name if name.starts_with("a nonzero u") => "a whole number, 1 or above".to_owned(),
        name if matches!(name.as_str(), "f32" | "f64") => "a number".to_owned(),
        name if name == "a boolean" => "true or false".to_owned(),
        name if name == "a sequence" => "a list".to_owned(),
        name => name,
    }
}
