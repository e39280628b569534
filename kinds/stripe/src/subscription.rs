//! Subscriptions by status, to compare with the application's own database.

use std::collections::BTreeMap;

use platform_core::bounded::{self, NAME};
use platform_core::metric::Desc;
use platform_core::probe::{Observation, Problem, Reason};

use super::api::ApiSession;
use super::config::Config;
use super::list::{self, Listed};

const SUBSCRIPTIONS: Desc = Desc::gauge(
    "stripe_subscriptions",
    &["status"],
    "Subscriptions by status (GET /v1/subscriptions?status=all, at each probe); only with `subscriptions: true`, and with `prices` only those with one of them.",
);
const TRUNCATED: Desc = Desc::gauge(
    "stripe_subscriptions_truncated",
    &[],
    "1 if more subscriptions exist than fit in max_pages pages of 100, so the counts are too low, else 0.",
);

pub(super) const CATALOGUE: [Desc; 2] = [SUBSCRIPTIONS, TRUNCATED];

const STATUSES: [&str; 8] =
    ["trialing", "active", "past_due", "canceled", "unpaid", "incomplete", "incomplete_expired", "paused"];

#[derive(serde::Deserialize)]
struct Subscription {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    id: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    status: String,
}

impl Listed for Subscription {
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn observe(session: &mut ApiSession<'_>, config: &Config) -> Result<Observation, Problem> {
    // By id, because a subscription can have several of the prices.
    let (mut found, mut is_truncated) = (BTreeMap::new(), false);
    let all = [("status", "all")];
    let filters: Vec<_> = config.prices.iter().map(|price| vec![all[0], ("price", price.as_str())]).collect();
    let filters = if filters.is_empty() { vec![all.to_vec()] } else { filters };
    for params in filters {
        let listing =
            list::v1::<Subscription>(session, "/v1/subscriptions", &params, config.max_pages).await?;
        found.extend(listing.items.into_iter().map(|subscription| (subscription.id, subscription.status)));
        is_truncated |= listing.truncated;
    }
    let mut counts: BTreeMap<&str, u32> =
        STATUSES.into_iter().chain(["other"]).map(|name| (name, 0)).collect();
    for status in found.into_values() {
        let status = STATUSES.into_iter().find(|known| *known == status);
        *counts.entry(status.unwrap_or("other")).or_default() += 1;
    }
    let mut subscriptions = SUBSCRIPTIONS.family();
    for (status, count) in counts {
        subscriptions.push([status], f64::from(count));
    }
    let problems = is_truncated
        .then(|| Problem::new(Reason::Cardinality, "subscriptions: more than `max_pages` allows to read"));
    Ok(Observation {
        families: vec![subscriptions, TRUNCATED.value(f64::from(u8::from(is_truncated)))],
        problems: problems.into_iter().collect(),
        failure: None,
    })
}
