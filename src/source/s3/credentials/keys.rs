//! The keys of a configuration.

use rusty_s3::Credentials;
use secrecy::ExposeSecret;

use crate::probe::{Problem, Reason};
use crate::setting::Secret;

/// An access key.
#[derive(Clone, Debug)]
pub(in crate::source::s3) struct Keys {
    pub(in crate::source::s3) access_key_id: Secret,
    pub(in crate::source::s3) secret_access_key: Secret,
    pub(in crate::source::s3) session_token: Option<Secret>,
}

impl Keys {
    pub(super) fn read(&self) -> Result<Credentials, Problem> {
        let read = |secret: &Secret| secret.read().map_err(|error| Problem::new(Reason::Auth, error));
        let (id, key) = (read(&self.access_key_id)?, read(&self.secret_access_key)?);
        let (id, key) = (id.expose_secret(), key.expose_secret());
        match &self.session_token {
            None => Ok(Credentials::new(id, key)),
            Some(token) => Ok(Credentials::new_with_token(id, key, read(token)?.expose_secret())),
        }
    }
}
