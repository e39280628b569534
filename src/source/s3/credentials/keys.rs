//! The keys of a configuration.

use rusty_s3::Credentials;
use secrecy::ExposeSecret;

use crate::probe::Problem;
use crate::setting::Secret;

/// An access key.
#[derive(Clone, Debug)]
pub(in crate::source::s3) struct Keys {
    pub(in crate::source::s3) access_key_id: Secret,
    pub(in crate::source::s3) secret_access_key: Secret,
    pub(in crate::source::s3) session_token: Option<Secret>,
}

impl Keys {
    pub(super) async fn read(&self) -> Result<Credentials, Problem> {
        let (id, key) = (self.access_key_id.read().await?, self.secret_access_key.read().await?);
        let (id, key) = (id.expose_secret(), key.expose_secret());
        match &self.session_token {
            None => Ok(Credentials::new(id, key)),
            Some(token) => Ok(Credentials::new_with_token(id, key, token.read().await?.expose_secret())),
        }
    }
}
