//! The API key, and what its format reveals.

use platform_core::probe::{Problem, Reason};
use platform_core::setting::{Secret, SecretOrigin};
use secrecy::{ExposeSecret, SecretString};

/// A key in the format of one that can read.
#[derive(Clone, Debug)]
pub(super) struct StripeKey(Secret);

/// Why a key was rejected. Never contains the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error(
        "expected a restricted key (rk_…), found a publishable key (pk_…), which can read nothing: create a \
         restricted key at https://dashboard.stripe.com/apikeys"
    )]
    Publishable,
    #[error(
        "expected a restricted key (rk_…), found the signing secret of a webhook (whsec_…): create a restricted \
         key at https://dashboard.stripe.com/apikeys"
    )]
    SigningSecret,
    #[error(
        "expected a restricted key (rk_…), found something else: create one at \
         https://dashboard.stripe.com/apikeys, and give it without blanks or quotes"
    )]
    Other,
}

/// The current key, for one probe.
pub(super) struct CurrentKey {
    key: SecretString,
    origin: SecretOrigin,
}

impl StripeKey {
    /// An inline key is checked at once; one in a file whenever it is read.
    pub(super) fn new(secret: Secret) -> Result<Self, KeyError> {
        if let Secret::Value(value, _) = &secret {
            judge(value.expose_secret())?;
        }
        Ok(Self(secret))
    }

    pub(super) async fn read(&self) -> Result<CurrentKey, Problem> {
        let key = self.0.read().await?;
        judge(key.expose_secret())
            .map_err(|error| Problem::new(Reason::Auth, format!("the key: {error}")))
            .map_err(|problem| problem.with_origin("key", Some(self.0.origin())))?;
        Ok(CurrentKey { key, origin: self.0.origin() })
    }
}

fn judge(key: &str) -> Result<(), KeyError> {
    let key_like = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match key.split_once('_') {
        Some(("rk" | "sk", rest)) if key_like && !rest.is_empty() => Ok(()),
        Some(("pk", _)) => Err(KeyError::Publishable),
        Some(("whsec", _)) => Err(KeyError::SigningSecret),
        _ => Err(KeyError::Other),
    }
}

impl CurrentKey {
    /// A problem with this key, with where the key comes from.
    pub(super) fn blamed(&self, problem: Problem) -> Problem {
        problem.with_origin("key", Some(self.origin.clone()))
    }

    /// Whether the key has full access, including writing and moving money.
    pub(super) fn is_unrestricted(&self) -> bool {
        self.key.expose_secret().starts_with("sk_")
    }

    /// Whether the key is for live mode, if its format shows it.
    pub(super) fn livemode(&self) -> Option<bool> {
        let mode = |name| self.key.expose_secret().contains(name);
        (mode("_live_") || mode("_test_")).then(|| mode("_live_"))
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self) -> SecretString {
        format!("Bearer {}", self.key.expose_secret()).into()
    }
}
