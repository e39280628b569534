//! Scrapes by `wrk`, a separate process.

use tokio::process::Command;

use crate::stats::median;
use testkit::http;

/// How to scrape.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Each is kept open, with one scrape in flight at any time.
    pub(crate) connections: u32,
    pub(crate) gzip: bool,
}

/// Scrape durations in milliseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

impl Times {
    /// The median of several rounds.
    pub(crate) fn middle(rounds: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(&rounds.iter().map(value).collect::<Vec<_>>());
        Self { median: of(|times| times.median), p99: of(|times| times.p99) }
    }
}

/// Scrapes the URLs in turns, for several rounds of this many seconds.
pub(crate) async fn alternate(urls: &[String], load: Load, rounds: usize, seconds: u32) -> Vec<Times> {
    let mut times = vec![Vec::new(); urls.len()];
    for _ in 0..rounds {
        for (url, times) in urls.iter().zip(&mut times) {
            times.push(scrape(url, load, seconds).await);
        }
    }
    times.iter().map(|rounds| Times::middle(rounds)).collect()
}

/// Scrapes a URL once, with gzip as Prometheus does.
pub(crate) async fn once(url: &str) {
    let request = http::client().get(url).header("accept-encoding", "gzip");
    request.send().await.expect("it answers").bytes().await.expect("it answers in full");
}

/// Scrapes a URL for some seconds.
pub(crate) async fn scrape(url: &str, Load { connections, gzip }: Load, seconds: u32) -> Times {
    let mut wrk = Command::new("wrk");
    wrk.args(["--latency", "--timeout", "30s"]);
    wrk.args(["-t", if connections > 1 { "2" } else { "1" }, "-c", &connections.to_string()]);
    wrk.args(["-d", &format!("{seconds}s")]);
    if gzip {
        wrk.args(["-H", "Accept-Encoding: gzip"]);
    }
    let output = wrk.arg(url).output().await.expect("wrk is not installed: scripts/deps.sh peers");
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = text.contains("Non-2xx") || text.contains("Socket errors");
    assert!(output.status.success() && !failed, "{url}: {text}");
    Times { median: quantile(&text, "50%"), p99: quantile(&text, "99%") }
}

fn quantile(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
    let time = line.unwrap_or_else(|| panic!("no {name} in {text}")).trim();
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3)];
    let parsed = units
        .into_iter()
        .find_map(|(unit, factor)| Some(time.strip_suffix(unit)?.parse::<f64>().ok()? * factor));
    parsed.unwrap_or_else(|| panic!("a time: {time}"))
}
