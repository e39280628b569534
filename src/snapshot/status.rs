//! The status of a source, and its changes.

use std::fmt;
use std::time::SystemTime;

use platform_core::probe::Reason;

/// The status of a source: the value of a `status` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not probed yet.
    Unknown,
    /// It answers, and everything expected is there.
    Up,
    /// It answers, but something is missing or bad.
    Degraded,
    /// It does not answer.
    Down,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Down, Self::Unknown];

    /// Every status, the one that needs attention most first.
    pub const WORST_FIRST: [Self; 4] = [Self::Down, Self::Degraded, Self::Unknown, Self::Up];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }

    /// Whether the last probe reached the source.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Degraded)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A status change, as shown on the status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: SystemTime,
    /// To which status.
    pub status: Status,
    /// Why.
    pub reasons: Vec<Reason>,
}
