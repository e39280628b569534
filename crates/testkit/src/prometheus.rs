//! Prometheus.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use history::Past;
use platform_exporter::bundle;
use serde_json::Value;
use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};

/// What can be chosen about a server before it starts.
#[derive(Default)]
pub struct Options {
    config: String,
    files: Vec<(String, String)>,
    arguments: Vec<String>,
    port: Option<u16>,
}

impl Options {
    /// The text of a file beside `prometheus.yml`, such as one of rules.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The rules of a bundle, beside `prometheus.yml`.
    pub fn rules(self, bundle: &[bundle::File]) -> Self {
        rules(bundle).fold(self, |options, (name, text)| options.file(name, text))
    }

    /// For how long a sample without a successor is still an answer.
    pub fn lookback(mut self, lookback: Duration) -> Self {
        self.arguments.push(format!("--query.lookback-delta={}ms", lookback.as_millis()));
        self
    }

    /// Scrapes, evaluates and looks for targets every so many seconds, where the configuration says 15 or 30.
    pub fn every(mut self, seconds: u64) -> Self {
        for shipped in ["_interval: 15s", "_interval: 30s"] {
            self.config = self.config.replace(shipped, &format!("_interval: {seconds}s"));
        }
        self
    }

    /// The port on which it listens if that is free.
    pub fn port(mut self, number: u16) -> Self {
        self.port = Some(number);
        self
    }

    /// Keeps samples for more than a month.
    pub fn keeps_a_month(mut self) -> Self {
        self.arguments.push("--storage.tsdb.retention.time=40d".to_owned());
        // Blocks stay as they are made: to merge those of a month takes a while.
        self.arguments.push("--storage.tsdb.max-block-duration=2h".to_owned());
        // A rule over a month takes a while on a busy machine.
        self.arguments.push("--query.timeout=15m".to_owned());
        self
    }

    /// Starts the server, and waits until it answers.
    pub async fn start(self) -> Prometheus {
        let directory = TempDir::with_prefix("prometheus-").expect("a temporary directory");
        let port = self.port.map_or_else(Port::free, Port::preferably);
        let config = directory.path().join("prometheus.yml");
        std::fs::write(&config, &self.config).expect("the directory is writable");
        for (name, text) in &self.files {
            std::fs::write(directory.path().join(name), text).expect("the directory is writable");
        }
        let data = directory.path().join("data");
        let mut command = command("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--web.enable-lifecycle").args(&self.arguments).current_dir(directory.path());
        // Alertmanagers are known only seconds after the start; an alert that fires before is sent again. One that is not
        // sent for four times this long counts as resolved, so it has to outlast a busy machine.
        command.arg("--rules.alert.resend-delay=3s");
        let process = Process::spawn("prometheus", command, directory.path());
        let mut server = Prometheus { process, port, directory };
        server.ready().await;
        server
    }
}

/// A Prometheus server.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    port: Port,
    directory: TempDir,
}

impl Prometheus {
    /// Starts a server with the text of its `prometheus.yml`.
    pub async fn start(config: &str) -> Self {
        Self::options(config).start().await
    }

    /// Starts a server with options beside the text of its `prometheus.yml`.
    pub fn options(config: &str) -> Options {
        Options { config: config.to_owned(), ..Options::default() }
    }

    /// A configuration that is shipped, with the addresses that its services have here; rules belong beside it.
    pub fn shipped(config: &str, exporter: &str, alertmanager: &str) -> Options {
        let config = config.replace("exporter:9884", exporter).replace("alertmanager:9093", alertmanager);
        Self::options(&config.replace("../alerts/", "./"))
    }

    async fn ready(&mut self) {
        let url = format!("{}/-/ready", self.url());
        self.process.ready(async || http::answers(&url).await).await;
    }

    /// Ends it, starts it again with the blocks that are there by then, and waits until it answers.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.ready().await;
    }

    /// Adds a past, and the rules, which look back at it. What was scraped meanwhile stays: nothing is missing between the
    /// two.
    pub async fn remember(&mut self, past: &Arc<Past>, bundle: &[bundle::File]) {
        super::history::write(past, &self.data(), |_| true).await;
        for (name, text) in rules(bundle) {
            std::fs::write(self.directory.path().join(name), text).expect("the directory is writable");
        }
        self.restart().await;
    }

    /// Where its blocks are.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The `result` of an instant query; panics when the query is refused.
    pub async fn query(&self, promql: &str) -> Value {
        let request = http::client().get(format!("{}/api/v1/query", self.url()));
        http::json(request.query(&[("query", promql)])).await["data"]["result"].take()
    }

    /// The whole answer to a query over a range with a step, in seconds; panics when the query is refused.
    pub async fn query_range(&self, promql: &str, (start, end): (i64, i64), step: i64) -> String {
        let (start, end, step) = (start.to_string(), end.to_string(), step.to_string());
        let request = http::client().get(format!("{}/api/v1/query_range", self.url()));
        http::text(request.query(&[("query", promql), ("start", &start), ("end", &end), ("step", &step)]))
            .await
    }

    /// The samples of each series that a selector with a range finds.
    pub async fn samples(&self, selector: &str) -> Vec<Vec<f64>> {
        let matrix = self.query(selector).await;
        let number =
            |sample: &Value| sample[1].as_str().and_then(|text| text.parse().ok()).expect("a number");
        let of_series =
            |series: &Value| series["values"].as_array().expect("samples").iter().map(number).collect();
        matrix.as_array().expect("series").iter().map(of_series).collect()
    }

    /// The `data` of a path below `/api/v1/`, such as `targets`, `rules` or `alerts`.
    pub async fn get(&self, path: &str) -> Value {
        http::json(http::client().get(format!("{}/api/v1/{path}", self.url()))).await["data"].take()
    }

    /// Replaces a file of its directory, and has everything read again; panics when that is refused.
    pub async fn reload(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).expect("the directory is writable");
        http::json(http::client().post(format!("{}/-/reload", self.url()))).await;
    }

    /// Freezes the server.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Wakes a frozen server.
    pub fn resume(&self) {
        self.process.resume();
    }
}

/// The files of rules in a bundle, with their names and texts.
fn rules(bundle: &[bundle::File]) -> impl Iterator<Item = (&str, &str)> {
    bundle.iter().filter_map(|file| Some((file.path.strip_prefix("alerts/")?, file.text.as_str())))
}

/// What the samples of a counter add up to: one that falls has started again at zero.
pub fn increments(samples: &[f64]) -> f64 {
    samples.windows(2).map(|pair| if pair[1] < pair[0] { pair[1] } else { pair[1] - pair[0] }).sum()
}
