//! Large answers beside other sources.

use serde_json::{Value, json};
use testkit::turns::{LONGEST, Turns};
use testkit::web::{Web, reply};

use super::{HOUR, KEY, now};

/// Together just below the largest page that is read.
const LENGTH_OF_AN_EVENT: usize = 160_000;
const EVENTS: usize = 100;

fn event(number: usize) -> Value {
    // Invoices of many lines.
    let lines: Vec<_> = (0..LENGTH_OF_AN_EVENT / 16).map(|line| json!({"line": line % 10})).collect();
    json!({
        "id": format!("evt_{number}"),
        "object": "event",
        "type": "invoice.paid",
        "created": now() - HOUR,
        "pending_webhooks": 1,
        "data": {"object": {"lines": lines}},
    })
}

#[tokio::test]
async fn the_largest_page_keeps_nobody_waiting() {
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let (page, empty) = (list(&events), list(&[]));
    println!("{} bytes", page.len());
    let answer = move |path: &str| if path.starts_with("/v1/events") { page.clone() } else { empty.clone() };
    let web = Web::start(move |asked| reply(200, answer(&asked.path))).await;
    let turns = Turns::start(&format!(
        "sources: {{payments: {{stripe: {{api_key: {KEY}, api_base: '{}', max_pages: 1}}, interval: 10m, timeout: 5m}}}}",
        web.url("")
    ))
    .await;
    let undelivered = "stripe_webhook_events_undelivered{source=\"payments\",event_type=\"invoice.paid\",phase=\"retrying\"}";
    turns.wait_until(undelivered, |events| events == EVENTS as f64).await;
    let longest = turns.longest();
    println!("longest {longest:?}");
    assert!(longest < LONGEST, "{longest:?}");
}

fn list(data: &[Value]) -> String {
    json!({"object": "list", "data": data, "has_more": false}).to_string()
}
