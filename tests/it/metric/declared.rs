//! A histogram and a counter that a query declares, from the rows of a real PostgreSQL to the answers of Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::prometheus::Prometheus;
use testkit::wait::{eventually, until};

use crate::platform::promtool;

const PATIENCE: Duration = Duration::from_secs(20);

/// Ten orders of each plan: those of `free` took 0.05 s, those of `pro` 0.2 s to 2 s.
const ORDERS: &str = "
    CREATE TABLE orders (plan text, seconds numeric);
    INSERT INTO orders SELECT 'free', 0.05 FROM generate_series(1, 10);
    INSERT INTO orders SELECT 'pro', number * 0.2 FROM generate_series(1, 10) AS number;";

const QUERY: &str = "
  - name: orders
    source: db
    every: 1s
    sql: |
      SELECT plan, count(*) AS orders, sum(seconds) AS total_seconds,
             count(*) FILTER (WHERE seconds <= 0.1) AS le_100ms,
             count(*) FILTER (WHERE seconds <= 1) AS le_1s
      FROM orders GROUP BY plan
    labels: [plan]
    metrics:
      - name: shop_order_seconds
        type: histogram
        help: Time from order to payment.
        buckets: {0.1: le_100ms, 1: le_1s}
        sum: total_seconds
        count: orders
      - {name: shop_orders_seen, type: counter, established_name: true, value: orders, help: Orders.}
";

#[tokio::test]
async fn a_declared_histogram_answers_histogram_quantile() {
    let server = Postgres::start().await;
    server.script("postgres", ORDERS).await;
    let source =
        format!("sources:\n  db: {{postgres: {{url: '{}'}}, interval: 1s, timeout: 1s}}\n", server.url());
    let exporter = Exporter::start(&format!("{source}queries:{QUERY}")).await;
    let page = until(PATIENCE, "the query has run", async || {
        Some(exporter.get("/metrics").await).filter(|page| page.contains("shop_order_seconds_count"))
    })
    .await;
    let ours = page.lines().filter(|line| line.contains("shop_order")).collect::<Vec<_>>().join("\n");
    assert_eq!(
        ours,
        r#"# HELP shop_order_seconds Time from order to payment.
# TYPE shop_order_seconds histogram
shop_order_seconds_sum{source="db",plan="free"} 0.5
shop_order_seconds_count{source="db",plan="free"} 10
shop_order_seconds_bucket{le="0.1",source="db",plan="free"} 10
shop_order_seconds_bucket{le="1.0",source="db",plan="free"} 10
shop_order_seconds_bucket{le="+Inf",source="db",plan="free"} 10
shop_order_seconds_sum{source="db",plan="pro"} 11.0
shop_order_seconds_count{source="db",plan="pro"} 10
shop_order_seconds_bucket{le="0.1",source="db",plan="pro"} 0
shop_order_seconds_bucket{le="1.0",source="db",plan="pro"} 5
shop_order_seconds_bucket{le="+Inf",source="db",plan="pro"} 10
# HELP shop_orders_seen Orders.
# TYPE shop_orders_seen counter
shop_orders_seen{source="db",plan="free"} 10
shop_orders_seen{source="db",plan="pro"} 10"#
    );
    let complaints = promtool(&format!("{ours}\n"));
    assert_eq!(complaints, ["shop_orders_seen counter metrics should have \"_total\" suffix"]);

    let config = format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs: [{{job_name: all, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        exporter.address()
    );
    let prometheus = Prometheus::start(&config).await;
    eventually(PATIENCE, "Prometheus has the histogram", async || {
        prometheus.query("shop_order_seconds_count").await.as_array().is_some_and(|series| series.len() == 2)
    })
    .await;
    let quantiles = prometheus.query("histogram_quantile(0.25, shop_order_seconds_bucket)").await;
    let of_plan = |series: &serde_json::Value| {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&series["metric"]["plan"]), text(&series["value"][1]))
    };
    // Prometheus interpolates: 2.5 of 10 within 0 to 0.1, and 2.5 of 5 within 0.1 to 1.
    let expected =
        [("free", "0.025"), ("pro", "0.55")].map(|(plan, value)| (plan.to_owned(), value.to_owned()));
    let found: BTreeMap<String, String> = quantiles.as_array().unwrap().iter().map(of_plan).collect();
    assert_eq!(found, BTreeMap::from(expected));
}
