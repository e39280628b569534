//! Stripe: whether its webhooks arrive, by which applications learn of payments.
//!
//! No call returns single deliveries. Available are the events that some endpoint has not accepted, and the state of
//! the endpoints. Every call counts against the account's monthly read allocation, so a probe makes three, and more
//! only if a list has more than one page, up to `max_pages` per list.

mod api;
mod config;
mod destination;
mod endpoint;
mod event;
mod event_type;
mod key;
mod list;
mod prober;
mod subscription;
mod throttle;

use std::time::Duration;

pub use config::Config;

use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost,
};
use platform_core::metric::Desc;

use self::prober::StripeProber;

const UP: Desc = Desc::gauge(
    "stripe_up",
    &[],
    "1 if Stripe's API answered the last probe's request for undelivered events, else 0.",
);

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "stripe",
    // Three calls every 5 minutes are 26,000 a month.
    interval: Duration::from_secs(5 * 60),
    timeout: Duration::from_secs(30),
    is_metered: true,
    cost: ProbeCost { cpu: Duration::from_micros(300), wire: 19_000, series: 53 },
    up: Some(UP),
    catalogue,
    prefixes: Vec::new,
    reasons: &[],
    language: None,
    environment: &[EnvironmentKey { key: "api_key", variables: &["STRIPE_API_KEY"] }],
    permissions: include_str!("../role.txt"),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline {
            title: "Undelivered events",
            metric: "stripe_webhook_events_undelivered",
            unit: HeadlineUnit::Count,
        },
        Headline {
            title: "Enabled endpoints",
            metric: "stripe_webhook_endpoint_enabled",
            unit: HeadlineUnit::Count,
        },
    ],
};

fn catalogue() -> Vec<Desc> {
    prober::CATALOGUE
        .into_iter()
        .chain(api::CATALOGUE)
        .chain(event::CATALOGUE)
        .chain(endpoint::CATALOGUE)
        .chain(destination::CATALOGUE)
        .chain(subscription::CATALOGUE)
        .collect()
}

impl Definition for Config {
    fn target(&self) -> String {
        match &self.account {
            Some(account) => format!("{} as {account}", self.api_base),
            None => self.api_base.clone(),
        }
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        Parts { prober: Box::new(StripeProber::new(self, context)), answers: None }
    }
}
