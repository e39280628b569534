//! As `starts`, for the servers that speak HTTP.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::starts::{PATIENCE, assert_gone, hangs};
use testkit::alertmanager::Alertmanager;
use testkit::prometheus::Prometheus;
use testkit::s3::S3;
use testkit::sts::Sts;
use testkit::wait::eventually;

#[tokio::test]
async fn prometheus_starts_freezes_and_ends() {
    let rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(7)}]}]";
    let config = "global: {evaluation_interval: 1s}\nrule_files: [rules.yml]\n";
    let alertmanager = Alertmanager::start("route: {receiver: nobody}\nreceivers: [{name: nobody}]").await;
    let alerting = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}",
        alertmanager.address()
    );
    let options = Prometheus::options(&format!("{config}{alerting}")).file("rules.yml", rules);
    let server = options.lookback(Duration::from_secs(5)).start().await;
    assert_eq!(server.query("vector(1) + 1").await[0]["value"][1], "2");
    eventually(PATIENCE, "the alert is sent", async || {
        alertmanager.alerts().await[0]["labels"]["alertname"] == "Always"
    })
    .await;
    server.reload("rules.yml", "groups: []").await;
    assert_eq!(server.get("rules").await["groups"], json!([]));
    server.stop();
    assert!(hangs(server.query("vector(1)")).await);
    server.resume();
    server.query("vector(1)").await;
    alertmanager.stop();
    assert!(hangs(alertmanager.alerts()).await);
    alertmanager.resume();
    let addresses = [server.address(), alertmanager.address()];
    drop((server, alertmanager));
    addresses.iter().for_each(|address| assert_gone(address));
}

#[tokio::test]
async fn s3_verifies_signatures() {
    let server = S3::start("key", "right").await;
    server.add_bucket("files");
    server.add_object("files", "a.txt", b"hello");
    use rusty_s3::S3Action;
    let list = async |secret: &str, bucket: &str| {
        let endpoint = server.endpoint().parse().expect("our own URL");
        let bucket =
            rusty_s3::Bucket::new(endpoint, rusty_s3::UrlStyle::Path, bucket.to_owned(), "us-east-1")
                .expect("a bucket's name");
        let credentials = rusty_s3::Credentials::new("key", secret);
        let url = bucket.list_objects_v2(Some(&credentials)).sign(Duration::from_secs(60));
        let response = testkit::http::client().get(url).send().await.expect("it answers");
        (response.status().as_u16(), response.text().await.expect("it answers in full"))
    };
    let (status, body) = list("right", "files").await;
    assert!(status == 200 && body.contains("<Key>a.txt</Key>"), "{status}: {body}");
    let (status, body) = list("wrong", "files").await;
    assert!(status == 403 && body.contains("SignatureDoesNotMatch"), "{status}: {body}");
    let (status, body) = list("right", "other").await;
    assert!(status == 404 && body.contains("NoSuchBucket"), "{status}: {body}");
    let address = server.address().to_owned();
    drop(server);
    eventually(PATIENCE, "nothing listens", async || TcpStream::connect(&address).is_err()).await;
}

#[tokio::test]
async fn sts_starts_freezes_and_ends() {
    let server = Sts::start().await;
    let ask = async || {
        let scope = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        let request = testkit::http::client().post(server.endpoint()).header("Authorization", scope);
        let request = request.form(&[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]);
        request.send().await.expect("it answers").text().await.expect("it answers in full")
    };
    assert!(ask().await.contains("<Arn>"));
    server.stop();
    assert!(hangs(ask()).await);
    server.resume();
    ask().await;
    let address = server.address();
    drop(server);
    assert_gone(&address);
}
