//! The month before a Prometheus was started: what an exporter shows, extended into the past, and what the rules make of
//! it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use history::{Past, Rule, Watch};
use platform_exporter::bundle;
use serde::Deserialize;

use super::exporter::Exporter;
use super::prometheus::Prometheus;
use super::time::now;

/// A sample is an answer for so many seconds.
const STEP: i64 = 300;
/// Rates are known after this time.
const WATCHED: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(500);

/// Watches an exporter until what it exposes is complete, and for long enough to know how fast its counters grow.
pub async fn watch(exporter: &Exporter, mut is_complete: impl FnMut(&str) -> bool) -> Watch {
    let mut watch = Watch::default();
    let start = Instant::now();
    loop {
        let exposition = exporter.get("/metrics").await;
        watch.see(&exposition, now());
        if is_complete(&exposition) && start.elapsed() >= WATCHED {
            return watch;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The past of what was watched at an address, with what the rules of a bundle would have recorded.
pub async fn past(mut watch: Watch, address: &str, bundle: &[bundle::File]) -> Arc<Past> {
    let queries: String = bundle.iter().map(|file| file.text.as_str()).collect();
    let mut past = Arc::new(Past::of(&mut watch, "platform_exporter", address, &queries));
    // Its rules are listed, and not evaluated.
    let options = Prometheus::options("global: {evaluation_interval: 52w}\nrule_files: ['*.rules.yml']\n");
    let without_interval = |file: &bundle::File| bundle::File {
        path: file.path.clone(),
        text: file.text.replace("    interval: 1m\n", ""),
    };
    let rules: Vec<_> = bundle.iter().map(without_interval).collect();
    let mut prometheus = options.rules(&rules).keeps_a_month().start().await;
    let stages = stages(&prometheus, bundle).await;
    let queries: String = stages.iter().flatten().map(|rule| rule.query.as_str()).collect();
    write(&past, &prometheus.data(), move |name| queries.contains(name)).await;
    for stage in stages {
        prometheus.restart().await;
        let span = past.span();
        let start = (span.0 + STEP).div_euclid(STEP) * STEP;
        let answers = stage.iter().map(|rule| prometheus.query_range(&rule.query, (start, span.1), STEP));
        let answers = join_all(answers).await;
        let known = Arc::get_mut(&mut past).expect("nobody else has it while nothing is written");
        for (rule, answer) in stage.iter().zip(&answers) {
            known.record(rule, answer).unwrap_or_else(|error| panic!("{}: {error}", rule.query));
        }
        let names: Vec<_> = stage.into_iter().map(|rule| rule.name).collect();
        write(&past, &prometheus.data(), move |name| names.iter().any(|known| known == name)).await;
    }
    past
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<serde_json::Value>,
}

/// The rules whose past matters, in the order in which they build on each other.
async fn stages(prometheus: &Prometheus, bundle: &[bundle::File]) -> Vec<Vec<Rule>> {
    let groups = prometheus.get("rules").await["groups"].take();
    let groups: Vec<Group> = serde_json::from_value(groups).expect("groups of rules");
    let rules: Vec<_> = groups.into_iter().flat_map(|group| group.rules).collect();
    let expressions: Vec<_> =
        rules.iter().filter_map(|rule| Some(rule["query"].as_str()?.to_owned())).collect();
    let recording = rules.into_iter().filter(|rule| rule["type"] == "recording");
    let recording: Vec<Rule> = recording.map(|rule| serde_json::from_value(rule).expect("a rule")).collect();
    let dashboards = bundle.iter().filter(|file| file.path.starts_with("grafana/"));
    let shown: String = dashboards.map(|file| file.text.as_str()).collect();
    history::stages(&recording, &expressions, &shown)
}

/// Writes the blocks of those whose names fit, on threads of its own.
pub(crate) async fn write(
    past: &Arc<Past>,
    data: &Path,
    fits: impl Fn(&str) -> bool + Send + Sync + 'static,
) {
    let (past, data) = (Arc::clone(past), data.to_owned());
    std::fs::create_dir_all(&data).expect("the directory is writable");
    let written = tokio::task::spawn_blocking(move || past.write(&data, &fits));
    written.await.expect("it does not panic").expect("promtool makes the blocks: run `make deps`");
}
