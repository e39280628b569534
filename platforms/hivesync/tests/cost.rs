//! What AI costs: tokens, and GPU instances.

use std::process::Command;

use serde_json::{Value, json};

use super::answers::{GPU_PRICES, answers};
use super::{Deployment, shows};
use crate::bundle::{Rendered, of_pack, targets, text};
use testkit::exporter::Exporter;
use testkit::hivesync::world::World;

#[tokio::test]
async fn what_has_no_price_has_no_cost() {
    let world = World::populated();
    let deployment = Deployment::of(&world).await;
    let config: Vec<_> = deployment.config().lines().map(str::to_owned).collect();
    let config = config.into_iter().filter(|line| !line.contains("_price")).collect::<Vec<_>>().join("\n");
    let exporter = Exporter::start(&config).await;
    let mut expected = answers(&world);
    expected.retain(|series, _| !series.contains("_cost_") && !series.contains("_price"));
    shows(&exporter, &expected).await;
}

const CONFIG: &str = "
sources:
  app-db: {postgres: {url: 'postgres://localhost'}}
  cache: {redis: {url: 'redis://localhost'}}
  fleet: {workers: {classes: {gpu: {from: cache, layout: hash, key: gpu}}}}
packs: {hivesync: {db: app-db, cache: cache, workers: fleet}}
";

/// The expression of a panel.
fn expression(dashboard: &Rendered, title: &str) -> String {
    let panel = dashboard.panels().into_iter().find(|panel| panel["title"] == title);
    text(&targets(panel.unwrap_or_else(|| panic!("no {title}")))[0]["expr"]).to_owned()
}

/// A series of each of two exporters, with a value for so many hours.
fn twice(name: &str, labels: &str, value: f64, hours: f64) -> [Value; 2] {
    ["a:9884", "b:9884"].map(|exporter| {
        let series = format!("{name}{{job=\"platform_exporter\",instance=\"{exporter}\",{labels}}}");
        json!({"series": series, "values": format!("{value}x{} stale", hours * 6.0 - 1.0)})
    })
}

/// The result of an expression after a day of metrics, every ten minutes.
fn evaluates(expr: &str, rules: &str, series: &[Value], expected: &Value) {
    let test = json!({"rule_files": ["hivesync.rules.yml"], "evaluation_interval": "10m", "tests": [{
        "interval": "10m",
        "input_series": series,
        "promql_expr_test": [{"expr": expr, "eval_time": "23h50m", "exp_samples": expected}],
    }]});
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cost.yml");
    std::fs::write(&file, test.to_string()).unwrap();
    std::fs::write(directory.path().join("hivesync.rules.yml"), rules).unwrap();
    let output = Command::new("promtool").args(["test", "rules"]).arg(&file).output();
    let output = output.expect("promtool is there: run `make deps`");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("SUCCESS"), "{said}");
}

/// An instance costs once, however many workers and exporters see it; thirty days cost thirty times that day.
#[test]
fn the_cost_is_that_of_tokens_and_instances() {
    let worker = |name: &str, instance_type: &str, lifecycle: &str, state: &str, hours: f64| {
        let labels = format!(
            "source=\"fleet\",class=\"gpu\",worker=\"{name}\",instance_type=\"{instance_type}\",\
             lifecycle=\"{lifecycle}\",state=\"{state}\""
        );
        twice("worker_info", &labels, 1.0, hours)
    };
    let prices = GPU_PRICES.map(|(instance_type, lifecycle, price)| {
        let labels = format!(
            "source=\"app-db\",workers=\"fleet\",instance_type=\"{instance_type}\",lifecycle=\"{lifecycle}\""
        );
        twice("hivesync_gpu_hour_price", &labels, price, 48.0)
    });
    let workers = [
        worker("i-1:0", "g5.xlarge", "spot", "active", 10.0),
        worker("i-1:1", "g5.xlarge", "spot", "idle", 10.0),
        worker("i-2", "g5.xlarge", "spot", "idle", 5.0),
        worker("i-3/0", "g5.xlarge", "on-demand", "active", 2.0),
        worker("i-4", "p4d.24xlarge", "on-demand", "active", 1.0),
        worker("i-5", "g5.xlarge", "spot", "offline", 20.0),
        worker("i-6", "of another kind", "spot", "active", 20.0),
        // It runs until the end.
        worker("i-7", "g5.xlarge", "spot", "active", 24.5),
    ];
    let tokens = twice("hivesync_ai_token_cost_estimate", "source=\"app-db\",window=\"30d\"", 88.0, 48.0);
    let [on_demand, spot, large] = GPU_PRICES.map(|(.., price)| price);
    let gpu = 30.0 * ((10.0 + 5.0 + 24.0) * spot + 2.0 * on_demand + large);
    let none = json!([]);
    let one = |value: f64| json!([{"labels": "{}", "value": value}]);
    let (dashboard, rules) = of_pack(CONFIG, "hivesync");
    let rounded = |title: &str| format!("round({}, 0.001)", expression(&dashboard, title));
    let evaluates =
        |expr: &str, series: &[Value], expected: &Value| evaluates(expr, &rules, series, expected);
    let (total, of_gpu) = (rounded("AI cost this month"), rounded("GPU cost (30 days, estimate)"));
    let up = |hours| twice("platform_source_up", "source=\"fleet\",kind=\"workers\"", 1.0, hours);
    let (prices, workers) = (prices.concat(), [workers.concat(), up(48.0).to_vec()].concat());
    let all = [prices.clone(), workers.clone(), tokens.to_vec()].concat();
    evaluates(&of_gpu, &all, &one(gpu));
    evaluates(&total, &all, &one(gpu + 88.0));
    evaluates(&total, &[prices.clone(), workers.clone()].concat(), &one(gpu));
    // Without workers, and without prices.
    evaluates(&of_gpu, &prices, &none);
    evaluates(&of_gpu, &[prices.clone(), up(48.0).to_vec()].concat(), &one(0.0));
    evaluates(&total, &tokens, &one(88.0));
    evaluates(&total, &workers, &none);
    let now = GPU_PRICES.map(|(instance_type, lifecycle, price)| {
        let labels = format!("{{instance_type={instance_type:?}, lifecycle={lifecycle:?}}}");
        let runs = (instance_type, lifecycle) == ("g5.xlarge", "spot");
        json!({"labels": labels, "value": if runs { price } else { 0.0 }})
    });
    evaluates(&expression(&dashboard, "GPU cost per hour"), &all, &json!(now));
}
