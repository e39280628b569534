//! Subscriptions of the v1 API.

use serde::Serialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::page::{self, Listed};
use super::param::Params;

/// Where a subscription is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// In its trial period.
    Trialing,
    /// Paid.
    Active,
    /// The last payment failed or is missing.
    PastDue,
    /// Over.
    Canceled,
    /// All retries of a payment failed, and the subscription goes on.
    Unpaid,
    /// The first payment is not yet made.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// The trial ended with no payment method.
    Paused,
}

impl SubscriptionStatus {
    /// Every status, under the name that the API gives it.
    pub const ALL: [(&str, Self); 8] = [
        ("trialing", Self::Trialing),
        ("active", Self::Active),
        ("past_due", Self::PastDue),
        ("canceled", Self::Canceled),
        ("unpaid", Self::Unpaid),
        ("incomplete", Self::Incomplete),
        ("incomplete_expired", Self::IncompleteExpired),
        ("paused", Self::Paused),
    ];
}

/// A customer's subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Given by the account.
    pub id: String,
    /// Where it is in its life.
    pub status: SubscriptionStatus,
    /// Unix seconds.
    pub created: i64,
    /// Live rather than test.
    pub livemode: bool,
    /// The ids of its prices.
    pub prices: Vec<&'static str>,
}

impl Subscription {
    /// A live subscription.
    pub fn new(status: SubscriptionStatus, created: i64) -> Self {
        Self { id: String::new(), status, created, livemode: true, prices: Vec::new() }
    }
}

impl Listed for Subscription {
    const NOUN: &'static str = "subscription";

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
        let items = format!("/v1/subscription_items?subscription={}", self.id);
        json!({
            "id": self.id,
            "object": "subscription",
            "cancel_at_period_end": false,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": "usd",
            "customer": "cus_NffrFeUfNV2Hib",
            "items": {"object": "list", "url": items, "has_more": false, "data": []},
            "livemode": self.livemode,
            "metadata": {},
            "start_date": self.created,
            "status": self.status,
        })
    }
}

/// `GET /v1/subscriptions`; with no status asked for, all that are not canceled.
pub(crate) fn list(all: &[Subscription], livemode: bool, mut params: Params) -> Result<Value, ApiError> {
    use SubscriptionStatus::{Canceled, IncompleteExpired};
    let created = params.take_created()?;
    let asked = params.take("status");
    let price = params.take("price");
    let wanted: Vec<SubscriptionStatus> = match asked.as_deref() {
        Some("all") => statuses(|_| true),
        Some("ended") => statuses(|status| matches!(status, Canceled | IncompleteExpired)),
        Some(name) => vec![named(name)?],
        None => statuses(|status| status != Canceled),
    };
    let keep = |item: &Subscription| {
        wanted.contains(&item.status)
            && created.contains(item.created)
            && price.as_deref().is_none_or(|price| item.prices.contains(&price))
    };
    page::page("/v1/subscriptions", all, livemode, keep, params)
}

fn statuses(keep: impl Fn(SubscriptionStatus) -> bool) -> Vec<SubscriptionStatus> {
    SubscriptionStatus::ALL.into_iter().map(|(_, status)| status).filter(|status| keep(*status)).collect()
}

fn named(name: &str) -> Result<SubscriptionStatus, ApiError> {
    let known = SubscriptionStatus::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, status)| status).ok_or_else(|| {
        let names = SubscriptionStatus::ALL.map(|(name, _)| name).join(", ");
        ApiError::bad_param("status", format!("Invalid status: must be one of {names}, all, or ended"))
    })
}
