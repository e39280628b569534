//! The keys of a configuration.

use platform_core::probe::Problem;
use platform_core::setting::{Secret, SecretOrigin};
use rusty_s3::Credentials;
use secrecy::ExposeSecret;

/// An access key.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) access_key_id: Secret,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
}

impl Keys {
    /// Where the secret key comes from.
    pub(super) fn origin(&self) -> SecretOrigin {
        self.secret_access_key.origin()
    }

    pub(super) async fn read(&self) -> Result<Credentials, Problem> {
        let (id, key) = (self.access_key_id.read().await?, self.secret_access_key.read().await?);
        let (id, key) = (id.expose_secret(), key.expose_secret());
        match &self.session_token {
            None => Ok(Credentials::new(id, key)),
            Some(token) => Ok(Credentials::new_with_token(id, key, token.read().await?.expose_secret())),
        }
    }
}
