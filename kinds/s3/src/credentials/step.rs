//! One possible source of credentials, and what it has.

use jiff::Timestamp;
use platform_core::deadline::Deadline;
use platform_core::probe::Problem;
use rusty_s3::Credentials;
use rusty_s3::credentials::Ec2SecurityCredentialsMetadataResponse;

/// Credentials from a step of the chain.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) credentials: Credentials,
    /// Expiry, if they are temporary.
    pub(super) end: Option<Timestamp>,
}

impl From<Ec2SecurityCredentialsMetadataResponse> for Held {
    fn from(answer: Ec2SecurityCredentialsMetadataResponse) -> Self {
        let end = Some(answer.expiration());
        Self { credentials: answer.into_credentials(), end }
    }
}

/// Why a step has no credentials.
pub(super) enum Miss {
    /// It is not configured: the next one is tried.
    Absent(String),
    /// It is configured but fails. Another step would use a different identity than intended.
    Failed(Problem),
}

impl From<Problem> for Miss {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// One possible source of credentials.
#[async_trait::async_trait]
pub(super) trait Step: Send {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    async fn find(&mut self, deadline: Deadline) -> Result<Held, Miss>;
}
