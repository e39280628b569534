//! API keys: who asks, and what it may read.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What a restricted key can be allowed to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Events.
    Events,
    /// Webhook endpoints.
    WebhookEndpoints,
    /// Event destinations.
    EventDestinations,
    /// Subscriptions.
    Subscriptions,
    /// The balance.
    Balance,
    /// The account's own details.
    Account,
}

impl Permission {
    /// The name by which an error asks for it; not always that of the API resource.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Events => "rak_event_read",
            Self::WebhookEndpoints => "rak_webhook_read",
            Self::EventDestinations => "rak_hzn_event_destination_read",
            Self::Subscriptions => "rak_subscription_read",
            Self::Balance => "rak_balance_read",
            Self::Account => "rak_accounts_kyc_basic_read",
        }
    }
}

/// An API key; `_live_` or `_test_` in it decides which half of the account it sees.
#[derive(Clone)]
pub struct ApiKey {
    secret: String,
    /// None: everything.
    permissions: Option<Vec<Permission>>,
}

impl ApiKey {
    /// A secret key (`sk_…`), which may do everything.
    pub fn secret(secret: &str) -> Self {
        Self { secret: secret.to_owned(), permissions: None }
    }

    /// A restricted key (`rk_…`), which may read only what is listed.
    pub fn restricted(secret: &str, permissions: &[Permission]) -> Self {
        Self { secret: secret.to_owned(), permissions: Some(permissions.to_vec()) }
    }

    /// A restricted key that may read all that the exporter asks for, its optional subscriptions included.
    pub fn for_the_exporter(secret: &str) -> Self {
        use Permission::{EventDestinations, Events, Subscriptions, WebhookEndpoints};
        Self::restricted(secret, &[Events, WebhookEndpoints, EventDestinations, Subscriptions])
    }

    /// Whether this is the key that a client presented.
    pub(crate) fn is(&self, presented: &str) -> bool {
        self.secret == presented
    }

    /// Whether the key may read what `permission` stands for.
    pub(crate) fn allows(&self, permission: Permission) -> bool {
        self.permissions.as_ref().is_none_or(|list| list.contains(&permission))
    }

    /// Whether the key sees live objects rather than test ones.
    pub(crate) fn livemode(&self) -> bool {
        self.secret.contains("_live_")
    }

    /// The key as an error may show it.
    pub(crate) fn masked(&self) -> String {
        mask(&self.secret)
    }
}

/// A key with its middle starred out, as in Stripe's errors.
pub(crate) fn mask(key: &str) -> String {
    let last = key.chars().count().saturating_sub(4);
    let kept = if key.get(2..3) == Some("_") { 8 } else { 0 };
    key.chars().enumerate().map(|(at, c)| if at < kept || at >= last { c } else { '*' }).collect()
}

/// The key in an `Authorization` header: a bearer token, or the user name of basic authentication.
pub(crate) fn presented(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        credentials.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
        pair.split(':').next().unwrap_or_default().to_owned()
    } else {
        return None;
    };
    Some(key).filter(|key| !key.is_empty())
}
