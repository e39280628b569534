//! Durations as people write them: `15s`, `250ms`, `1m 30s`, `1d`.

use std::fmt;
use std::time;

use serde::de::{Error, Visitor};

/// A length of time above zero, and at most [`Duration::LONGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(
    with = "String",
    description = "A duration: 15s, 250ms, 5m, 1h",
    extend("examples" = ["15s", "250ms", "5m", "1h"])
)]
pub struct Duration(time::Duration);

/// Why a duration was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error("expected a duration such as 15s, 250ms, 5m or 1h, found `{0}`")]
    Syntax(String),
    /// A number without a unit.
    #[error("expected a duration with its unit: write `{0}s` for seconds")]
    NoUnit(String),
    /// Zero.
    #[error("expected a duration above zero")]
    Zero,
    /// Longer than anything that makes sense.
    #[error("expected a duration of at most {}d", Duration::LONGEST.as_secs() / DAY)]
    TooLong,
}

const DAY: u64 = 24 * 60 * 60;

impl Duration {
    /// Even three times this can be added to a clock without an overflow.
    pub const LONGEST: time::Duration = time::Duration::from_secs(366 * DAY);

    /// A number of seconds above zero.
    pub const fn seconds(seconds: u64) -> Self {
        assert!(seconds > 0);
        Self(time::Duration::from_secs(seconds))
    }

    /// Three times as long.
    #[must_use]
    pub const fn tripled(self) -> Self {
        Self(self.0.saturating_mul(3))
    }

    /// As the standard library's type.
    pub const fn get(self) -> time::Duration {
        self.0
    }
}

impl TryFrom<String> for Duration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        match humantime::parse_duration(&text) {
            Ok(duration) if duration.is_zero() => Err(DurationError::Zero),
            Ok(duration) if duration > Self::LONGEST => Err(DurationError::TooLong),
            Ok(duration) => Ok(Self(duration)),
            Err(humantime::DurationError::NumberOverflow) => Err(DurationError::TooLong),
            Err(_) if text.parse::<f64>().is_ok() => Err(DurationError::NoUnit(text)),
            Err(_) => Err(DurationError::Syntax(text)),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationVisitor)
    }
}

/// Numbers without a unit get a separate message, because it is the most common mistake.
struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as 15s, 250ms, 5m or 1h")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        Duration::try_from(text.to_owned()).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        Err(without_unit(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Err(without_unit(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        Err(without_unit(number))
    }
}

fn without_unit<E: Error>(number: impl ToString) -> E {
    match number.to_string() {
        number if number.starts_with('-') => E::custom(DurationError::Zero),
        number if number == "0" => E::custom(DurationError::Zero),
        number => E::custom(DurationError::NoUnit(number)),
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}
