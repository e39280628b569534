//! Webhook endpoints of the v1 API.

use serde::Serialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::page::{self, Listed};
use super::param::Params;

/// Whether Stripe sends to an endpoint.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It does.
    Enabled,
    /// A user, or Stripe after too many failures, has switched it off.
    Disabled,
}

/// Where Stripe posts events.
#[derive(Clone, Debug)]
pub struct WebhookEndpoint {
    /// Given by the account.
    pub id: String,
    /// The receiver.
    pub url: String,
    /// Enabled or disabled.
    pub status: EndpointStatus,
    /// Event types, or `*`.
    pub enabled_events: Vec<String>,
    /// Unix seconds.
    pub created: i64,
    /// Live rather than test.
    pub livemode: bool,
}

impl WebhookEndpoint {
    /// An enabled live endpoint for events of every type.
    pub fn new(url: &str) -> Self {
        Self {
            id: String::new(),
            url: url.to_owned(),
            status: EndpointStatus::Enabled,
            enabled_events: vec!["*".to_owned()],
            created: jiff::Timestamp::now().as_second(),
            livemode: true,
        }
    }
}

impl Listed for WebhookEndpoint {
    const NOUN: &'static str = "webhook endpoint";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn livemode(&self) -> bool {
        self.livemode
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": null,
            "application": null,
            "created": self.created,
            "description": null,
            "enabled_events": self.enabled_events,
            "livemode": self.livemode,
            "metadata": {},
            "status": self.status,
            "url": self.url,
        })
    }
}

/// `GET /v1/webhook_endpoints`.
pub(crate) fn list(all: &[WebhookEndpoint], livemode: bool, params: Params) -> Result<Value, ApiError> {
    page::page("/v1/webhook_endpoints", all, livemode, |_| true, params)
}
