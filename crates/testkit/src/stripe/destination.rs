//! Event destinations of the v2 API.

use serde::Serialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::param::Params;

const PATH: &str = "/v2/core/event_destinations";
const INCLUDABLE: &str = "webhook_endpoint.url";

/// Why a destination is disabled.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A user switched it off.
    User,
    /// The event source is gone from the AWS account.
    NoAwsEventSourceExists,
}

/// What AWS says of a partner event source.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSourceStatus {
    /// Bound to an event bus.
    Active,
    /// Not yet bound.
    Pending,
    /// Deleted on the AWS side.
    Deleted,
    /// AWS did not say.
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) enum Transport {
    WebhookEndpoint { url: String },
    AmazonEventbridge { source: EventSourceStatus },
}

/// Where Stripe delivers events, whatever the transport.
#[derive(Clone, Debug)]
pub struct EventDestination {
    /// Given by the account.
    pub id: String,
    /// A label.
    pub name: String,
    /// The reason, while the destination is disabled.
    pub disabled: Option<DisabledReason>,
    /// Event types, or `*`.
    pub enabled_events: Vec<String>,
    /// Live rather than test.
    pub livemode: bool,
    pub(crate) transport: Transport,
}

impl EventDestination {
    /// An enabled live destination that posts to a URL.
    pub fn webhook(name: &str, url: &str) -> Self {
        Self::new(name, Transport::WebhookEndpoint { url: url.to_owned() })
    }

    /// An enabled live destination on Amazon EventBridge.
    pub fn eventbridge(name: &str, source: EventSourceStatus) -> Self {
        Self::new(name, Transport::AmazonEventbridge { source })
    }

    /// Sets what AWS says of the event source, which makes this an EventBridge destination.
    pub fn set_source(&mut self, source: EventSourceStatus) {
        self.transport = Transport::AmazonEventbridge { source };
    }

    fn new(name: &str, transport: Transport) -> Self {
        Self {
            id: String::new(),
            name: name.to_owned(),
            disabled: None,
            enabled_events: vec!["*".to_owned()],
            livemode: true,
            transport,
        }
    }

    fn to_json(&self, with_url: bool) -> Value {
        let mut object = json!({
            "id": self.id,
            "object": "v2.core.event_destination",
            "amazon_eventbridge": null,
            "azure_event_grid": null,
            "created": "2026-01-22T16:20:09.931Z",
            "description": "",
            "enabled_events": self.enabled_events,
            "event_payload": "snapshot",
            "events_from": ["@self"],
            "livemode": self.livemode,
            "metadata": {},
            "name": self.name,
            "snapshot_api_version": super::account::API_VERSION,
            "status": if self.disabled.is_some() { "disabled" } else { "enabled" },
            "status_details": self.disabled.map(|reason| json!({"disabled": {"reason": reason}})),
            "updated": "2026-01-22T16:22:02.524Z",
            "webhook_endpoint": null,
        });
        let (kind, details) = match &self.transport {
            Transport::WebhookEndpoint { url } => {
                ("webhook_endpoint", json!({"signing_secret": null, "url": with_url.then_some(url)}))
            }
            Transport::AmazonEventbridge { source } => (
                "amazon_eventbridge",
                json!({
                    "aws_account_id": "123456789012",
                    "aws_event_source_arn": format!(
                        "arn:aws:events:us-east-1::event-source/aws.partner/stripe.com/{}",
                        self.id
                    ),
                    "aws_event_source_status": source,
                }),
            ),
        };
        object["type"] = kind.into();
        object[kind] = details;
        object
    }
}

/// `GET /v2/core/event_destinations`; the links to other pages carry the whole query, as clients follow them as is.
pub(crate) fn list(all: &[EventDestination], livemode: bool, mut params: Params) -> Result<Value, ApiError> {
    let limit = params.take_limit()?;
    let page = params.take("page");
    let mut include = params.take_list("include");
    include.extend(params.take("include"));
    params.finish()?;
    if let Some(unknown) = include.iter().find(|name| *name != INCLUDABLE) {
        return Err(ApiError::bad_param("include", format!("Invalid include value: {unknown}")));
    }
    let start = page.map_or(Ok(0), |token| {
        let start = token.strip_prefix("page_").and_then(|start| start.parse::<usize>().ok());
        start.ok_or_else(|| ApiError::bad_param("page", format!("Invalid page token: {token}")))
    })?;
    let visible: Vec<&EventDestination> = all.iter().rev().filter(|item| item.livemode == livemode).collect();
    let link = |start: usize| {
        let included = if include.is_empty() { "" } else { "&include%5B0%5D=webhook_endpoint.url" };
        format!("{PATH}?page=page_{start}&limit={limit}{included}")
    };
    let shown = visible.iter().skip(start).take(limit);
    Ok(json!({
        "data": shown.map(|item| item.to_json(!include.is_empty())).collect::<Vec<_>>(),
        "next_page_url": (start + limit < visible.len()).then(|| link(start + limit)),
        "previous_page_url": (start > 0).then(|| link(start.saturating_sub(limit))),
    }))
}
