//! What the account holds.

use std::time::Duration;

use super::call::Call;
use super::destination::EventDestination;
use super::event::Event;
use super::key::ApiKey;
use super::subscription::Subscription;
use super::webhook::WebhookEndpoint;

/// The API version of calls that name none, and of every event.
pub(crate) const API_VERSION: &str = "2026-08-26.dahlia";

/// A Stripe account, in live and in test mode, and how its API behaves at the moment.
#[derive(Default)]
pub struct Account {
    /// Keys that are let in.
    pub keys: Vec<ApiKey>,
    /// Events, in the order in which they were added.
    pub events: Vec<Event>,
    /// Webhook endpoints as the v1 API shows them.
    pub webhook_endpoints: Vec<WebhookEndpoint>,
    /// Event destinations as the v2 API shows them.
    pub event_destinations: Vec<EventDestination>,
    /// Subscriptions of every status.
    pub subscriptions: Vec<Subscription>,
    /// Every call so far, refused ones included.
    pub calls: Vec<Call>,
    /// How long the answers to calls yet to come are held back.
    pub latency: Duration,
    refusal: Option<(usize, Refusal)>,
    ids: u64,
}

/// A way for the API to turn down a call that is in order.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// 429, with a `Retry-After` of so many seconds when one is given: Stripe documents none.
    RateLimited(Option<u64>),
    /// 500, as in an outage of Stripe's.
    ServerError,
}

impl Account {
    /// The account's id.
    pub const ID: &str = "acct_1Nv0FGQ9RKHgCVdK";

    /// Adds an event and returns its id.
    pub fn add_event(&mut self, event: Event) -> String {
        let id = self.fresh_id("evt_1");
        self.events.push(Event { id: id.clone(), ..event });
        id
    }

    /// Records that every webhook of an event has at last answered 2xx.
    pub fn mark_delivered(&mut self, id: &str) {
        let event = self.events.iter_mut().find(|event| event.id == id).expect("an event with this id");
        event.delivered = true;
        event.pending_webhooks = 0;
    }

    /// Adds a webhook endpoint and returns its id.
    pub fn add_webhook_endpoint(&mut self, endpoint: WebhookEndpoint) -> String {
        let id = self.fresh_id("we_1");
        self.webhook_endpoints.push(WebhookEndpoint { id: id.clone(), ..endpoint });
        id
    }

    /// Adds an event destination and returns its id.
    pub fn add_event_destination(&mut self, destination: EventDestination) -> String {
        let id = self.fresh_id("ed_");
        self.event_destinations.push(EventDestination { id: id.clone(), ..destination });
        id
    }

    /// Adds a subscription and returns its id.
    pub fn add_subscription(&mut self, subscription: Subscription) -> String {
        let id = self.fresh_id("sub_1");
        self.subscriptions.push(Subscription { id: id.clone(), ..subscription });
        id
    }

    /// Turns down the next `calls` calls that have a good key; `usize::MAX` is until further notice, 0 is no more.
    pub fn refuse_next(&mut self, calls: usize, refusal: Refusal) {
        self.refusal = Some((calls, refusal));
    }

    /// The refusal due for this call, if any.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        let (left, refusal) = self.refusal.as_mut()?;
        *left = left.checked_sub(1)?;
        Some(*refusal)
    }

    /// An id of Stripe's form that no other object of this account has.
    pub(crate) fn fresh_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{:0>23}", self.ids)
    }
}
