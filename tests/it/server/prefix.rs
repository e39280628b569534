//! The exporter behind a proxy: `--web.external-url` and `--web.route-prefix`.

use std::process::{Command, Output};

use serde_json::Value;
use testkit::exporter::{Exporter, binary};
use testkit::http::client;

const CONFIG: &str = "sources: {page: {http: {url: http://127.0.0.1:1/}}}\n";
const EXTERNAL: &str = "--web.external-url=https://metrics.example.com/exporter/";

fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

/// The status of a path, and where it leads.
async fn status(exporter: &Exporter, path: &str) -> (u16, Option<String>) {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let response = client.build().unwrap().get(exporter.url(path)).send().await.unwrap();
    let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), location)
}

#[tokio::test]
async fn the_path_of_the_external_url_is_the_prefix_of_all_paths() {
    let exporter = Exporter::options(CONFIG).argument(EXTERNAL).start().await;
    for path in ["/", "/metrics", "/runbooks", "/api/v1/status", "/-/healthy"] {
        assert_eq!(status(&exporter, &format!("/exporter{path}")).await, (200, None), "{path}");
    }
    assert_eq!(status(&exporter, "/exporter/heartbeat/backup/host1").await.0, 401);
    let home = Some("/exporter/".to_owned());
    assert_eq!(status(&exporter, "/").await, (302, home.clone()));
    assert_eq!(status(&exporter, "/exporter").await, (302, home));
    assert_eq!(status(&exporter, "/metrics").await, (404, None));
    assert!(exporter.get("/metrics").await.contains("below /exporter/"));
    let page = exporter.get("/exporter/").await;
    assert!(page.contains("href=\"/exporter/metrics\""), "{page}");

    let response = client().get(exporter.url("/exporter/sd")).header("host", "exporter.internal:9884");
    let targets: Value = response.send().await.unwrap().json().await.unwrap();
    assert_eq!(targets[0]["targets"], serde_json::json!(["exporter.internal:9884"]));
    assert_eq!(targets[0]["labels"]["__metrics_path__"], "/exporter/probe");

    let address = exporter.address();
    let healthy = run(&["healthcheck", "--web.listen-address", &address, EXTERNAL]);
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stderr));
    assert!(!run(&["healthcheck", "--web.listen-address", &address]).status.success());
}

#[tokio::test]
async fn a_proxy_may_remove_the_prefix() {
    let exporter =
        Exporter::options(CONFIG).argument(EXTERNAL).argument("--web.route-prefix=/").start().await;
    let page = exporter.get("/").await;
    assert!(page.contains("href=\"/exporter/metrics\""), "{page}");
    assert_eq!(status(&exporter, "/metrics").await, (200, None));
    assert_eq!(status(&exporter, "/exporter/metrics").await.0, 404);
}

#[test]
fn alerts_link_to_the_runbooks_that_the_exporter_serves() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&["bundle", "--out", &directory.path().display().to_string(), EXTERNAL]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (file, alert) in [("redis", "RedisEvicting"), ("hayon", "HayonPostsOverdue")] {
        let path = directory.path().join(format!("alerts/{file}.rules.yml"));
        let rules = std::fs::read_to_string(path).unwrap();
        let url = format!("runbook_url: \"https://metrics.example.com/exporter/runbooks#{alert}\"");
        assert!(rules.contains(&url) && !rules.contains("github.com"), "{rules}");
    }
}

#[test]
fn an_external_url_that_is_none_is_refused_with_an_example() {
    for (url, why) in [("metrics.example.com/exporter", "without a base"), ("ftp://example.com", "http://")] {
        let output = run(&["--web.external-url", url]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            error.contains("such as https://metrics.example.com/exporter") && error.contains(why),
            "{error}"
        );
    }
}
