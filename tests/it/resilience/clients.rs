//! Clients without a password that ask for too much.

use reqwest::Method;

use super::{PATIENCE, status};
use testkit::exporter::{Exporter, value};
use testkit::http;
use testkit::stripe::{ApiKey, Permission, StripeServer};
use testkit::web::{Web, reply};

const UP: &str = "platform_source_up{source=\"page\",kind=\"http\"}";

#[tokio::test]
async fn cannot_name_a_time_that_does_not_exist() {
    let page = Web::start(|_| reply(200, "fine")).await;
    let exporter =
        Exporter::start(&format!("sources: {{page: {{http: {{url: '{}'}}}}}}\n", page.url("/"))).await;
    for seconds in ["1e19", "1e300", "inf", "NaN", "-1", "0", ""] {
        let probe = http::client()
            .get(exporter.url("/probe?source=page"))
            .header("x-prometheus-scrape-timeout-seconds", seconds)
            .send()
            .await;
        assert_eq!(probe.expect("an answer").status().as_u16(), 200, "{seconds:?}");
    }
    assert!(!exporter.log().contains("event=panic"), "{}", exporter.log());
}

/// Each of many who ask gets an answer, and the source is asked by few.
#[tokio::test]
async fn cannot_spend_what_a_source_allows() {
    let page = Web::start(|_| reply(200, "fine")).await;
    let account = StripeServer::start().await;
    account.state().keys = vec![ApiKey::restricted(
        "rk_live_planted1234",
        &[Permission::Events, Permission::WebhookEndpoints, Permission::EventDestinations],
    )];
    let config = format!(
        "sources:\n  page: {{http: {{url: '{}'}}, interval: 1h}}\n  stripe: {{stripe: {{api_base: '{}', api_key: \
         rk_live_planted1234}}}}\n",
        page.url("/"),
        account.url()
    );
    let exporter = Exporter::start(&config).await;
    exporter.wait_for(UP, 1.0, PATIENCE).await;
    exporter.wait_for("platform_source_up{source=\"stripe\",kind=\"stripe\"}", 1.0, PATIENCE).await;
    let (calls, visits) = (account.state().calls.len(), page.asked().len());
    assert_eq!(visits, 1);
    for _ in 0..200 {
        let metrics = exporter.get("/probe?source=stripe").await;
        assert_eq!(value(&metrics, "platform_source_up{kind=\"stripe\"}"), Some(1.0), "{metrics}");
    }
    assert_eq!(account.state().calls.len(), calls, "no call of Stripe's API for 200 requests");
    let started = std::time::Instant::now();
    for _ in 0..200 {
        let metrics = exporter.get("/probe?source=page").await;
        assert_eq!(value(&metrics, "platform_source_up{kind=\"http\"}"), Some(1.0), "{metrics}");
    }
    let most = started.elapsed().as_secs() + 1;
    assert!(page.asked().len() as u64 <= most, "one probe a second at most");
    // After a second, whoever asks has it probed.
    tokio::time::timeout(PATIENCE, async {
        while page.asked().is_empty() {
            exporter.get("/probe?source=page").await;
        }
    })
    .await
    .expect("it is probed again");
}

/// A page of another site can have a browser send a POST, but not without these headers.
#[tokio::test]
async fn of_another_site_cannot_reload() {
    let exporter = Exporter::start("sources: {page: {http: {url: http://127.0.0.1:1/}}}\n").await;
    let own = format!("http://{}", exporter.address());
    for (name, site, expected) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", own.as_str(), 200),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("user-agent", "curl/8", 200),
    ] {
        let request = http::client().request(Method::POST, exporter.url("/-/reload")).header(name, site);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), expected, "{name}: {site}");
    }
    assert_eq!(status(&exporter, "/-/reload").await, 405);
}

/// While pages of many sources are rendered, `/metrics` is answered as before.
#[tokio::test]
async fn that_want_large_pages_keep_nobody_waiting() {
    let sources: String = (0..3000)
        .map(|number| format!("  s{number}: {{http: {{url: 'http://127.0.0.1:1/'}}, interval: 1h}}\n"))
        .collect();
    let exporter = Exporter::start(&format!("sources:\n{sources}")).await;
    let url = exporter.url("/");
    let pages: Vec<_> = (0..20).map(|_| tokio::spawn(http::client().get(url.clone()).send())).collect();
    let mut scrapes = 0;
    while !pages.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(status(&exporter, "/metrics").await, 200);
        scrapes += 1;
    }
    for page in pages {
        assert_eq!(page.await.unwrap().unwrap().status().as_u16(), 200);
    }
    // A scrape behind the pages would be answered after the last one.
    assert!(scrapes >= 20, "{scrapes} scrapes beside 20 pages");
}
