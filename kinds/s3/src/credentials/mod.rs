//! The credentials of a source: those of its configuration, or those that AWS's chain finds where it has none.

mod chain;
mod container;
mod keys;
mod metadata;
mod profile;
mod web_identity;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusty_s3::Credentials;
use rusty_s3::credentials::Ec2SecurityCredentialsMetadataResponse;

use self::chain::Chain;
pub(super) use self::keys::Keys;
use platform_core::probe::Problem;

use super::config::Config;

/// Temporary credentials are renewed this long before their end, and up to as much earlier by chance: exporters and
/// sources that began together do not ask together.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Credentials as a step of the chain gives them.
#[derive(Clone)]
struct Held {
    credentials: Credentials,
    /// Where they are temporary.
    end: Option<Timestamp>,
}

/// Credentials to use now.
pub(super) struct Current {
    pub(super) credentials: Credentials,
    /// Why they could not be renewed although it was time. They are good until their end.
    pub(super) problem: Option<Problem>,
}

/// Where the credentials of a source come from.
pub(super) enum Origin {
    Keys(Keys),
    Chain { chain: Chain, kept: Option<Kept> },
}

/// Temporary credentials.
pub(super) struct Kept {
    credentials: Credentials,
    end: Timestamp,
    renewal: Timestamp,
}

impl Origin {
    pub(super) fn new(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        match &config.keys {
            Some(keys) => Self::Keys(keys.clone()),
            None => Self::Chain { chain: Chain::new(config, variable), kept: None },
        }
    }

    /// The credentials as they are now: files are read anew, and temporary credentials renewed in time.
    pub(super) async fn current(&mut self, limit: Duration) -> Result<Current, Problem> {
        let (chain, kept) = match self {
            Self::Keys(keys) => return Ok(Current { credentials: keys.read().await?, problem: None }),
            Self::Chain { chain, kept } => (chain, kept),
        };
        let now = Timestamp::now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.renewal) {
            return Ok(Current { credentials: kept.credentials.clone(), problem: None });
        }
        match (chain.find(Instant::now() + limit).await, &*kept) {
            (Ok(held), _) => {
                *kept = held.end.map(|end| Kept::new(held.credentials.clone(), end));
                Ok(Current { credentials: held.credentials, problem: None })
            }
            (Err(problem), Some(kept)) if Timestamp::now() < kept.end => {
                Ok(Current { credentials: kept.credentials.clone(), problem: Some(problem) })
            }
            (Err(problem), _) => Err(problem),
        }
    }

    /// Takes in that these credentials were refused: the next are new ones.
    pub(super) fn forget(&mut self) {
        if let Self::Chain { kept, .. } = self {
            *kept = None;
        }
    }
}

impl Kept {
    fn new(credentials: Credentials, end: Timestamp) -> Self {
        let now = Timestamp::now();
        let ahead = AHEAD + AHEAD.mul_f64(fastrand::f64());
        // Of a short life, the second half.
        let ahead = ahead.min(now.duration_until(end) / 2);
        Self { credentials, end, renewal: end.checked_sub(ahead).unwrap_or(now) }
    }
}

impl From<Ec2SecurityCredentialsMetadataResponse> for Held {
    fn from(answer: Ec2SecurityCredentialsMetadataResponse) -> Self {
        let end = Some(answer.expiration());
        Self { credentials: answer.into_credentials(), end }
    }
}
