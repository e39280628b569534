//! Dashboards and rules where the series are stored elsewhere: docs/long-term-storage.md.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform_exporter::bundle;
use serde_json::Value;
use tempfile::TempDir;

use super::{dashboards, replaced, targets, text};
use crate::alerting::{files::passes, rules};
use crate::docs::yaml_blocks;
use testkit::exporter::Exporter;
use testkit::http;
use testkit::postgres::Postgres;
use testkit::prometheus::Prometheus;
use testkit::redis::Redis;
use testkit::victoria_metrics::VictoriaMetrics;
use testkit::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(60);

/// The configurations in the page.
fn blocks() -> impl Iterator<Item = &'static str> {
    yaml_blocks(include_str!("../../../docs/long-term-storage.md"))
}

#[test]
fn promtool_takes_every_configuration_in_the_page() {
    assert!(blocks().count() >= 5, "{}", blocks().count());
    for block in blocks() {
        let directory = TempDir::new().unwrap();
        // Their paths of rules are relative, as in prometheus/prometheus.yml.
        let folder = directory.path().join("prometheus");
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(directory.path().join("alerts")).unwrap();
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, block).unwrap();
        let is_agent = block.starts_with("# prometheus --enable-feature=agent");
        let arguments: &[&str] =
            if is_agent { &["check", "config", "--agent"] } else { &["check", "config"] };
        passes("promtool", arguments, &[file]);
    }
}

/// The series of the answer of either engine at a time.
async fn series(url: &str, expr: &str, time: i64) -> Vec<Value> {
    let time = time.to_string();
    // In a form, because some expressions are longer than a URL may be.
    let request = http::client().post(format!("{url}/api/v1/query"));
    let mut data = http::json(request.form(&[("query", expr), ("time", &time)])).await["data"].take();
    if data["resultType"] == "scalar" {
        data = serde_json::json!({"result": [{"metric": {}, "value": data["result"]}]});
    }
    data["result"].as_array().unwrap_or_else(|| panic!("{expr}: {data}")).clone()
}

/// The same: the labels of each series, without its name, and its value.
///
/// An engine may keep the name of a metric through a function, and leave out what is not a number.
async fn answer(url: &str, expr: &str, time: i64) -> BTreeMap<String, f64> {
    let one = |series: &Value| {
        let labels: BTreeMap<_, _> = series["metric"].as_object().unwrap().iter().collect();
        let labels: Vec<_> = labels.into_iter().filter(|(name, _)| *name != "__name__").collect();
        let value: f64 = text(&series["value"][1]).parse().unwrap();
        (!value.is_nan()).then(|| (format!("{labels:?}"), value))
    };
    series(url, expr, time).await.iter().filter_map(one).collect()
}

/// The source that viewers choose on a dashboard.
fn source(dashboard: &str) -> &'static str {
    match dashboard {
        "postgres" => "db",
        "redis" => "cache",
        _ => "",
    }
}

/// Every expression of the dashboards and rules.
fn expressions() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            let expressions = targets(panel).iter().filter_map(|target| target["expr"].as_str());
            all.extend(expressions.map(|expr| replaced(expr, "10s", source(&dashboard.name))));
        }
    }
    all.extend(rules::all().iter().map(|(_, rule)| rules::text(rule, "expr").unwrap().to_owned()));
    all
}

/// An exporter that has probed both.
async fn exporter(postgres: &Postgres, redis: &Redis) -> Exporter {
    let exporter = Exporter::start(&format!(
        "sources:\n  db: {{postgres: {{url: \"{}\"}}, interval: 1s}}\n  \
         cache: {{redis: {{url: \"{}\"}}, interval: 1s}}\n",
        postgres.url(),
        redis.url()
    ))
    .await;
    for source in ["db", "cache"] {
        let kind = if source == "db" { "postgres" } else { "redis" };
        let series = format!("platform_source_up{{source=\"{source}\",kind=\"{kind}\"}}");
        exporter.wait_for(&series, 1.0, PATIENCE).await;
    }
    exporter
}

/// Waits until a rate over ten seconds has its samples.
async fn has_rates(prometheus: &Prometheus) {
    eventually(PATIENCE, "rates over ten seconds", async || {
        let scrapes = prometheus.query("count_over_time(up{job=\"platform_exporter\"}[30s])").await;
        text(&scrapes[0]["value"][1]).parse::<f64>().is_ok_and(|count| count >= 12.0)
    })
    .await;
}

/// Series are as many on both, and each expression has the same answer. Where it looks back over a range, the engines
/// compute differently (which samples belong to a range, whether a rate is extrapolated): then the labels are the same.
/// VictoriaMetrics stores decimals, which moves a time of today by less than a microsecond.
#[tokio::test]
async fn victoria_metrics_answers_as_prometheus_does() {
    let (postgres, redis, storage) =
        tokio::join!(Postgres::start(), Redis::start(), VictoriaMetrics::start());
    let exporter = exporter(&postgres, &redis).await;
    let config = blocks().find(|block| block.contains("victoriametrics.example:8428")).unwrap();
    let config = config.replace("victoriametrics.example:8428", &storage.address());
    let options = Prometheus::shipped(&config, &exporter.address(), "127.0.0.1:1").every(1);
    let prometheus = options.rules(&bundle::render(None).unwrap()).start().await;
    let (here, there) = (prometheus.url(), storage.url());
    has_rates(&prometheus).await;
    let time = jiff::Timestamp::now().as_second() - 2;
    // VictoriaMetrics does not keep what is not a number, such as a recorded ratio of nothing.
    let of_names = "count by (__name__) ({job=\"platform_exporter\"} >= -Inf)";
    eventually(PATIENCE, "all of it is stored", async || {
        let stored = "timestamp(up{job=\"platform_exporter\"})";
        answer(&here, stored, time + 1).await == answer(&there, stored, time + 1).await
    })
    .await;
    let count = async |url: &str| {
        let names = series(url, of_names, time).await.into_iter();
        let names = names.map(|one| (text(&one["metric"]["__name__"]).to_owned(), one["value"][1].clone()));
        names.collect::<BTreeMap<_, _>>()
    };
    let (of_prometheus, of_storage) = (count(&here).await, count(&there).await);
    assert!(of_prometheus.len() > 200, "{} names", of_prometheus.len());
    assert_eq!(of_prometheus, of_storage);

    let (mut wrong, mut answered, mut exact) = (Vec::new(), 0, 0);
    for expr in expressions() {
        let (here, there) = (answer(&here, &expr, time).await, answer(&there, &expr, time).await);
        answered += usize::from(!here.is_empty());
        let looks_back = expr.contains('[');
        exact += usize::from(!here.is_empty() && !looks_back);
        let same = |(labels, value): (&String, &f64)| {
            there
                .get(labels)
                .is_some_and(|other| looks_back || (value - other).abs() <= 1e-6 * value.abs().max(1.0))
        };
        if here.len() != there.len() || !here.iter().all(same) {
            wrong.push(format!("{expr}\n  Prometheus: {here:?}\n  VictoriaMetrics: {there:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(answered > 60 && exact > 30, "{answered} have an answer, {exact} of them are compared exactly");
}
