//! The paths that are served.

use super::error::Namespace;
use super::key::Permission;

/// What a path stands for.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    /// `/v1/events`.
    Events,
    /// `/v1/events/:id`.
    Event(&'a str),
    /// `/v1/webhook_endpoints`.
    WebhookEndpoints,
    /// `/v1/subscriptions`.
    Subscriptions,
    /// `/v1/balance`.
    Balance,
    /// `/v1/account`.
    Account,
    /// `/v2/core/event_destinations`.
    EventDestinations,
}

impl<'a> Route<'a> {
    /// The route of a request; everything here is only read.
    pub(crate) fn find(method: &str, path: &'a str) -> Option<Self> {
        if method != "GET" {
            return None;
        }
        match path {
            "/v1/events" => Some(Self::Events),
            "/v1/webhook_endpoints" => Some(Self::WebhookEndpoints),
            "/v1/subscriptions" => Some(Self::Subscriptions),
            "/v1/balance" => Some(Self::Balance),
            "/v1/account" => Some(Self::Account),
            "/v2/core/event_destinations" => Some(Self::EventDestinations),
            _ => {
                let id = path.strip_prefix("/v1/events/")?;
                (!id.is_empty() && !id.contains('/')).then_some(Self::Event(id))
            }
        }
    }

    /// What a restricted key needs.
    pub(crate) fn permission(&self) -> Permission {
        match self {
            Self::Events | Self::Event(_) => Permission::Events,
            Self::WebhookEndpoints => Permission::WebhookEndpoints,
            Self::Subscriptions => Permission::Subscriptions,
            Self::Balance => Permission::Balance,
            Self::Account => Permission::Account,
            Self::EventDestinations => Permission::EventDestinations,
        }
    }
}

/// The namespace of a path.
pub(crate) fn namespace(path: &str) -> Namespace {
    if path.starts_with("/v2/") { Namespace::V2 } else { Namespace::V1 }
}
