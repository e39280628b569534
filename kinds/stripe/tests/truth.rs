//! Every sample in hard states, recounted from what the test has put into the account.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{advance, pause, resume};

use super::{ALL, DAY, HOUR, KEY, MINUTE, account, now, subject};
use testkit::recount::{Recounts, Series, series};
use testkit::stripe::{
    Account, ApiKey, DisabledReason, EndpointStatus, Event, EventDestination, EventSourceStatus, Permission,
    Refusal, StripeServer, Subscription, SubscriptionStatus, WebhookEndpoint,
};
use testkit::subject::Subject;

/// What has a series of its own, and some types that count there.
const TYPES: [(&str, &[&str]); 3] = [
    ("invoice.paid", &["invoice.paid"]),
    ("charge.dispute.*", &["charge.dispute.created", "charge.dispute.closed"]),
    ("charge.*", &["charge.refunded", "charge.failed"]),
];

struct Watched {
    server: StripeServer,
    subject: Subject,
    /// How many of each list can be read.
    most: usize,
    destinations: Series,
    rate_limited: f64,
}

impl Watched {
    async fn new(keys: &str) -> Self {
        let server = account().await;
        let types: Vec<&str> = TYPES.iter().map(|(label, _)| *label).collect();
        let keys = format!("subscriptions: true, event_types: ['{}'], {keys}", types.join("', '"));
        let subject = subject(&server, &keys);
        Self { server, subject, most: usize::MAX, destinations: Series::new(), rate_limited: 0.0 }
    }

    async fn check(&mut self, recounts: &mut Recounts, state: &str) {
        let before = self.recount();
        let observation = self.subject.probe().await.expect("an answer");
        let (mut before, after) = (before, self.recount());
        // The calls of this probe are among them.
        before.extend(self.calls());
        recounts.compare(state, &before, &observation.families, &after, &[]);
    }

    fn recount(&self) -> Series {
        let mut all = of_account(&self.server.state(), self.most);
        all.extend(self.destinations.clone());
        all.extend(self.calls());
        all
    }

    /// One probe while Stripe refuses everything: only the calls are known.
    async fn check_refused(&mut self, recounts: &mut Recounts, state: &str) {
        let observation = self.subject.probe().await.expect("the calls are counted");
        let calls = self.calls();
        recounts.compare(state, &calls, &observation.families, &calls, &[]);
    }

    /// The calls that the server has seen.
    fn calls(&self) -> Series {
        let calls = u32::try_from(self.server.state().calls.len()).expect("a few");
        Series::from([
            ("stripe_api_requests_total".to_owned(), f64::from(calls)),
            ("stripe_api_rate_limited_total".to_owned(), self.rate_limited),
        ])
    }
}

fn label(kind: &str) -> &'static str {
    TYPES.into_iter().find(|(_, kinds)| kinds.contains(&kind)).map_or("other", |(label, _)| label)
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").expect("a URL").1;
    rest.split(['/', '?', ':']).next().expect("a host")
}

fn of_account(account: &Account, most: usize) -> Series {
    let mut all = of_events(account, most);
    all.insert(series("stripe_account_info", &["true"]), 1.0);
    for endpoint in account.webhook_endpoints.iter().filter(|endpoint| endpoint.livemode) {
        let name = series("stripe_webhook_endpoint_enabled", &[&endpoint.id, host(&endpoint.url)]);
        all.insert(name, f64::from(matches!(endpoint.status, EndpointStatus::Enabled)));
    }
    let live = account.subscriptions.iter().filter(|subscription| subscription.livemode);
    let mut statuses: BTreeMap<&str, f64> = SubscriptionStatus::ALL.map(|(name, _)| (name, 0.0)).into();
    statuses.insert("other", 0.0);
    let is_cut = live.clone().count() > most;
    for subscription in live.rev().take(most) {
        let (name, _) = SubscriptionStatus::ALL
            .into_iter()
            .find(|(_, status)| *status == subscription.status)
            .expect("it is one of all");
        *statuses.entry(name).or_default() += 1.0;
    }
    all.extend(statuses.into_iter().map(|(name, count)| (series("stripe_subscriptions", &[name]), count)));
    all.insert("stripe_subscriptions_truncated".to_owned(), f64::from(is_cut));
    all
}

/// Undelivered events of the last four days. Of a list that is cut off, those that Stripe has given up are read as well.
fn of_events(account: &Account, most: usize) -> Series {
    let now = now();
    let mut counts: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (label, _) in TYPES.into_iter().chain([("other", &[][..])]) {
        counts.extend(["grace", "retrying", "exhausted"].map(|phase| ((label, phase), 0.0)));
    }
    let lost = |event: &&Event| now - event.created > 3 * DAY;
    let missing = account
        .events
        .iter()
        .filter(|event| event.livemode && event.pending_webhooks > 0 && now - event.created < 4 * DAY);
    let (given_up, tried): (Vec<_>, Vec<_>) = missing.partition(lost);
    let read = tried.len().min(most);
    // They are added from the oldest on.
    let newest = &tried[tried.len() - read..];
    for event in newest.iter().chain(&given_up) {
        let phase = match now - event.created {
            age if age > 3 * DAY => "exhausted",
            age if age >= 15 * MINUTE => "retrying",
            _ => "grace",
        };
        *counts.get_mut(&(label(&event.kind), phase)).expect("every phase is there") += 1.0;
    }
    let name = "stripe_webhook_events_undelivered";
    let counts = counts.into_iter();
    let mut all: Series =
        counts.map(|((label, phase), count)| (series(name, &[label, phase]), count)).collect();
    let is_cut = tried.len() + given_up.len() > most;
    all.insert("stripe_webhook_events_truncated".to_owned(), f64::from(is_cut));
    if let Some(oldest) = newest.first() {
        let oldest = u32::try_from(oldest.created).expect("before 2106");
        all.insert("stripe_webhook_oldest_undelivered_timestamp_seconds".to_owned(), f64::from(oldest));
    }
    all
}

/// Destinations as the test has made them: what they are not asked for.
fn add_destinations(account: &mut Account) -> Series {
    let name = "stripe_event_destination_enabled";
    let mut all = Series::new();
    let hook = account.add_event_destination(EventDestination::webhook("app", "https://app.example.com/v2"));
    all.insert(series(name, &[&hook, "webhook_endpoint", "app.example.com"]), 1.0);
    for (source, disabled, active) in [
        (EventSourceStatus::Active, None, Some(1.0)),
        (EventSourceStatus::Pending, None, Some(0.0)),
        (EventSourceStatus::Deleted, Some(DisabledReason::NoAwsEventSourceExists), Some(0.0)),
        (EventSourceStatus::Unknown, Some(DisabledReason::User), None),
    ] {
        let mut bus = EventDestination::eventbridge("bus", source);
        bus.disabled = disabled;
        let id = account.add_event_destination(bus);
        all.insert(series(name, &[&id, "amazon_eventbridge", ""]), f64::from(disabled.is_none()));
        if let Some(reason) = disabled {
            let reason = match reason {
                DisabledReason::User => "user",
                DisabledReason::NoAwsEventSourceExists => "no_aws_event_source_exists",
            };
            all.insert(series("stripe_event_destination_disabled_info", &[&id, reason]), 1.0);
        }
        if let Some(active) = active {
            all.insert(series("stripe_event_destination_source_active", &[&id]), active);
        }
    }
    all
}

/// Events of every type in every phase, and those that do not count: delivered, in test mode, too old to be read.
fn add_events(account: &mut Account) {
    let now = now();
    let ages = [5 * DAY, 3 * DAY + HOUR, 3 * DAY - HOUR, DAY, 20 * MINUTE, 10 * MINUTE, 0];
    for (number, age) in ages.into_iter().enumerate() {
        for (_, kinds) in TYPES.into_iter().chain([("other", &["invoiceitem.created"][..])]) {
            for (index, kind) in kinds.iter().enumerate() {
                for _ in 0..=(number + index) % 3 {
                    account.add_event(Event::undelivered(kind, now - age));
                }
            }
        }
        account.add_event(Event::delivered("invoice.paid", now - age));
        account.add_event(Event { livemode: false, ..Event::undelivered("invoice.paid", now - age) });
    }
}

fn add_endpoints(account: &mut Account) {
    account.add_webhook_endpoint(WebhookEndpoint::new("https://app.example.com/hook"));
    let disabled = EndpointStatus::Disabled;
    let old =
        WebhookEndpoint { status: disabled, ..WebhookEndpoint::new("https://old.example.com:8443/hook") };
    account.add_webhook_endpoint(old);
}

fn add_subscriptions(account: &mut Account) {
    for (index, (_, status)) in SubscriptionStatus::ALL.into_iter().enumerate() {
        for _ in 0..index {
            account.add_subscription(Subscription::new(status, now()));
        }
    }
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    let mut watched = Watched::new("").await;
    watched.check(&mut recounts, "an empty account").await;

    add_events(&mut watched.server.state());
    watched.check(&mut recounts, "undelivered events of every type and phase").await;
    add_endpoints(&mut watched.server.state());
    watched.destinations = add_destinations(&mut watched.server.state());
    add_subscriptions(&mut watched.server.state());
    watched.check(&mut recounts, "endpoints and destinations enabled, disabled and deleted").await;

    watched.server.state().keys = vec![ApiKey::restricted(KEY, &[ALL[0], ALL[1], Permission::Subscriptions])];
    let destinations = std::mem::take(&mut watched.destinations);
    watched.check(&mut recounts, "without the permission to read event destinations").await;
    watched.server.state().keys = vec![ApiKey::restricted(KEY, &ALL)];
    watched.destinations = destinations;

    watched.server.state().refuse_next(1, Refusal::RateLimited(Some(100)));
    watched.rate_limited = 1.0;
    watched.check_refused(&mut recounts, "rate limited").await;
    watched.check_refused(&mut recounts, "rate limited, and leaving Stripe alone").await;
    pause();
    advance(Duration::from_secs(120)).await;
    resume();
    watched.check(&mut recounts, "no longer rate limited").await;

    {
        let mut account = watched.server.state();
        let missing: Vec<_> = account.events.iter().map(|event| event.id.clone()).collect();
        missing.iter().for_each(|id| account.mark_delivered(id));
        account.webhook_endpoints.remove(0);
        account.event_destinations.clear();
    }
    watched.destinations.clear();
    watched.check(&mut recounts, "all delivered, endpoints gone").await;

    let mut cut = Watched::new("max_pages: 2").await;
    cut.most = 200;
    {
        let (mut account, now) = (cut.server.state(), now());
        for age in [3 * DAY + HOUR, 2 * DAY, HOUR, MINUTE] {
            for index in 0..75 {
                account.add_event(Event::undelivered("charge.failed", now - age + index / 5));
            }
        }
        for (_, status) in SubscriptionStatus::ALL.into_iter().take(3) {
            for _ in 0..90 {
                account.add_subscription(Subscription::new(status, now));
            }
        }
    }
    cut.check(&mut recounts, "lists that are longer than what is read of them").await;
    recounts.finish("stripe");
}
