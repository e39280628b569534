//! Headers of answers, and the rate limit.

use std::time::Duration;

use super::{Site, TLS, run};
use testkit::http;
use testkit::wait::eventually;

#[tokio::test]
async fn configured_headers_are_on_every_answer_and_go_before_our_own() {
    let web = format!(
        "{TLS}http_server_config:
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
    Content-Security-Policy: default-src 'self'
    X-XSS-Protection: ''
"
    );
    let site = Site::start(&web).await;
    for path in ["/", "/metrics", "/nowhere"] {
        let response = site.client().get(site.url(path)).send().await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["strict-transport-security"], "max-age=31536000");
        assert_eq!(headers["x-frame-options"], "deny");
        let policies: Vec<_> = headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies, ["default-src 'self'"]);
        assert!(!headers.contains_key("x-xss-protection"));
    }
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused() {
    let site = Site::start("rate_limit: {interval: 3s, burst: 5}\n").await;
    let status =
        async || http::client().get(site.exporter.url("/metrics")).send().await.unwrap().status().as_u16();
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(status().await);
    }
    assert_eq!(answers[..5], [200; 5]);
    assert!(answers.contains(&429), "{answers:?}");
    let refused = http::client().get(site.exporter.url("/metrics")).send().await.unwrap();
    assert!(refused.status().as_u16() == 200 || refused.headers()["retry-after"] == "1");
    let output = run(&["healthcheck", "--web.listen-address", &site.address()]);
    assert!(output.status.success(), "who refuses lives: {}", String::from_utf8_lossy(&output.stderr));
    eventually(Duration::from_secs(30), "a token is back", async || status().await == 200).await;
}
