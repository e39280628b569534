use platform_core::probe::Reason;
use serde_json::{Value, json};

use super::{DAY, HOUR, KEY, MINUTE, account, at, now, plain, reasons, subject, take_paths, undelivered};
use testkit::stripe::{Event, EventDestination, Subscription, SubscriptionStatus};
use testkit::subject::value;
use testkit::web::{Web, reply};

#[tokio::test]
async fn every_page_is_read() {
    let server = account().await;
    {
        let (mut account, now) = (server.state(), now());
        for index in 0..250 {
            account.add_event(Event::undelivered("invoice.paid", now - HOUR - index));
            account.add_subscription(Subscription::new(SubscriptionStatus::Trialing, now));
        }
        for index in 0..25 {
            account.add_event_destination(EventDestination::webhook("app", &format!("https://{index}.test")));
        }
    }
    let observation = subject(&server, "subscriptions: true").probe().await.expect("an answer");
    assert_eq!(undelivered(&observation, "invoice.paid", "retrying"), Some(250.0));
    assert_eq!(plain(&observation, "stripe_webhook_events_truncated"), Some(0.0));
    assert_eq!(value(&observation.families, "stripe_subscriptions", &["trialing"]), Some(250.0));
    let enabled =
        observation.families.iter().find(|family| family.desc.name == "stripe_event_destination_enabled");
    assert_eq!(enabled.map(|family| family.samples.len()), Some(25), "3 pages of 10, the API's own size");
    assert_eq!(plain(&observation, "stripe_api_requests_total"), Some(3.0 + 1.0 + 3.0 + 3.0));
    assert_eq!(server.state().calls.len(), 10);
    assert_eq!(observation.problems, []);
}

#[tokio::test]
async fn a_list_longer_than_the_budget_says_so_and_still_shows_what_is_lost() {
    let server = account().await;
    let oldest = now() - 3 * DAY - 5 * HOUR;
    {
        let (mut account, now) = (server.state(), now());
        for index in 0..250 {
            account.add_event(Event::undelivered("invoice.paid", now - MINUTE - index));
            account.add_subscription(Subscription::new(SubscriptionStatus::Active, now));
        }
        for index in 0..7 {
            account.add_event(Event::undelivered("invoice.paid", oldest + index));
        }
    }
    let keys = "subscriptions: true, max_pages: 2";
    let observation = subject(&server, keys).probe().await.expect("an answer");
    assert_eq!(plain(&observation, "stripe_webhook_events_truncated"), Some(1.0));
    assert_eq!(plain(&observation, "stripe_subscriptions_truncated"), Some(1.0));
    assert_eq!(undelivered(&observation, "invoice.paid", "grace"), Some(200.0));
    assert_eq!(undelivered(&observation, "invoice.paid", "exhausted"), Some(7.0));
    let stamp = plain(&observation, "stripe_webhook_oldest_undelivered_timestamp_seconds");
    // Those that are lost do not count, and of the others, the 200 newest were read.
    let age = now() as f64 - stamp.expect("some are not lost");
    assert!((259.0..280.0).contains(&age), "{age}");
    assert_eq!(value(&observation.families, "stripe_subscriptions", &["active"]), Some(200.0));
    assert_eq!(reasons(&observation), [Reason::Alarm, Reason::Cardinality, Reason::Cardinality]);
    assert_eq!(take_paths(&server).len(), 2 + 1 + 1 + 1 + 2);
}

/// Other products of the account are not counted, and a subscription to several prices is counted once.
#[tokio::test]
async fn subscriptions_are_restricted_to_prices() {
    let server = account().await;
    {
        let (mut account, now) = (server.state(), now());
        for prices in [
            vec!["price_month"],
            vec!["price_year"],
            vec!["price_month", "price_year"],
            vec!["price_other"],
            vec![],
        ] {
            for (count, status) in [(1, SubscriptionStatus::Active), (110, SubscriptionStatus::Canceled)] {
                for _ in 0..count {
                    let subscription = Subscription::new(status, now);
                    account.add_subscription(Subscription { prices: prices.clone(), ..subscription });
                }
            }
        }
    }
    for (keys, active, canceled) in [
        ("subscriptions: true", 5.0, 550.0),
        ("subscriptions: true, prices: [price_month]", 2.0, 220.0),
        ("subscriptions: true, prices: [price_month, price_year]", 3.0, 330.0),
        ("subscriptions: true, prices: [price_unknown]", 0.0, 0.0),
    ] {
        let observation = subject(&server, keys).probe().await.expect("an answer");
        assert_eq!(value(&observation.families, "stripe_subscriptions", &["active"]), Some(active), "{keys}");
        assert_eq!(
            value(&observation.families, "stripe_subscriptions", &["canceled"]),
            Some(canceled),
            "{keys}"
        );
        assert_eq!(plain(&observation, "stripe_subscriptions_truncated"), Some(0.0), "{keys}");
    }
    let keys = "subscriptions: true, prices: [price_unknown, price_year], max_pages: 1";
    let observation = subject(&server, keys).probe().await.expect("an answer");
    assert_eq!(plain(&observation, "stripe_subscriptions_truncated"), Some(1.0), "one of the lists is");
}

#[tokio::test]
async fn the_calls_are_as_documented() {
    let server = account().await;
    let before = now();
    let keys = "account: acct_connected1, lookback: 7d, subscriptions: true";
    subject(&server, keys).probe().await.expect("an answer");
    let calls = std::mem::take(&mut server.state().calls);
    for call in &calls {
        assert_eq!(call.method, "GET");
        assert_eq!(call.header("Stripe-Account"), Some("acct_connected1"));
        assert!(call.header("Stripe-Version").is_some_and(|version| version.starts_with("20")), "{call:?}");
        assert!(call.header("User-Agent").is_some_and(|agent| agent.starts_with("platform_exporter/")));
    }
    assert_eq!(calls[0].param("delivery_success"), Some("false"));
    assert_eq!(calls[0].param("limit"), Some("100"));
    let from: i64 = calls[0].param("created[gte]").and_then(|from| from.parse().ok()).expect("a time stamp");
    assert!((from - (before - 7 * DAY)).abs() <= 2, "{from}");
    assert_eq!(calls[2].param("include[0]"), Some("webhook_endpoint.url"));
    assert_eq!(calls[3].param("status"), Some("all"));
}

#[tokio::test]
async fn event_destinations_need_not_be_read() {
    let server = account().await;
    subject(&server, "event_destinations: false").probe().await.expect("an answer");
    assert_eq!(take_paths(&server), ["/v1/events", "/v1/webhook_endpoints"]);
}

#[tokio::test]
async fn the_key_goes_to_no_other_host_than_the_configured_one() {
    let elsewhere = Web::start(|_| reply(200, r#"{"data": []}"#)).await;
    let link = elsewhere.url("/v2/core/event_destinations?page=2");
    let api = Web::start(move |asked| {
        let body: Value = match asked.path.as_str() {
            path if path.starts_with("/v1/") => json!({"data": [], "has_more": false}),
            "/v2/core/event_destinations?page=2" => json!({"data": [], "next_page_url": null}),
            _ => json!({"data": [], "next_page_url": link}),
        };
        reply(200, body.to_string())
    })
    .await;
    let observation = at(&api.url(""), "").probe().await.expect("an answer");
    assert_eq!(observation.problems, []);
    assert!(elsewhere.asked().is_empty());
    let asked = api.asked();
    assert_eq!(asked.last().map(|asked| asked.path.as_str()), Some("/v2/core/event_destinations?page=2"));
    assert_eq!(
        asked.last().map(|asked| asked.header("Authorization").to_owned()),
        Some(format!("Bearer {KEY}"))
    );
}

#[tokio::test]
async fn what_two_pages_show_is_one_series() {
    let api = Web::start(|asked| {
        let next = (!asked.path.contains("page=2")).then_some("/v2/core/event_destinations?page=2");
        let destination = json!({"id": "ed_1", "type": "webhook_endpoint", "status": "enabled"});
        let body = if asked.path.starts_with("/v1/") {
            json!({"data": [], "has_more": false})
        } else {
            json!({"data": [destination], "next_page_url": next})
        };
        reply(200, body.to_string())
    })
    .await;
    let observation = at(&api.url(""), "").probe().await.expect("an answer");
    let mut families = observation.families.iter();
    let enabled = families.find(|family| family.desc.name == "stripe_event_destination_enabled");
    assert_eq!(enabled.map(|family| family.samples.len()), Some(1), "{enabled:?}");
    assert_eq!(api.asked().len(), 4);
}

#[tokio::test]
async fn an_empty_page_that_promises_more_ends_the_list() {
    let api = Web::start(|_| reply(200, r#"{"data": [], "has_more": true}"#)).await;
    let problem = at(&api.url(""), "").probe().await.expect_err("no such page");
    assert_eq!(problem.reason, Reason::Protocol);
    assert_eq!(api.asked().len(), 1);
}
