//! Durations in rules, which are written as Prometheus reads them.

use std::fmt;

use platform_core::setting::DurationError;
use serde::de::{Error, Visitor};

/// A duration as it is written.
#[derive(Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(with = "String")]
pub(super) struct RuleDuration(pub(super) String);

impl<'de> serde::Deserialize<'de> for RuleDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RuleDurationVisitor)
    }
}

/// Numbers without a unit get a message of their own, because they are the most common mistake.
struct RuleDurationVisitor;

impl Visitor<'_> for RuleDurationVisitor {
    type Value = RuleDuration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as 30s, 10m or 1h30m")
    }

    fn visit_str<E>(self, text: &str) -> Result<RuleDuration, E> {
        Ok(RuleDuration(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RuleDuration, E> {
        Err(E::custom(DurationError::NoUnit(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<RuleDuration, E> {
        Err(E::custom(DurationError::NoUnit(number.to_string())))
    }
}
