//! When an exchange with a source has to be over, and how its time is shared.

use std::time::Duration;

use tokio::time::Instant;

/// When an exchange has to be over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// This much time from now.
    pub fn within(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// The remaining time.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// How long the server may work: less than the client waits, so that the work ends on its own and the answer
    /// arrives in time.
    pub fn server_limit(self) -> Duration {
        self.left() * 9 / 10
    }

    /// The deadline of one part among several: half of the remaining time, so that no part can use all of it.
    #[must_use]
    pub fn of_part(self) -> Self {
        Self::within(self.left() / 2)
    }
}
