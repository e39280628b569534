//! Durations as people write them: `15s`, `250ms`, `1m 30s`, `1d`.

use std::fmt;
use std::time;

/// A length of time above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Duration(time::Duration);

/// Why a duration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit.
    #[error("expected a duration such as 15s, 250ms, 5m or 1h, found `{0}`")]
    Syntax(String),
    /// Zero.
    #[error("expected a duration above zero")]
    Zero,
}

impl Duration {
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
            Ok(duration) => Ok(Self(duration)),
            Err(_) => Err(DurationError::Syntax(text)),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}
