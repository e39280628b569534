//! The alerts that an account raises in which something goes wrong.

use std::time::Duration;

use super::{DAY, HOUR, KEY, MINUTE, account, now};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::{self, Seen};
use testkit::exporter::Exporter;
use testkit::stripe::{
    EndpointStatus, Event, EventDestination, EventSourceStatus, StripeServer, WebhookEndpoint,
};
use testkit::wait::eventually;

const DEGRADED: Seen = ("PlatformSourceDegraded", "warning");

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn minutes(number: u64) -> Duration {
    Duration::from_secs(60 * number)
}

/// Waits until the sum of a family is so.
async fn until(exporter: &Exporter, family: &str, is_so: impl Fn(f64) -> bool) {
    eventually(PATIENCE, family, async || {
        let page = exporter.get("/metrics").await;
        let values =
            page.lines().filter(|line| line.starts_with(family)).filter_map(|line| line.rsplit_once(' '));
        is_so(values.map(|(_, value)| value.parse::<f64>().expect("a number")).sum())
    })
    .await;
}

async fn events(server: &StripeServer, exporter: &Exporter, drills: &mut Drills<'_>) {
    let undelivered = "stripe_webhook_events_undelivered{";
    let budgets = [("StripeWebhooksErrorBudget", "critical"), ("StripeWebhooksErrorBudget", "warning")];
    let nearly = [budgets[0], budgets[1], ("StripeWebhooksNearlyLost", "critical")];
    let lost = [("StripeWebhooksLost", "critical"), ("StripeWebhooksLost", "warning"), DEGRADED];
    for (age, lasts, alerts) in [(25 * HOUR, 90, nearly), (3 * DAY + HOUR, 30, lost)] {
        drills.well().await;
        server.state().add_event(Event::undelivered("invoice.paid", now() - age));
        until(exporter, undelivered, |events| events == 1.0).await;
        drills.fires(minutes(lasts), &alerts).await;
        server.state().events.clear();
        until(exporter, undelivered, |events| events == 0.0).await;
    }

    drills.well().await;
    for _ in 0..150 {
        server.state().add_event(Event::undelivered("invoice.paid", now() - MINUTE));
    }
    until(exporter, "stripe_webhook_events_truncated{", |truncated| truncated == 1.0).await;
    drills.fires(minutes(25), &[("StripeEventsTruncated", "warning"), DEGRADED]).await;
    server.state().events.clear();
}

async fn destinations(server: &StripeServer, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    server.state().webhook_endpoints[0].status = EndpointStatus::Disabled;
    until(exporter, "stripe_webhook_endpoint_enabled{", |enabled| enabled == 0.0).await;
    drills.fires(minutes(15), &[("StripeEndpointDisabled", "critical"), DEGRADED]).await;
    server.state().webhook_endpoints[0].status = EndpointStatus::Enabled;

    drills.well().await;
    server.state().event_destinations[0].set_source(EventSourceStatus::Pending);
    until(exporter, "stripe_event_destination_source_active{", |active| active == 0.0).await;
    drills.fires(minutes(25), &[("StripeEventBusInactive", "warning"), DEGRADED]).await;
    server.state().event_destinations[0].set_source(EventSourceStatus::Active);
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let server = account().await;
    server.state().add_webhook_endpoint(WebhookEndpoint::new("https://app.example.com/hook"));
    server.state().add_event_destination(EventDestination::eventbridge("bus", EventSourceStatus::Active));
    let stripe = format!("stripe: {{api_key: {KEY}, api_base: '{}', max_pages: 1}}", server.url());
    let exporter = Exporter::start(&format!("sources: {{shop: {{{stripe}, interval: 3s}}}}")).await;
    let mut drills = Drills::of(&exporter);
    events(&server, &exporter, &mut drills).await;
    destinations(&server, &exporter, &mut drills).await;

    drills.have_seen(&on_servers::STRIPE);
}
