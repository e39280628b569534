//! What is wrong, on the status page, at `/api/v1/status` and in a terminal: problems with their query and the server's message, and
//! the errors of a configuration that was refused.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::exporter::{Exporter, binary};
use testkit::http::client;
use testkit::redis::Redis;
use testkit::wait::eventually;

const SOON: Duration = Duration::from_secs(20);

async fn status(exporter: &Exporter) -> Value {
    serde_json::from_str(&exporter.get("/api/v1/status").await).unwrap()
}

#[tokio::test]
async fn the_page_and_the_api_say_what_is_wrong() {
    let redis = Redis::start().await;
    redis.run::<()>(&["SET", "renamed", "<many>"]).await;
    let config = format!(
        "sources: {{cache: {{redis: {{url: '{}'}}, interval: 1s}}}}\nqueries:\n  \
         - {{name: numbers, source: cache, every: 1s, redis: {{command: [GET, renamed]}}, \
         metrics: [{{name: acme_number, value: value, help: A number.}}]}}\n",
        redis.url()
    );
    let exporter = Exporter::start(&config).await;
    eventually(SOON, "the query has failed", async || {
        // The query may run before the first probe, until which the status is unknown.
        status(&exporter).await["sources"][0]["status"] == json!("degraded")
    })
    .await;
    let found = status(&exporter).await;
    let source = &found["sources"][0];
    assert_eq!((&source["name"], &source["kind"]), (&json!("cache"), &json!("redis")));
    assert_eq!((&source["status"], &found["config"]["refused"]), (&json!("degraded"), &Value::Null));
    assert_eq!(source["reasons"], json!(["query"]));
    let problem = &source["problems"][0];
    assert_eq!((&problem["reason"], &problem["last_good_result"]), (&json!("query"), &Value::Null));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("query numbers: "), "{detail}");
    let page = exporter.get("/").await;
    assert!(page.contains("<li><strong>query</strong> query numbers: "), "{page}");
    assert!(!page.contains("was refused"), "{page}");
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let ahead = at(&source["next_probe"]).duration_since(at(&found["time"])).as_secs_f64();
    assert!((0.0..=1.0).contains(&ahead), "{ahead}");

    let broken = config.replace("interval", "intervall<");
    fs::write(exporter.directory().join("platform.yml"), broken).unwrap();
    let reloaded = client().post(exporter.url("/-/reload")).send().await.unwrap();
    assert!(!reloaded.status().is_success());
    let refused = status(&exporter).await["config"]["refused"].as_str().unwrap().to_owned();
    assert!(refused.contains("sources.cache.intervall<"), "{refused}");
    let page = exporter.get("/").await;
    assert!(page.contains("was refused") && page.contains("sources.cache.intervall&#60;"), "{page}");

    fs::write(exporter.directory().join("platform.yml"), &config).unwrap();
    let reloaded = client().post(exporter.url("/-/reload")).send().await.unwrap();
    assert!(reloaded.status().is_success());
    assert_eq!(status(&exporter).await["config"]["refused"], Value::Null);
    assert!(!exporter.get("/").await.contains("was refused"));
}

#[tokio::test]
async fn each_source_links_to_its_runbook_and_its_dashboard() {
    let config = "sources: {cache: {redis: {url: 'redis://127.0.0.1:1'}, interval: 1h}}";
    let exporter = Exporter::start(config).await;
    let page = exporter.get("/").await;
    assert!(page.contains("href=\"runbooks#redis\"") && !page.contains(">dashboard<"), "{page}");
    assert!(exporter.get("/runbooks").await.contains("id=\"redis\""));

    let grafana = "--web.grafana-url=https://grafana.example.com/team/";
    let exporter = Exporter::options(config).argument(grafana).start().await;
    eventually(SOON, "there is a next probe", async || {
        !status(&exporter).await["sources"][0]["next_probe"].is_null()
    })
    .await;
    let page = exporter.get("/").await;
    for (path, dashboard) in [("platform-redis?var-source=cache", "redis"), ("platform-overview", "overview")]
    {
        let link = format!("href=\"https://grafana.example.com/team/d/{path}\"");
        assert!(page.contains(&link), "{link} is missing in:\n{page}");
        let file = testkit::root().join(format!("grafana/dashboards/{dashboard}.json"));
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert!(path.split('?').next() == dashboard["uid"].as_str(), "{path}: {}", dashboard["uid"]);
    }
    assert!(page.contains("next probe in "), "{page}");
}

/// Runs `status` with these arguments: its exit code, and what it prints on both channels.
fn printed(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(binary()).arg("status").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_command_prints_the_worst_first_and_its_exit_code_says_whether_all_is_well() {
    let redis = Redis::start().await;
    let well = format!("sources: {{cache: {{redis: {{url: '{}'}}, interval: 1s}}}}", redis.url());
    let ill = well.replace("sources: {", "sources: {a-queue: {redis: {url: 'redis://127.0.0.1:1'}}, ");
    let prefix = "--web.external-url=https://metrics.example.com/exporter";
    let exporter = Exporter::options(&well).argument(prefix).start().await;
    let address = exporter.address();
    let at = ["--web.listen-address", &address, prefix];
    eventually(SOON, "all is well", async || printed(&at).0 == Some(0)).await;
    let (_, text, _) = printed(&at);
    assert!(text.starts_with("STATUS  NAME   KIND   SINCE") && text.ends_with("\n1 up\n"), "{text}");
    assert_eq!(printed(&["--url", &exporter.url("/exporter/")]).0, Some(0));
    let (code, text, error) = printed(&["--url", &exporter.url("")]);
    assert_eq!((code, text.as_str()), (Some(2), ""));
    assert!(error.contains("--web.external-url"), "{error}");
    drop(exporter);
    let (code, _, error) = printed(&at);
    assert!(code == Some(2) && error.contains(&address), "{error}");

    let exporter = Exporter::start(&ill).await;
    let address = exporter.address();
    let at = ["--web.listen-address", &address];
    eventually(SOON, "one is down", async || printed(&at).1.contains("\n1 down, 1 up\n")).await;
    let (code, text, _) = printed(&at);
    assert_eq!(code, Some(1));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].starts_with("down    a-queue  redis  ") && lines[1].ends_with("never"), "{text}");
    assert!(lines[2].starts_with("        connect: ") && lines[3].starts_with("up      cache "), "{text}");
    assert!(!text.contains('\u{1b}'), "it is no terminal: {text}");
    let (code, json, _) = printed(&[&at[..], &["--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["sources"][0]["status"]), (Some(1), &json!("down")));
}
