use std::collections::BTreeMap;
use std::sync::Arc;

use platform_core::probe::{Observation, Reason};
use platform_exporter::registry::Kind;

use super::{DAY, HOUR, MINUTE, account, now, reasons, subject, take_paths};
use testkit::stripe::{
    DisabledReason, EndpointStatus, Event, EventDestination, EventSourceStatus, StripeServer, Subscription,
    SubscriptionStatus, WebhookEndpoint,
};

/// Every sample as `name{value,value}`.
fn samples(observation: &Observation) -> BTreeMap<String, f64> {
    let families = observation.families.iter();
    let samples = families.flat_map(|family| family.samples.iter().map(|sample| (&family.desc.name, sample)));
    samples.map(|(name, sample)| (format!("{name}{{{}}}", sample.labels.join(",")), sample.value)).collect()
}

/// An account in which something of everything has gone wrong.
async fn troubled() -> StripeServer {
    let server = account().await;
    let now = now();
    let mut account = server.state();
    for (event_type, age) in [
        ("invoice.paid", 14 * MINUTE),
        ("invoice.paid", 16 * MINUTE),
        ("invoice.paid", 2 * DAY),
        ("customer.subscription.deleted", 3 * DAY - HOUR),
        ("charge.dispute.created", 3 * DAY + HOUR),
        ("charge.refunded", MINUTE),
        ("invoiceitem.created", 3 * DAY + 2 * HOUR),
        ("invoice.paid", 4 * DAY + HOUR),
    ] {
        account.add_event(Event::undelivered(event_type, now - age));
    }
    account.add_event(Event::delivered("invoice.paid", now - DAY));
    account.add_event(Event { livemode: false, ..Event::undelivered("invoice.paid", now - DAY) });

    account.add_webhook_endpoint(WebhookEndpoint::new("https://app.example.com/hook?token=planted"));
    account.add_webhook_endpoint(WebhookEndpoint::new("https://user:planted@old.example.com:8443/hook"));
    account.webhook_endpoints[1].status = EndpointStatus::Disabled;

    account
        .add_event_destination(EventDestination::webhook("app", "https://app.example.com/v2?token=planted"));
    account.add_event_destination(EventDestination::eventbridge("bus", EventSourceStatus::Active));
    account.add_event_destination(EventDestination::eventbridge("gone", EventSourceStatus::Deleted));
    account.add_event_destination(EventDestination::eventbridge("silent", EventSourceStatus::Unknown));
    account.event_destinations[2].disabled = Some(DisabledReason::NoAwsEventSourceExists);

    for status in [SubscriptionStatus::Active, SubscriptionStatus::Active, SubscriptionStatus::Canceled] {
        account.add_subscription(Subscription::new(status, now));
    }
    drop(account);
    server
}

#[tokio::test]
async fn reports_what_is_true_of_the_account() {
    let server = troubled().await;
    let before = now();
    let keys = "subscriptions: true, event_types: [invoice.paid, charge.*, charge.dispute.*]";
    let observation = subject(&server, keys).probe().await.expect("an answer");

    let (endpoints, destinations) = {
        let account = server.state();
        let endpoints: Vec<_> = account.webhook_endpoints.iter().map(|item| item.id.clone()).collect();
        let destinations: Vec<_> = account.event_destinations.iter().map(|item| item.id.clone()).collect();
        (endpoints, destinations)
    };
    let mut expected = BTreeMap::from(
        [
            ("stripe_account_info{true}", 1.0),
            ("stripe_api_requests_total{}", 4.0),
            ("stripe_api_rate_limited_total{}", 0.0),
            ("stripe_webhook_events_truncated{}", 0.0),
            ("stripe_webhook_events_undelivered{invoice.paid,grace}", 1.0),
            ("stripe_webhook_events_undelivered{invoice.paid,retrying}", 2.0),
            ("stripe_webhook_events_undelivered{invoice.paid,exhausted}", 0.0),
            ("stripe_webhook_events_undelivered{charge.*,grace}", 1.0),
            ("stripe_webhook_events_undelivered{charge.*,retrying}", 0.0),
            ("stripe_webhook_events_undelivered{charge.*,exhausted}", 0.0),
            ("stripe_webhook_events_undelivered{charge.dispute.*,grace}", 0.0),
            ("stripe_webhook_events_undelivered{charge.dispute.*,retrying}", 0.0),
            ("stripe_webhook_events_undelivered{charge.dispute.*,exhausted}", 1.0),
            ("stripe_webhook_events_undelivered{other,grace}", 0.0),
            ("stripe_webhook_events_undelivered{other,retrying}", 1.0),
            ("stripe_webhook_events_undelivered{other,exhausted}", 1.0),
            ("stripe_subscriptions_truncated{}", 0.0),
            ("stripe_subscriptions{active}", 2.0),
            ("stripe_subscriptions{canceled}", 1.0),
            ("stripe_subscriptions{incomplete_expired}", 0.0),
            ("stripe_subscriptions{incomplete}", 0.0),
            ("stripe_subscriptions{past_due}", 0.0),
            ("stripe_subscriptions{paused}", 0.0),
            ("stripe_subscriptions{trialing}", 0.0),
            ("stripe_subscriptions{unpaid}", 0.0),
            ("stripe_subscriptions{other}", 0.0),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, value) in [
        (format!("stripe_webhook_endpoint_enabled{{{},app.example.com}}", endpoints[0]), 1.0),
        (format!("stripe_webhook_endpoint_enabled{{{},old.example.com}}", endpoints[1]), 0.0),
        (
            format!(
                "stripe_event_destination_enabled{{{},webhook_endpoint,app.example.com}}",
                destinations[0]
            ),
            1.0,
        ),
        (format!("stripe_event_destination_enabled{{{},amazon_eventbridge,}}", destinations[1]), 1.0),
        (format!("stripe_event_destination_enabled{{{},amazon_eventbridge,}}", destinations[2]), 0.0),
        (format!("stripe_event_destination_enabled{{{},amazon_eventbridge,}}", destinations[3]), 1.0),
        (
            format!(
                "stripe_event_destination_disabled_info{{{},no_aws_event_source_exists}}",
                destinations[2]
            ),
            1.0,
        ),
        (format!("stripe_event_destination_source_active{{{}}}", destinations[1]), 1.0),
        (format!("stripe_event_destination_source_active{{{}}}", destinations[2]), 0.0),
    ] {
        expected.insert(name, value);
    }
    let mut found = samples(&observation);
    let oldest = found.remove("stripe_webhook_oldest_undelivered_timestamp_seconds{}").expect("there is one");
    assert!((oldest - (before - 3 * DAY + HOUR) as f64).abs() <= 2.0, "{oldest}");
    assert_eq!(found, expected);

    assert_eq!(reasons(&observation), [Reason::Alarm; 3]);
    let reported = format!("{:?}", observation.problems);
    for words in ["given up delivering: 2", "at old.example.com is disabled", "no_aws_event_source_exists"] {
        assert!(reported.contains(words), "{reported}");
    }
    assert!(!format!("{observation:?}").contains("planted"), "{observation:?}");
}

#[tokio::test]
async fn emits_its_catalogue_and_nothing_else() {
    let server = troubled().await;
    let observation = subject(&server, "subscriptions: true").probe().await.expect("an answer");
    let mut emitted: Vec<_> =
        observation.families.into_iter().map(|family| Arc::unwrap_or_clone(family.desc)).collect();
    let mut catalogue = (Kind::Stripe.facts().catalogue)();
    emitted.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(emitted, catalogue);
    assert_eq!(Kind::Stripe.facts().up.as_ref().map(|up| &*up.name), Some("stripe_up"));
    for desc in catalogue {
        assert!(desc.help.ends_with('.'), "{}", desc.help);
    }
}

#[tokio::test]
async fn an_account_in_which_all_is_well_costs_three_calls() {
    let server = account().await;
    server.state().add_webhook_endpoint(WebhookEndpoint::new("https://app.example.com/hook"));
    let observation = subject(&server, "").probe().await.expect("an answer");
    assert_eq!((observation.problems, observation.failure), (vec![], None));
    let names: Vec<_> = observation.families.iter().map(|family| &*family.desc.name).collect();
    assert!(!names.contains(&"stripe_webhook_oldest_undelivered_timestamp_seconds"), "{names:?}");
    let undelivered =
        observation.families.iter().find(|family| family.desc.name == "stripe_webhook_events_undelivered");
    let undelivered = &undelivered.expect("present from the start").samples;
    assert!(undelivered.iter().all(|sample| sample.value == 0.0), "{undelivered:?}");
    assert_eq!(undelivered.len(), 12 * 3, "11 types and other, by 3 phases");
    assert_eq!(take_paths(&server), ["/v1/events", "/v1/webhook_endpoints", "/v2/core/event_destinations"]);
}

#[tokio::test]
async fn what_is_off_on_purpose_can_be_left_out() {
    let server = troubled().await;
    let (endpoint, destination) = {
        let mut account = server.state();
        account.events.clear();
        (account.webhook_endpoints[1].id.clone(), account.event_destinations[2].id.clone())
    };
    let keys = format!("ignore: [{endpoint}, {destination}]");
    let observation = subject(&server, &keys).probe().await.expect("an answer");
    assert_eq!(observation.problems, []);
    let samples = samples(&observation);
    assert!(
        samples.keys().all(|name| !name.contains(&endpoint) && !name.contains(&destination)),
        "{samples:?}"
    );
}

#[tokio::test]
async fn an_event_bus_that_nothing_is_bound_to_is_an_alarm() {
    let server = account().await;
    server.state().add_event_destination(EventDestination::eventbridge("bus", EventSourceStatus::Pending));
    let mut subject = subject(&server, "");
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(reasons(&observation), [Reason::Alarm]);
    server.state().event_destinations[0].set_source(EventSourceStatus::Active);
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(observation.problems, []);
}

#[tokio::test]
async fn a_delivered_event_is_gone_at_the_next_probe() {
    let server = account().await;
    let id = server.state().add_event(Event::undelivered("invoice.paid", now() - HOUR));
    let mut subject = subject(&server, "");
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(super::undelivered(&observation, "invoice.paid", "retrying"), Some(1.0));
    server.state().mark_delivered(&id);
    let observation = subject.probe().await.expect("an answer");
    assert_eq!(super::undelivered(&observation, "invoice.paid", "retrying"), Some(0.0));
}
