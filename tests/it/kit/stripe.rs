//! The Stripe stand-in answers the official Python client as Stripe would.

mod client;

use std::time::Duration;

use client::Client;
use serde_json::{Value, json};

use testkit::stripe::{
    Account, ApiKey, DisabledReason, EndpointStatus, Event, EventDestination, EventSourceStatus, Permission,
    Refusal, StripeServer, Subscription, SubscriptionStatus, WebhookEndpoint,
};

const LIVE: &str = "sk_live_not_a_real_key";
const TEST: &str = "sk_test_not_a_real_key";

async fn start() -> (StripeServer, Client) {
    let server = StripeServer::start().await;
    server.state().keys = vec![ApiKey::secret(LIVE), ApiKey::secret(TEST)];
    let client = Client::start(&server);
    (server, client)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn bearer(key: &str) -> Value {
    json!({"Authorization": format!("Bearer {key}")})
}

#[tokio::test]
async fn undelivered_events_come_newest_first_page_after_page() {
    let (server, mut client) = start().await;
    let (mut expected, now) = (Vec::new(), now());
    for age in (0..45).rev() {
        let mut account = server.state();
        account.add_event(Event::delivered("charge.succeeded", now - age));
        expected.insert(0, account.add_event(Event::undelivered("invoice.paid", now - age)));
    }

    let undelivered = json!({"delivery_success": false, "limit": 20});
    assert_eq!(client.list(LIVE, "events", undelivered.clone(), "id").await, expected);
    let pages: Vec<_> = server.state().calls.iter().map(|call| call.query.clone()).collect();
    assert_eq!(pages.len(), 3, "45 events by 20: {pages:?}");
    assert_eq!(server.state().calls[1].param("starting_after"), Some(expected[19].as_str()));

    let before = json!({"delivery_success": false, "ending_before": expected[40], "limit": 7});
    let earlier: Vec<_> = expected[..40].iter().rev().cloned().collect();
    assert_eq!(
        client.list(LIVE, "events", before, "id").await,
        earlier,
        "backwards, the client goes up in time"
    );

    server.state().mark_delivered(&expected[0]);
    assert_eq!(client.list(LIVE, "events", undelivered, "id").await, expected[1..]);
    let first = client.ask(json!({"key": LIVE, "get": "events", "id": expected[0]})).await;
    assert_eq!((&first["object"], &first["pending_webhooks"]), (&json!("event"), &json!(0)));
}

#[tokio::test]
async fn events_are_filtered_by_time_type_and_mode() {
    let (server, mut client) = start().await;
    let now = now();
    {
        let mut account = server.state();
        account.add_event(Event::delivered("invoice.created", now - 31 * 86_400));
        account.add_event(Event { pending_webhooks: 2, ..Event::undelivered("invoice.paid", now - 300) });
        account.add_event(Event::undelivered("invoice.payment_failed", now - 200));
        account.add_event(Event::delivered("charge.refunded", now - 100));
        account.add_event(Event { livemode: false, ..Event::delivered("payout.paid", now) });
    }
    let all = ["charge.refunded", "invoice.payment_failed", "invoice.paid"];
    for (params, expected) in [
        (json!({}), &all[..]),
        (json!({"created": {"gte": now - 200}}), &all[..2]),
        (json!({"created": {"gt": now - 200}}), &all[..1]),
        (json!({"created": {"lt": now - 200}}), &all[2..]),
        (json!({"created": {"gt": now - 300, "lte": now - 200}}), &all[1..2]),
        (json!({"created": now - 300}), &all[2..]),
        (json!({"types": ["charge.refunded", "invoice.paid"]}), &["charge.refunded", "invoice.paid"]),
        (json!({"type": "invoice.*"}), &all[1..]),
        (json!({"type": "invoice.paid"}), &all[2..]),
        (json!({"delivery_success": true}), &all[..1]),
    ] {
        assert_eq!(client.list(LIVE, "events", params.clone(), "type").await, expected, "{params}");
    }
    let test = client.ask(json!({"key": TEST, "list": "events"})).await;
    assert_eq!(test["data"][0]["type"], "payout.paid", "a test key sees test events alone: {test}");
    assert_eq!(test["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn webhook_endpoints_and_subscriptions_are_listed() {
    let (server, mut client) = start().await;
    let mut endpoints = Vec::new();
    for index in 0..3 {
        let url = format!("https://example.com/{index}");
        endpoints.insert(0, server.state().add_webhook_endpoint(WebhookEndpoint::new(&url)));
    }
    server.state().webhook_endpoints[1].status = EndpointStatus::Disabled;
    assert_eq!(client.list(LIVE, "webhook_endpoints", json!({"limit": 2}), "id").await, endpoints);
    let statuses = client.list(LIVE, "webhook_endpoints", json!({}), "status").await;
    assert_eq!(statuses, ["enabled", "disabled", "enabled"]);

    let created = now();
    let mut subscriptions = Vec::new();
    for (name, status) in SubscriptionStatus::ALL {
        let id = server.state().add_subscription(Subscription::new(status, created));
        assert_eq!(
            client.list(LIVE, "subscriptions", json!({"status": name}), "id").await,
            [id.as_str()],
            "{name}"
        );
        subscriptions.insert(0, id);
    }
    let all = json!({"status": "all", "limit": 3, "created": {"lte": created}});
    assert_eq!(client.list(LIVE, "subscriptions", all, "id").await, subscriptions);
    assert_eq!(
        client.list(LIVE, "subscriptions", json!({}), "status").await.len(),
        7,
        "all but the canceled"
    );
    let ended = client.list(LIVE, "subscriptions", json!({"status": "ended"}), "status").await;
    assert_eq!(ended, ["incomplete_expired", "canceled"]);
}

#[tokio::test]
async fn event_destinations_are_paged_by_url() {
    let (server, mut client) = start().await;
    {
        let mut account = server.state();
        account.add_event_destination(EventDestination::webhook("app", "https://example.com/hook"));
        for source in [EventSourceStatus::Active, EventSourceStatus::Deleted, EventSourceStatus::Unknown] {
            account.add_event_destination(EventDestination::eventbridge("bus", source));
        }
        account.event_destinations[0].disabled = Some(DisabledReason::User);
        account.event_destinations[2].disabled = Some(DisabledReason::NoAwsEventSourceExists);
        account.event_destinations[3].set_source(EventSourceStatus::Pending);
    }
    let params = json!({"include": ["webhook_endpoint.url"], "limit": 2});
    let answer = client.ask(json!({"key": LIVE, "list": "event_destinations", "params": params})).await;
    let seen: Vec<_> = (0..4)
        .map(|index| {
            let item = &answer["data"][index];
            let source = &item["amazon_eventbridge"]["aws_event_source_status"];
            (&item["type"], &item["status"], &item["status_details"]["disabled"]["reason"], source)
        })
        .map(|(kind, status, reason, source)| json!([kind, status, reason, source]))
        .collect();
    assert_eq!(
        seen,
        [
            json!(["amazon_eventbridge", "enabled", null, "pending"]),
            json!(["amazon_eventbridge", "disabled", "no_aws_event_source_exists", "deleted"]),
            json!(["amazon_eventbridge", "enabled", null, "active"]),
            json!(["webhook_endpoint", "disabled", "user", null]),
        ],
    );
    assert_eq!(answer["data"][3]["webhook_endpoint"]["url"], "https://example.com/hook");
    assert_eq!(server.state().calls.len(), 2, "4 destinations by 2");

    let answer = client.ask(json!({"key": LIVE, "list": "event_destinations"})).await;
    assert_eq!(answer["data"][3]["webhook_endpoint"]["url"], Value::Null, "not included, not shown");
}

#[tokio::test]
async fn single_objects_and_headers_are_as_documented() {
    let (server, mut client) = start().await;
    assert_eq!(client.ask(json!({"key": LIVE, "get": "balance"})).await["livemode"], true);
    let options = json!({"stripe_account": "acct_connected"});
    let account = client.ask(json!({"key": LIVE, "get": "account", "options": options})).await;
    assert_eq!(account["id"], Account::ID);
    {
        let state = server.state();
        let call = state.calls.last().expect("a call");
        assert_eq!((call.method.as_str(), call.path.as_str()), ("GET", "/v1/account"));
        assert_eq!(call.header("Stripe-Account"), Some("acct_connected"));
        assert_eq!(call.header("Authorization"), None, "the log keeps no key");
    }

    // sk_live_not_a_real_key:
    let basic = json!({"Authorization": "Basic c2tfbGl2ZV9ub3RfYV9yZWFsX2tleTo="});
    let answer = client.plain("/v1/events", basic).await;
    assert_eq!(answer["body"], json!({"object": "list", "url": "/v1/events", "has_more": false, "data": []}));
    assert!(answer["headers"]["request-id"].as_str().is_some_and(|id| id.starts_with("req_")));
    assert!(answer["headers"]["stripe-version"].is_string());
}

#[tokio::test]
async fn bad_calls_learn_what_is_wrong() {
    let (_server, mut client) = start().await;
    let too_many: Vec<String> = (0..21).map(|index| format!("custom.{index}")).collect();
    for (what, params, param, code) in [
        ("events", json!({"limit": 0}), "limit", json!("parameter_invalid_integer")),
        ("events", json!({"limit": 101}), "limit", json!("parameter_invalid_integer")),
        ("events", json!({"created": {"gte": "today"}}), "created[gte]", json!("parameter_invalid_integer")),
        ("events", json!({"delivery_success": "maybe"}), "delivery_success", Value::Null),
        ("events", json!({"starting_after": "evt_gone"}), "starting_after", json!("resource_missing")),
        ("events", json!({"starting_after": "a", "ending_before": "b"}), "ending_before", Value::Null),
        ("events", json!({"types": too_many}), "types", Value::Null),
        ("events", json!({"type": "a", "types": ["b"]}), "type", Value::Null),
        ("webhook_endpoints", json!({"status": "enabled"}), "status", json!("parameter_unknown")),
        ("subscriptions", json!({"status": "paid"}), "status", Value::Null),
    ] {
        let error = client.ask(json!({"key": LIVE, "list": what, "params": params})).await;
        assert_eq!(error["error"], "InvalidRequestError", "{what} {params}: {error}");
        assert_eq!((&error["status"], &error["param"]), (&json!(400), &json!(param)), "{params}: {error}");
        assert_eq!(error["code"], code, "{params}: {error}");
    }
    let error = client.ask(json!({"key": LIVE, "get": "events", "id": "evt_gone"})).await;
    assert_eq!((&error["status"], &error["message"]), (&json!(404), &json!("No such event: 'evt_gone'")));

    let answer = client.plain("/v1/charges", bearer(LIVE)).await;
    assert_eq!(
        (&answer["status"], &answer["body"]["error"]["type"]),
        (&json!(404), &json!("invalid_request_error"))
    );
    let versioned = json!({"Authorization": format!("Bearer {LIVE}"), "Stripe-Version": "latest"});
    assert_eq!(client.plain("/v1/events", versioned).await["status"], 400);

    let answer = client.plain("/v2/core/event_destinations", bearer(LIVE)).await;
    assert_eq!(answer["status"], 400, "v2 has no default version: {answer}");
    assert_eq!(answer["body"]["error"]["code"], "invalid_request", "a v2 error always has a code");
    let params = json!({"include": ["webhook_endpoint.signing_secret"]});
    let error = client.ask(json!({"key": LIVE, "list": "event_destinations", "params": params})).await;
    assert_eq!(error["error"], "InvalidRequestError", "{error}");
}

#[tokio::test]
async fn keys_decide_what_can_be_read() {
    let (server, mut client) = start().await;
    let error = client.ask(json!({"key": "rk_live_not_known_1234", "list": "events"})).await;
    assert_eq!((&error["error"], &error["status"]), (&json!("AuthenticationError"), &json!(401)));
    assert_eq!(error["message"], "Invalid API Key provided: rk_live_**********1234");
    assert!(error["request_id"].is_string());
    let answer = client.plain("/v1/events", json!({})).await;
    assert_eq!(
        (&answer["status"], &answer["headers"]["www-authenticate"]),
        (&json!(401), &json!("Basic realm=\"Stripe\""))
    );

    for (call, permission) in [
        (json!({"list": "events"}), Permission::Events),
        (json!({"list": "webhook_endpoints"}), Permission::WebhookEndpoints),
        (json!({"list": "event_destinations"}), Permission::EventDestinations),
        (json!({"list": "subscriptions"}), Permission::Subscriptions),
        (json!({"get": "balance"}), Permission::Balance),
        (json!({"get": "account"}), Permission::Account),
    ] {
        let mut order = call;
        order["key"] = "rk_live_narrow_1234".into();
        server.state().keys = vec![ApiKey::restricted("rk_live_narrow_1234", &[])];
        let error = client.ask(order.clone()).await;
        assert_eq!((&error["error"], &error["status"]), (&json!("PermissionError"), &json!(403)), "{order}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(&format!("Having the '{}' permission", permission.slug())), "{message}");
        assert!(message.contains("'rk_live_*******1234'"), "{message}");

        server.state().keys = vec![ApiKey::restricted("rk_live_narrow_1234", &[permission])];
        assert_eq!(client.ask(order.clone()).await["error"], Value::Null, "{order}");
    }
}

#[tokio::test]
async fn calls_can_be_refused_and_held_back() {
    let (server, mut client) = start().await;
    let events = json!({"key": LIVE, "list": "events"});
    server.state().refuse_next(2, Refusal::RateLimited(Some(7)));
    for what in ["events", "event_destinations"] {
        let error = client.ask(json!({"key": LIVE, "list": what})).await;
        assert_eq!((&error["error"], &error["status"]), (&json!("RateLimitError"), &json!(429)), "{error}");
        assert_eq!(error["retry_after"], "7");
    }
    assert_eq!(client.ask(events.clone()).await, json!({"data": []}), "two calls were to be refused");

    server.state().refuse_next(usize::MAX, Refusal::RateLimited(None));
    let answer = client.plain("/v1/events", bearer(LIVE)).await;
    assert_eq!(answer["headers"]["retry-after"], Value::Null, "{answer}");
    assert_eq!(answer["headers"]["stripe-rate-limited-reason"], "global-rate");
    let error = &answer["body"]["error"];
    assert_eq!((&error["type"], &error["code"]), (&json!("invalid_request_error"), &json!("rate_limit")));
    server.state().refuse_next(1, Refusal::ServerError);
    assert_eq!(client.ask(events.clone()).await["error"], "APIError");

    server.state().latency = Duration::from_secs(3600);
    let before = server.state().calls.len();
    let held = client.ask(events.clone());
    tokio::select! {
        answer = held => panic!("answered at once: {answer}"),
        () = server.called(before + 1) => {}
    }
}
