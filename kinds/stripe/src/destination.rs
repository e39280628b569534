//! Event destinations: webhook endpoints and event buses, as the v2 API knows them.

use platform_core::bounded::{self, NAME};
use platform_core::metric::Desc;
use platform_core::probe::{Observation, Problem, Reason};

use super::api::ApiSession;
use super::config::Config;
use super::endpoint::{LONGEST_URL, host};
use super::list::{self, Listed};

const ENABLED: Desc = Desc::gauge(
    "stripe_event_destination_enabled",
    &["destination_id", "destination_type", "url_host"],
    "1 if the destination is enabled, 0 if disabled (field status of GET \
     /v2/core/event_destinations, at each probe); url_host is empty for an event bus.",
);
const DISABLED: Desc = Desc::gauge(
    "stripe_event_destination_disabled_info",
    &["destination_id", "disabled_reason"],
    "1 for each disabled destination, with the reason (field status_details.disabled.reason of GET \
     /v2/core/event_destinations), `other` if it is undocumented.",
);
const SOURCE_ACTIVE: Desc = Desc::gauge(
    "stripe_event_destination_source_active",
    &["destination_id"],
    "1 if the event source of an event bus is active at AWS or Azure, 0 if pending or deleted (field \
     aws_event_source_status or azure_partner_topic_status of GET /v2/core/event_destinations).",
);

pub(super) const CATALOGUE: [Desc; 3] = [ENABLED, DISABLED, SOURCE_ACTIVE];

const TYPES: [&str; 3] = ["webhook_endpoint", "amazon_eventbridge", "azure_event_grid"];
const DISABLED_REASONS: [&str; 3] = ["user", "no_aws_event_source_exists", "no_azure_partner_topic_exists"];

#[derive(serde::Deserialize)]
struct Destination {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    id: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    r#type: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    status: String,
    status_details: Option<StatusDetails>,
    webhook_endpoint: Option<WebhookEndpoint>,
    amazon_eventbridge: Option<AmazonEventbridge>,
    azure_event_grid: Option<AzureEventGrid>,
}

#[derive(serde::Deserialize)]
struct StatusDetails {
    disabled: Option<DisabledDetails>,
}

#[derive(serde::Deserialize)]
struct DisabledDetails {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    reason: String,
}

#[derive(serde::Deserialize)]
struct WebhookEndpoint {
    #[serde(default, deserialize_with = "bounded::optional::<LONGEST_URL, _>")]
    url: Option<String>,
}

#[derive(serde::Deserialize)]
struct AmazonEventbridge {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    aws_event_source_status: String,
}

#[derive(serde::Deserialize)]
struct AzureEventGrid {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    azure_partner_topic_status: String,
}

impl Listed for Destination {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Destination {
    fn is_enabled(&self) -> bool {
        self.status == "enabled"
    }

    fn host(&self) -> String {
        let url = self.webhook_endpoint.as_ref().and_then(|endpoint| endpoint.url.as_deref());
        url.map(host).unwrap_or_default()
    }

    fn disabled_reason(&self) -> &'static str {
        let disabled = self.status_details.as_ref().and_then(|details| details.disabled.as_ref());
        known(disabled.map(|disabled| disabled.reason.as_str()), DISABLED_REASONS)
    }

    /// Whether the cloud's event bus is active; `None` without a cloud, or if unknown.
    fn source_is_active(&self) -> Option<bool> {
        let aws = self.amazon_eventbridge.as_ref().map(|aws| aws.aws_event_source_status.as_str());
        let azure = self.azure_event_grid.as_ref().map(|azure| azure.azure_partner_topic_status.as_str());
        match aws.or(azure)? {
            "active" | "activated" => Some(true),
            "pending" | "never_activated" | "deleted" => Some(false),
            _ => None,
        }
    }

    fn problem(&self) -> Option<Problem> {
        let name = match self.host() {
            host if host.is_empty() => format!("{} {}", self.r#type, self.id),
            host => format!("{} {} at {host}", self.r#type, self.id),
        };
        let detail = if !self.is_enabled() {
            format!("the event destination {name} is {} ({})", self.status, self.disabled_reason())
        } else if self.source_is_active() == Some(false) {
            format!("the event destination {name} is enabled, but its event bus is not active")
        } else {
            return None;
        };
        Some(Problem::new(Reason::Alarm, detail))
    }
}

pub(super) async fn observe(session: &mut ApiSession<'_>, config: &Config) -> Result<Observation, Problem> {
    let include = [("include[0]", "webhook_endpoint.url")];
    let path = "/v2/core/event_destinations";
    let destinations = list::v2::<Destination>(session, path, &include, config.max_pages).await?;
    let (mut enabled, mut disabled, mut active) =
        (ENABLED.family(), DISABLED.family(), SOURCE_ACTIVE.family());
    let mut problems = Vec::new();
    for destination in
        list::distinct(destinations.items).iter().filter(|item| !config.ignore.contains(&item.id))
    {
        let Destination { id, r#type, .. } = destination;
        let labels = [id, known(Some(r#type), TYPES), &destination.host()];
        enabled.push(labels, f64::from(u8::from(destination.is_enabled())));
        if !destination.is_enabled() {
            disabled.push([id, destination.disabled_reason()], 1.0);
        }
        if let Some(is_active) = destination.source_is_active() {
            active.push([id], f64::from(u8::from(is_active)));
        }
        problems.extend(destination.problem());
    }
    if destinations.truncated {
        problems.push(Problem::new(
            Reason::Cardinality,
            "more event destinations than `max_pages` allows to read",
        ));
    }
    Ok(Observation { families: vec![enabled, disabled, active], problems, failure: None })
}

/// The value if it is documented: label values come from closed lists.
fn known(value: Option<&str>, list: [&'static str; 3]) -> &'static str {
    list.into_iter().find(|known| value == Some(known)).unwrap_or("other")
}
