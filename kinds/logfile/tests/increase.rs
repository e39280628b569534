//! What Prometheus makes of the counters, while the log is rotated and the exporter restarted.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{Logs, append};
use testkit::exporter::Exporter;
use testkit::prometheus::{Prometheus, increments};
use testkit::wait::{eventually, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A line that is like no other.
fn line(number: u32) -> String {
    super::line(&json!({"number": 1_000_000 + number, "text": "as long as lines usually are"}))
}

#[tokio::test]
async fn prometheus_counts_the_lines_that_were_written() {
    let logs = Logs::new();
    logs.append("");
    let config =
        format!("sources: {{app: {{logfile: {{path: {}, from: beginning}}, interval: 1s}}}}", logs.label());
    let state = format!("--storage.path={}", logs.state.path().display());
    let mut exporter = Exporter::options(&config).argument(&state).start().await;
    let scrapes = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: exporter, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address()
    );
    let prometheus = Prometheus::start(&scrapes).await;
    let counters = ["logfile_lines_total", "logfile_bytes_total", "logfile_rotations_total"];
    let lines_in_range = format!("{}[10m]", counters[0]);
    eventually(PATIENCE, "the first samples are scraped", async || {
        prometheus.samples(&lines_in_range).await.iter().any(|samples| !samples.is_empty())
    })
    .await;

    let mut written = 0u32;
    for step in ["nothing", "rename", "copy", "twice", "restart", "nothing"] {
        match step {
            "rename" => fs::rename(logs.path(), logs.beside("app.log.1")).expect("it is there"),
            "copy" => {
                fs::copy(logs.path(), logs.beside("app.log.2")).expect("there is room");
                fs::File::options()
                    .write(true)
                    .open(logs.path())
                    .and_then(|log| log.set_len(0))
                    .expect("it is writable");
            }
            "twice" => {
                for name in ["app.log.4", "app.log.3"] {
                    logs.append(line(written));
                    written += 1;
                    fs::rename(logs.path(), logs.beside(name)).expect("it is there");
                }
            }
            "restart" => exporter.restart().await,
            _ => {}
        }
        append(&logs.path(), (written..written + 100).map(line).collect::<String>());
        written += 100;
        let lines = f64::from(written);
        eventually(PATIENCE, "the lines are scraped", async || {
            prometheus.samples(&lines_in_range).await.iter().any(|samples| samples.last() == Some(&lines))
        })
        .await;
    }

    let lines = f64::from(written);
    for (counter, done) in counters.into_iter().zip([lines, lines * line(0).len() as f64, 4.0]) {
        let series = until(PATIENCE, "all of it is scraped", async || {
            let series = prometheus.samples(&format!("{counter}[10m]")).await;
            series.iter().all(|samples| samples.last() == Some(&done)).then_some(series)
        })
        .await;
        assert_eq!(series.iter().map(|samples| increments(samples)).sum::<f64>(), done, "{counter}");
        // From samples a second apart, it reaches over what is left of the last second.
        let result = prometheus.query(&format!("sum(increase({counter}[10m]))")).await;
        let increase: f64 =
            result[0]["value"][1].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let samples = series.iter().map(Vec::len).min().expect("a series");
        let most = 1.0 + 1.2 / (samples - 1) as f64;
        println!("{counter}: {done} were written, increase() says {increase} from {samples} samples");
        assert!(
            (0.999..=most).contains(&(increase / done)),
            "{counter}: {done}, {increase} of {samples} samples"
        );
    }
}
