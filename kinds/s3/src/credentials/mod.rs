//! The credentials of a source: those of its configuration, or else those of AWS's default chain.

mod chain;
mod container;
mod metadata;
mod profile;
mod step;
mod web_identity;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use platform_core::deadline::Deadline;
use platform_core::probe::Problem;
use rusty_s3::Credentials;

use self::chain::Chain;
use super::config::Config;
use super::keys::Keys;

/// Temporary credentials are renewed this long before they expire, with a random jitter of up to the same length, so
/// that exporters and sources started together do not renew together.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Credentials to use now.
pub(super) struct Current {
    pub(super) credentials: Credentials,
    /// Where they come from, for people.
    pub(super) origin: String,
    /// Why they could not be renewed when due. They are valid until they expire.
    pub(super) problem: Option<Problem>,
}

/// Where the credentials of a source come from.
pub(super) enum CredentialsOrigin {
    Keys(Keys),
    Chain { chain: Chain, kept: Option<Kept> },
}

/// Temporary credentials.
pub(super) struct Kept {
    credentials: Credentials,
    step: &'static str,
    end: Timestamp,
    renewal: Timestamp,
}

impl CredentialsOrigin {
    pub(super) fn new(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        match &config.keys {
            Some(keys) => Self::Keys(keys.clone()),
            None => Self::Chain { chain: Chain::new(config, variable), kept: None },
        }
    }

    /// The current credentials: rereads files, and renews temporary credentials in time.
    pub(super) async fn current(&mut self, limit: Duration) -> Result<Current, Problem> {
        let (chain, kept) = match self {
            Self::Keys(keys) => {
                let credentials = keys.read().await?;
                return Ok(Current { credentials, origin: keys.origin().to_string(), problem: None });
            }
            Self::Chain { chain, kept } => (chain, kept),
        };
        let now = Timestamp::now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.renewal) {
            return Ok(kept.current(None));
        }
        match (chain.find(Deadline::within(limit)).await, &*kept) {
            (Ok((held, step)), _) => {
                *kept = held.end.map(|end| Kept::new(held.credentials.clone(), step, end));
                Ok(Current { credentials: held.credentials, origin: of_chain(step), problem: None })
            }
            (Err(problem), Some(kept)) if Timestamp::now() < kept.end => Ok(kept.current(Some(problem))),
            (Err(problem), _) => Err(problem),
        }
    }

    /// Marks these credentials as rejected, so that the next ones are new.
    pub(super) fn forget(&mut self) {
        if let Self::Chain { kept, .. } = self {
            *kept = None;
        }
    }
}

fn of_chain(step: &str) -> String {
    format!("AWS's chain: {step}")
}

impl Kept {
    fn current(&self, problem: Option<Problem>) -> Current {
        Current { credentials: self.credentials.clone(), origin: of_chain(self.step), problem }
    }

    fn new(credentials: Credentials, step: &'static str, end: Timestamp) -> Self {
        let now = Timestamp::now();
        let ahead = AHEAD + AHEAD.mul_f64(fastrand::f64());
        // If they are short-lived, halfway through.
        let ahead = ahead.min(now.duration_until(end) / 2);
        Self { credentials, step, end, renewal: end.checked_sub(ahead).unwrap_or(now) }
    }
}
