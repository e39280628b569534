use std::fs;

use platform_core::probe::{Observation, Reason};
use tempfile::TempDir;

use super::{ALL, HOUR, KEY, account, now, plain, reasons, subject, undelivered};
use testkit::stripe::{ApiKey, Event, Permission, WebhookEndpoint};
use testkit::subject::source;

fn has(observation: &Observation, name: &str) -> bool {
    observation.families.iter().any(|family| family.desc.name == name)
}

#[tokio::test]
async fn a_missing_permission_is_named_and_the_rest_still_there() {
    let server = account().await;
    {
        let mut account = server.state();
        account.add_event(Event::undelivered("invoice.paid", now() - HOUR));
        account.add_webhook_endpoint(WebhookEndpoint::new("https://app.example.com/hook"));
    }
    let mut subject = subject(&server, "subscriptions: true");
    for lacking in ALL.into_iter().filter(|permission| *permission != Permission::Events) {
        let granted: Vec<_> = ALL.into_iter().filter(|permission| *permission != lacking).collect();
        server.state().keys = vec![ApiKey::restricted(KEY, &granted)];
        let observation = subject.probe().await.expect("an answer");
        assert_eq!(reasons(&observation), [Reason::Permission], "{lacking:?}");
        let detail = &observation.problems[0].detail;
        assert!(detail.ends_with(&format!("the key lacks the permission {}", lacking.slug())), "{detail}");
        let resource = match lacking {
            Permission::WebhookEndpoints => "Webhook Endpoints",
            Permission::EventDestinations => "Event Destinations",
            _ => "Subscriptions",
        };
        assert_eq!(
            observation.problems[0].remedy,
            Some(format!(
                "give the restricted key Read for {resource} at https://dashboard.stripe.com/apikeys"
            ))
        );
        assert_eq!(undelivered(&observation, "invoice.paid", "retrying"), Some(1.0));
        for (permission, name) in [
            (Permission::WebhookEndpoints, "stripe_webhook_endpoint_enabled"),
            (Permission::Subscriptions, "stripe_subscriptions"),
        ] {
            assert_eq!(has(&observation, name), permission != lacking, "{name} without {lacking:?}");
        }
    }
}

#[tokio::test]
async fn without_a_look_at_events_the_source_is_down() {
    let server = account().await;
    server.state().keys = vec![ApiKey::restricted(KEY, &ALL[1..])];
    let problem = subject(&server, "").probe().await.expect_err("no events");
    assert_eq!(problem.reason, Reason::Permission);
    assert!(problem.detail.contains("rak_event_read"), "{problem}");
    assert!(!problem.detail.contains("rk_live"), "{problem}");
}

#[tokio::test]
async fn a_key_that_is_not_known_is_refused_and_not_shown() {
    let server = account().await;
    server.state().keys.clear();
    let problem = subject(&server, "").probe().await.expect_err("no key");
    assert_eq!(problem.reason, Reason::Auth);
    assert!(!problem.detail.contains("1234"), "{problem}");
    assert_eq!(server.state().calls.len(), 1, "a wrong key is shown once a probe");
}

#[tokio::test]
async fn a_rotated_key_counts_at_the_next_probe() {
    let server = account().await;
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("key");
    let mut subject =
        source(&format!("stripe: {{api_key_file: {}, api_base: '{}'}}", file.display(), server.url()));

    let problem = subject.probe().await.expect_err("no file");
    assert_eq!(problem.reason, Reason::Auth);
    fs::write(&file, format!("{KEY}\n")).expect("the directory is writable");
    let observation = subject.probe().await.expect("a good key");
    assert_eq!(plain(&observation, "stripe_webhook_events_truncated"), Some(0.0));

    server.state().keys = vec![ApiKey::restricted("rk_live_rotated5678", &ALL)];
    assert_eq!(subject.probe().await.expect_err("the old key").reason, Reason::Auth);
    fs::write(&file, "rk_live_rotated5678").expect("the directory is writable");
    subject.probe().await.expect("the new key");

    let before = server.state().calls.len();
    fs::write(&file, "pk_live_publishable").expect("the directory is writable");
    let problem = subject.probe().await.expect_err("not a key that reads");
    assert_eq!(problem.reason, Reason::Auth);
    assert!(problem.detail.contains("publishable") && !problem.detail.contains("pk_live_"), "{problem}");
    assert_eq!(server.state().calls.len(), before, "such a key is not sent");
}

#[tokio::test]
async fn the_keys_mode_decides_which_half_is_seen() {
    let server = account().await;
    let test = "rk_test_planted1234";
    {
        let mut account = server.state();
        account.keys.push(ApiKey::restricted(test, &ALL));
        account.add_event(Event { livemode: false, ..Event::undelivered("invoice.paid", now() - HOUR) });
    }
    let mut sandbox = source(&format!("stripe: {{api_key: {test}, api_base: '{}'}}", server.url()));
    let observation = sandbox.probe().await.expect("an answer");
    assert_eq!(undelivered(&observation, "invoice.paid", "retrying"), Some(1.0));
    let info = observation.families.iter().find(|family| family.desc.name == "stripe_account_info");
    assert_eq!(info.map(|info| info.samples[0].labels.to_vec()), Some(vec!["false".to_owned()]));
    let observation = subject(&server, "").probe().await.expect("an answer");
    assert_eq!(undelivered(&observation, "invoice.paid", "retrying"), Some(0.0));
}
