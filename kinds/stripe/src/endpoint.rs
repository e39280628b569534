//! Webhook endpoints: where Stripe posts events, as the v1 API knows them.

use platform_core::bounded::{self, NAME};
use platform_core::metric::Desc;
use platform_core::probe::{Observation, Problem, Reason};
use url::Url;

use super::api::ApiSession;
use super::config::Config;
use super::list::{self, Listed};

const ENABLED: Desc = Desc::gauge(
    "stripe_webhook_endpoint_enabled",
    &["endpoint_id", "url_host"],
    "1 if the webhook endpoint is enabled, 0 if disabled (field status of GET \
     /v1/webhook_endpoints, at each probe).",
);

pub(super) const CATALOGUE: [Desc; 1] = [ENABLED];

/// Twice Stripe's own limit.
pub(super) const LONGEST_URL: usize = 10_000;

#[derive(serde::Deserialize)]
struct Endpoint {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    id: String,
    #[serde(deserialize_with = "bounded::text::<LONGEST_URL, _>")]
    url: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    status: String,
}

impl Listed for Endpoint {
    fn id(&self) -> &str {
        &self.id
    }
}

pub(super) async fn observe(session: &mut ApiSession<'_>, config: &Config) -> Result<Observation, Problem> {
    let endpoints = list::v1::<Endpoint>(session, "/v1/webhook_endpoints", &[], config.max_pages).await?;
    let mut enabled = ENABLED.family();
    let mut problems = Vec::new();
    for endpoint in list::distinct(endpoints.items).iter().filter(|item| !config.ignore.contains(&item.id)) {
        let host = host(&endpoint.url);
        let is_enabled = endpoint.status == "enabled";
        enabled.push([&endpoint.id, &host], f64::from(u8::from(is_enabled)));
        if !is_enabled {
            let detail = format!("the webhook endpoint {} at {host} is {}", endpoint.id, endpoint.status);
            problems.push(Problem::new(Reason::Alarm, detail));
        }
    }
    if endpoints.truncated {
        problems.push(Problem::new(
            Reason::Cardinality,
            "more webhook endpoints than `max_pages` allows to read",
        ));
    }
    Ok(Observation { families: vec![enabled], problems, failure: None })
}

/// The host of a receiver; the rest of its URL may contain a secret.
pub(super) fn host(url: &str) -> String {
    let url = Url::parse(url).ok();
    // A name that DNS knows.
    let host = url.as_ref().and_then(Url::host_str).filter(|host| host.len() <= NAME);
    host.map(str::to_owned).unwrap_or_default()
}
