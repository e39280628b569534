//! Calls of Stripe's API: headers, errors, and what responses reveal.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use platform_core::bounded::{self, NAME};
use platform_core::client::{HttpClient, Request, Response};
use platform_core::deadline::Deadline;
use platform_core::metric::{Desc, Family};
use platform_core::probe::{Problem, Reason};
use secrecy::SecretString;

use super::config::Config;
use super::key::CurrentKey;
use super::throttle::Throttle;

/// Pins the format of responses, whatever the account's own version is.
const VERSION: &str = "2026-08-26.dahlia";

const REQUESTS: Desc = Desc::counter(
    "stripe_api_requests_total",
    &[],
    "Stripe API calls by this exporter, which count against the account's read allocation: 3 per \
     probe, more if a list has more than one page.",
);
const RATE_LIMITED: Desc = Desc::counter(
    "stripe_api_rate_limited_total",
    &[],
    "Stripe API calls by this exporter answered with 429.",
);

pub(super) const CATALOGUE: [Desc; 2] = [REQUESTS, RATE_LIMITED];

/// Where keys are edited.
const KEYS: &str = "https://dashboard.stripe.com/apikeys";

/// A page of a hundred objects; the largest are events with all changed fields.
const LARGEST_PAGE: usize = 16 << 20;

/// Stripe's API, with its state between probes.
pub(super) struct Api {
    base: String,
    account: Option<String>,
    client: HttpClient,
    throttle: Throttle,
    /// How many seconds Stripe's clock is ahead of ours.
    ahead: i64,
    requests: u32,
    rate_limited: u32,
}

/// The calls of one probe: one key, one deadline.
pub(super) struct ApiSession<'a> {
    api: &'a mut Api,
    authorization: SecretString,
    deadline: Deadline,
}

impl Api {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            base: config.api_base.clone(),
            account: config.account.clone(),
            client: HttpClient::new(config.tls.clone()),
            throttle: Throttle::default(),
            ahead: 0,
            requests: 0,
            rate_limited: 0,
        }
    }

    /// Opens a session, unless Stripe is rate limiting us.
    pub(super) fn session(&mut self, key: &CurrentKey, timeout: Duration) -> Result<ApiSession<'_>, Problem> {
        self.throttle.check()?;
        Ok(ApiSession { api: self, authorization: key.authorization(), deadline: Deadline::within(timeout) })
    }

    /// Records a probe without a 429 response.
    pub(super) fn relax(&mut self) {
        self.throttle.relax();
    }

    pub(super) fn counters(&self) -> [Family; 2] {
        [REQUESTS.value(self.requests.into()), RATE_LIMITED.value(self.rate_limited.into())]
    }
}

impl ApiSession<'_> {
    /// The time by Stripe's clock, if known: ages and windows must not depend on ours.
    pub(super) fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.api.ahead
    }

    /// The response to a GET. `target` is the path, with the query if any.
    pub(super) async fn get<T: serde::de::DeserializeOwned>(&mut self, target: &str) -> Result<T, Problem> {
        let mut request = Request::get(format!("{}{target}", self.api.base))
            .header("Authorization", self.authorization.clone())
            .header("Stripe-Version", VERSION)
            .largest_body(LARGEST_PAGE);
        if let Some(account) = &self.api.account {
            request = request.header("Stripe-Account", account.as_str());
        }
        self.api.requests = self.api.requests.saturating_add(1);
        let response = self.api.client.send(request, self.deadline.left()).await?;
        if let Some(now) = server_time(&response) {
            self.api.ahead = now - Timestamp::now().as_second();
        }
        match response.status {
            200 => response.json(),
            429 => {
                self.api.rate_limited = self.api.rate_limited.saturating_add(1);
                self.api.throttle.slow_down(retry_after(&response));
                Err(refusal(&response))
            }
            _ => Err(refusal(&response)),
        }
    }
}

fn server_time(response: &Response) -> Option<i64> {
    rfc2822::parse(response.header("Date")?).ok().map(|date| date.timestamp().as_second())
}

/// Stripe documents no such header, but a proxy may set it.
fn retry_after(response: &Response) -> Option<Duration> {
    response.header("Retry-After")?.parse().ok().map(Duration::from_secs)
}

#[derive(Default, serde::Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ApiError,
}

#[derive(Default, serde::Deserialize)]
struct ApiError {
    #[serde(default, deserialize_with = "bounded::optional::<4096, _>")]
    message: Option<String>,
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    code: Option<String>,
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    param: Option<String>,
}

/// Maps an error response. Its message is not passed on: it quotes parts of the key and the account id.
fn refusal(response: &Response) -> Problem {
    let ApiError { message, r#type, code, param } = response.json::<ErrorBody>().unwrap_or_default().error;
    let reason = match response.status {
        401 => Reason::Auth,
        403 => Reason::Permission,
        404 => Reason::NotFound,
        429 => Reason::RateLimited,
        // Stripe was reached and reports its own failure: neither `connect` nor `protocol`.
        500..=599 => Reason::Alarm,
        _ => Reason::Protocol,
    };
    let mut detail = format!("Stripe returned {}", response.status);
    let parts = [
        ("type", r#type.as_deref()),
        ("code", code.as_deref()),
        ("parameter", param.as_deref()),
        ("request", response.header("Request-Id")),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            detail.push_str(&format!(", {name} {value}"));
        }
    }
    let lacking = message.as_deref().and_then(permission);
    if let Some(permission) = lacking {
        detail.push_str(&format!(": the key lacks the permission {permission}"));
    }
    Problem::new(reason, detail).fixed_by(lacking.map(remedy))
}

/// What to turn on in the dashboard, by the name that a permission has there.
fn remedy(permission: &str) -> String {
    let resource = match permission {
        "rak_event_read" => "Events",
        "rak_webhook_read" => "Webhook Endpoints",
        "rak_hzn_event_destination_read" => "Event Destinations",
        "rak_subscription_read" => "Subscriptions",
        _ => return format!("give the restricted key the permission {permission} at {KEYS}"),
    };
    format!("give the restricted key Read for {resource} at {KEYS}")
}

/// The permission named in a message, such as `rak_event_read`.
fn permission(message: &str) -> Option<&str> {
    let start = &message[message.find("rak_")?..];
    start.split(|character: char| !character.is_ascii_lowercase() && character != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_the_name_of_the_dashboard() {
        let keys = "at https://dashboard.stripe.com/apikeys";
        let message = "Having the 'rak_webhook_read' permission would allow this request to continue.";
        let named = permission(message).map(remedy);
        assert_eq!(named, Some(format!("give the restricted key Read for Webhook Endpoints {keys}")));
        assert_eq!(
            remedy("rak_quote_read"),
            format!("give the restricted key the permission rak_quote_read {keys}")
        );
        for line in include_str!("../role.txt").lines().filter(|line| line.contains("rak_")) {
            let (resource, rest) = line.trim().split_once("  ").expect("two columns");
            let slug = rest.split_whitespace().next().expect("a permission");
            assert!(remedy(slug).contains(&format!("Read for {resource} ")), "{line}");
        }
    }
}
