//! The release binary, on the services of a platform.

use std::time::Duration;

use testkit::exporter::Exporter;
use testkit::platform::Platform;
use testkit::wait::eventually;

/// Long enough for a hundred thousand series on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The variables that a configuration refers to.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// Starts the exporter, and waits until this many of its sources are up.
pub(crate) async fn start(config: &str, environment: Environment, sources: usize) -> Exporter {
    let options = Exporter::options(config);
    let environment = environment.into_iter();
    let exporter =
        environment.fold(options, |options, (name, value)| options.variable(name, &value)).start().await;
    eventually(PATIENCE, "every source is up", async || up(&exporter).await == sources).await;
    exporter
}

/// Starts the exporter with the demo's nine kinds, and pushes the heartbeats that one of them expects.
pub(crate) async fn start_all_kinds(platform: &Platform, config: &str, environment: Environment) -> Exporter {
    let exporter = start(config, environment, KINDS).await;
    platform.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    exporter
}

/// How many sources the demo's configuration has: one of each kind.
pub(crate) const KINDS: usize = 9;

/// The demo's configuration, with this interval everywhere.
pub(crate) fn all_kinds(interval: &str) -> String {
    all_kinds_but("", "", interval)
}

/// The same, with a different interval for one source.
pub(crate) fn all_kinds_but(source: &str, its_interval: &str, interval: &str) -> String {
    let mut is_source = false;
    let lines = Platform::CONFIG.lines().map(|line| match line.split_once(':') {
        Some((key, _)) if ["interval", "every"].contains(&key.trim()) => {
            format!("{key}: {}", if is_source { its_interval } else { interval })
        }
        // A name of a source.
        Some((key, "")) if key.strip_prefix("  ").is_some_and(|key| !key.starts_with(' ')) => {
            is_source = key.trim() == source;
            line.to_owned()
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// How many sources are up.
pub(crate) async fn up(exporter: &Exporter) -> usize {
    let exposition = exporter.get("/metrics").await;
    exposition.lines().filter(|line| line.starts_with("platform_source_up{") && line.ends_with(" 1")).count()
}
