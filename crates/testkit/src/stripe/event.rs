//! Events of the v1 API.

use serde_json::{Value, json};

use super::account::API_VERSION;
use super::error::ApiError;
use super::page::{self, Listed};
use super::param::Params;

/// Events can be read for 30 days.
const RETENTION_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Something that happened in the account, and whether the webhooks know.
#[derive(Clone, Debug)]
pub struct Event {
    /// Given by the account.
    pub id: String,
    /// `invoice.paid` for example.
    pub kind: String,
    /// Unix seconds.
    pub created: i64,
    /// Live rather than test.
    pub livemode: bool,
    /// How many webhooks have not yet answered 2xx.
    pub pending_webhooks: u32,
    /// What `delivery_success` filters by.
    pub delivered: bool,
}

impl Event {
    /// A live event that its webhooks have received.
    pub fn delivered(kind: &str, created: i64) -> Self {
        let (id, kind) = (String::new(), kind.to_owned());
        Self { id, kind, created, livemode: true, pending_webhooks: 0, delivered: true }
    }

    /// A live event that one webhook has not received.
    pub fn undelivered(kind: &str, created: i64) -> Self {
        Self { pending_webhooks: 1, delivered: false, ..Self::delivered(kind, created) }
    }

    fn readable(&self) -> bool {
        self.created > jiff::Timestamp::now().as_second() - RETENTION_SECONDS
    }
}

impl Listed for Event {
    const NOUN: &'static str = "event";

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
        let subject = self.kind.rsplit('.').nth(1).unwrap_or(&self.kind);
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": {"object": {"object": subject}},
            "livemode": self.livemode,
            "pending_webhooks": self.pending_webhooks,
            "request": {"id": null, "idempotency_key": null},
            "type": self.kind,
        })
    }
}

/// `GET /v1/events`.
pub(crate) fn list(events: &[Event], livemode: bool, mut params: Params) -> Result<Value, ApiError> {
    let delivered = params.take_boolean("delivery_success")?;
    let created = params.take_created()?;
    let kind = params.take("type");
    let kinds = params.take_list("types");
    if kinds.len() > 20 {
        return Err(ApiError::bad_param("types", "You may specify at most 20 event types."));
    }
    if kind.is_some() && !kinds.is_empty() {
        return Err(ApiError::bad_param(
            "type",
            "You may only specify one of these parameters: type, types.",
        ));
    }
    let keep = |event: &Event| {
        event.readable()
            && created.contains(event.created)
            && delivered.is_none_or(|delivered| event.delivered == delivered)
            && kind.as_deref().is_none_or(|pattern| matches(pattern, &event.kind))
            && (kinds.is_empty() || kinds.contains(&event.kind))
    };
    page::page("/v1/events", events, livemode, keep, params)
}

/// `GET /v1/events/:id`.
pub(crate) fn retrieve(
    events: &[Event],
    livemode: bool,
    id: &str,
    mut params: Params,
) -> Result<Value, ApiError> {
    params.take_list("expand");
    params.finish()?;
    let found = events.iter().find(|event| event.id == id && event.livemode == livemode && event.readable());
    found.map(Event::to_json).ok_or_else(|| ApiError::missing(Event::NOUN, id, "id"))
}

fn matches(pattern: &str, kind: &str) -> bool {
    pattern.strip_suffix('*').map_or(kind == pattern, |group| kind.starts_with(group))
}
