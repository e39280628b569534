//! The HTTP side of the binary: what each route answers.

mod hardening;
mod manual;
mod prefix;
pub(crate) mod web;

use std::io::Read;
use std::time::Duration;

use testkit::exporter::{Exporter, value};
use testkit::http::client;
use testkit::postgres::Postgres;
use testkit::wait::{eventually, until};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

fn config(postgres: &Postgres) -> String {
    format!("sources: {{db: {{postgres: {{url: \"{}\"}}, interval: 1s}}}}\n", postgres.url())
}

async fn up(exporter: &Exporter) {
    exporter
        .wait_for("platform_source_up{source=\"db\",kind=\"postgres\"}", 1.0, Duration::from_secs(10))
        .await;
}

#[tokio::test]
async fn metrics_come_in_the_form_that_the_client_reads() {
    let postgres = Postgres::start().await;
    let exporter = Exporter::start(&config(&postgres)).await;
    up(&exporter).await;
    let get = async |accept: &str, coding: &str| {
        let request =
            client().get(exporter.url("/metrics")).header("accept", accept).header("accept-encoding", coding);
        let response = request.send().await.unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (content_type, encoding) = (header("content-type").unwrap(), header("content-encoding"));
        (content_type, encoding, response.bytes().await.unwrap().to_vec())
    };
    let (content_type, encoding, body) = get("*/*", "identity").await;
    assert_eq!((content_type.as_str(), encoding), (TEXT, None));
    let text = String::from_utf8(body).unwrap();
    assert_eq!(value(&text, "pg_up{source=\"db\"}"), Some(1.0));

    let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2";
    let (content_type, encoding, body) = get(accept, "gzip").await;
    assert_eq!((content_type.as_str(), encoding.as_deref()), (OPENMETRICS, Some("gzip")));
    let mut openmetrics = String::new();
    flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut openmetrics).unwrap();
    assert!(openmetrics.ends_with("# EOF\n"));
    assert_eq!(value(&openmetrics, "pg_up{source=\"db\"}"), Some(1.0));
}

#[tokio::test]
async fn a_source_is_probed_on_demand_without_its_label() {
    let postgres = Postgres::start().await;
    let slow = config(&postgres).replace("1s", "1h");
    let exporter = Exporter::start(&slow).await;
    up(&exporter).await;
    let probes = "platform_probes_total{source=\"db\",kind=\"postgres\"}";
    let before = exporter.value(probes).await.unwrap();
    // What was found less than a second ago is given again.
    let count = "platform_probes_total{kind=\"postgres\"}";
    let probed = until(Duration::from_secs(10), "it is probed", async || {
        let probed = exporter.get("/probe?source=db").await;
        (value(&probed, count) > Some(before)).then_some(probed)
    })
    .await;
    assert_eq!(value(&probed, "pg_up"), Some(1.0));
    assert_eq!(value(&probed, "platform_source_up{kind=\"postgres\"}"), Some(1.0));
    assert_eq!(value(&probed, count), Some(before + 1.0));
    assert!(!probed.contains("source="), "{probed}");
    assert!(!probed.contains("\nprocess_"), "what is the exporter's own stays on /metrics");

    let status = async |path: &str| client().get(exporter.url(path)).send().await.unwrap().status().as_u16();
    assert_eq!(status("/probe").await, 400);
    assert_eq!(status("/probe?source=other").await, 404);

    // Prometheus' own patience is the limit, not the source's timeout.
    postgres.stop();
    let (late, took) = until(Duration::from_secs(10), "it is probed while it is frozen", async || {
        let started = std::time::Instant::now();
        let request = client().get(exporter.url("/probe?source=db"));
        let request = request.header("X-Prometheus-Scrape-Timeout-Seconds", "1.5");
        let late = request.send().await.unwrap().text().await.unwrap();
        (value(&late, "pg_up") == Some(0.0)).then(|| (late, started.elapsed()))
    })
    .await;
    assert!((0.9..1.4).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(value(&late, "platform_source_problem{kind=\"postgres\",reason=\"timeout\"}"), Some(1.0));
}

#[tokio::test]
async fn every_source_is_a_target_under_the_address_that_the_client_used() {
    let exporter = Exporter::start(
        "sources: {page: {http: {url: http://127.0.0.1:1/}}, cache: {redis: {url: redis://127.0.0.1:1}}}",
    )
    .await;
    let response = client().get(exporter.url("/sd")).header("host", "exporter.internal:9884").send().await;
    let response = response.unwrap();
    assert_eq!(response.headers()["content-type"].to_str().unwrap(), "application/json; charset=utf-8");
    let targets: serde_json::Value = response.json().await.unwrap();
    let target = |name: &str, kind: &str| {
        serde_json::json!({
            "targets": ["exporter.internal:9884"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_source": name,
                "__meta_platform_kind": kind,
                "instance": name,
                "source": name,
            },
        })
    };
    assert_eq!(targets, serde_json::json!([target("cache", "redis"), target("page", "http")]));
}

#[tokio::test]
async fn health_and_readiness_are_two_things() {
    let postgres = Postgres::start().await;
    postgres.stop();
    let exporter =
        Exporter::start(&config(&postgres).replace("interval: 1s", "interval: 3s, timeout: 3s")).await;
    let status = async |path: &str| client().get(exporter.url(path)).send().await.unwrap().status().as_u16();
    assert_eq!(status("/-/healthy").await, 200);
    assert_eq!(status("/-/ready").await, 503);
    // A source that is down has been probed.
    eventually(Duration::from_secs(8), "ready", async || status("/-/ready").await == 200).await;
    assert_eq!(exporter.value("platform_source_up{source=\"db\",kind=\"postgres\"}").await, Some(0.0));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_words() {
    let exporter = Exporter::start("sources: {page: {http: {url: http://127.0.0.1:1/}}}").await;
    let response = client().get(exporter.url("/config")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
    assert!(response.text().await.unwrap().contains("/metrics"));
    let response = client().post(exporter.url("/metrics")).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
        (405, "GET, HEAD")
    );
    let response = client().post(exporter.url("/heartbeat/backup/host1")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let response = client().head(exporter.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn the_status_page_says_how_everything_is() {
    let mut postgres = Postgres::start().await;
    let exporter = Exporter::start(&config(&postgres)).await;
    up(&exporter).await;
    let page = exporter.get("/").await;
    for part in
        ["<h3><span>db</span>", ">up</span>", "1 up", "http-equiv=\"refresh\" content=\"30\"", "127.0.0.1"]
    {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("postgres@"), "{page}");
    postgres.kill();
    exporter
        .wait_for("platform_source_up{source=\"db\",kind=\"postgres\"}", 0.0, Duration::from_secs(5))
        .await;
    let page = exporter.get("/?refresh=off").await;
    for part in
        ["1 down", "<strong>connect</strong>", "Recent status changes", "<td class=\"down\">down</td>"]
    {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
    assert!(!page.contains("http-equiv=\"refresh\""), "{page}");
    let response = client().get(exporter.url("/")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

#[tokio::test]
async fn requests_are_logged_where_that_is_asked_for() {
    let quiet = Exporter::start("sources: {page: {http: {url: http://127.0.0.1:1/}}}").await;
    quiet.get("/metrics").await;
    assert!(!quiet.log().contains("http.request"), "{}", quiet.log());
    let options = Exporter::options("sources: {page: {http: {url: http://127.0.0.1:1/}}}");
    let logging = options.argument("--web.access-log").argument("--log.format=json").start().await;
    logging.get("/probe?source=geheim").await;
    let log = logging.log();
    let line = log.lines().find(|line| line.contains("http.request")).unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["path"], &line["status"], &line["method"]),
        (&"/probe".into(), &404.into(), &"GET".into())
    );
    assert!(line["duration_seconds"].as_f64().is_some() && line["user"] == "-");
    assert!(!log.contains("geheim"), "the query may hold anything: {log}");
}
