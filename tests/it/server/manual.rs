//! The documentation that the exporter serves: that of its own version, with the headers of the status page.

use platform_exporter::bundle;
use platform_exporter::registry::Kind;
use testkit::exporter::Exporter;
use testkit::http::client;

const CONFIG: &str = "sources: {page: {http: {url: http://127.0.0.1:1/}}}\n";

#[tokio::test]
async fn every_alert_has_its_section_in_the_served_runbooks() {
    let exporter = Exporter::start(CONFIG).await;
    let page = exporter.get("/runbooks").await;
    let rules = bundle::render(None).unwrap().into_iter().filter(|file| file.path.starts_with("alerts/"));
    let rules: Vec<_> = rules.map(|file| file.text).collect();
    let alerts: Vec<_> = rules
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim_start().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 100, "{}", alerts.len());
    for alert in alerts {
        assert!(page.contains(&format!("<h3 id=\"{alert}\">{alert}</h3>")), "{alert} has no section");
        assert!(page.contains(&format!("<a href=\"#{alert}\">")), "{alert} is not among the contents");
    }
    for kind in Kind::ALL {
        assert!(page.contains(&format!("<h2 id=\"{kind}\">")), "{kind} has no chapter");
    }
    assert!(page.contains("<strong>Impact:</strong>") && page.contains("<pre><code"), "{page}");
    assert!(!page.contains("<!--") && !page.contains("href=\"README.md\""), "{page}");
}

#[tokio::test]
async fn the_reference_has_every_metric_and_each_kind_an_example() {
    let exporter = Exporter::start(CONFIG).await;
    let page = exporter.get("/reference").await;
    let list = std::fs::read_to_string(testkit::root().join("docs/metrics.md")).unwrap();
    let names = list.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in names {
        assert!(page.contains(&format!("<td><code>{name}</code></td>")), "{name} is missing");
    }
    for kind in Kind::ALL {
        assert!(page.contains(&format!("<h2 id=\"{kind}\">{kind}</h2>")), "{kind} is missing");
        let file = std::fs::read_to_string(testkit::root().join(format!("kinds/{kind}/example.yml")));
        assert_eq!(exporter.get(&format!("/examples/{kind}")).await, file.unwrap());
    }
    assert!(exporter.get("/examples/hayon").await.contains("packs:"));
    let response = client().get(exporter.url("/examples/oracle")).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
    let text = response.text().await.unwrap();
    assert!(text.contains("/examples/redis"), "{text}");
}

#[tokio::test]
async fn pages_have_the_headers_of_the_status_page_and_examples_are_text() {
    let exporter = Exporter::start(CONFIG).await;
    let headers = async |path: &str| {
        let response = client().get(exporter.url(path)).send().await.unwrap();
        assert!(response.status().is_success(), "{path}");
        let names = ["content-type", "content-security-policy", "referrer-policy", "x-content-type-options"];
        names.map(|name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()))
    };
    let of_status = headers("/").await;
    assert!(of_status.iter().all(Option::is_some), "{of_status:?}");
    for path in ["/runbooks", "/reference"] {
        assert_eq!(headers(path).await, of_status, "{path}");
        let page = exporter.get(path).await;
        assert!(!page.contains("<script") && !page.contains("<img"), "{path}");
    }
    assert_eq!(headers("/examples/redis").await[0].as_deref(), Some("text/plain; charset=utf-8"));
}
